//! What is sold by the hour besides VPSs.

use app::billing::resource;
use app::catalog::{NewResourcePrice, publish_resource_price};
use app::{Caller, Error, Operator};
use domain::activity::Action;
use domain::catalog::{Cost, Markup, Product};
use domain::{Money, PlanId, PriceVersionId, RegionId, ResourceId, VpsId};
use store::billing::resource::NewResource;
use store::wallet;

use crate::{Panel, REGION};

impl Panel {
    /// Publishes a price in the usual region, in force at once: the cost of an hour and a month in micro-units, for so
    /// many units.
    pub async fn publish_resource(
        &self,
        kind: Product,
        backs_up: Option<PlanId>,
        (hour, month, per_units): (i64, i64, i64),
        basis_points: i32,
    ) -> PriceVersionId {
        let cost =
            Cost { hour: Money::from_micros(hour), month: Money::from_micros(month), minimum: Money::ZERO };
        let markup = Markup { basis_points, ..Markup::default() };
        let new =
            NewResourcePrice { kind, region_id: self.region().await, backs_up, per_units, cost, markup };
        publish_resource_price(&self.app, &Operator::command_line(), new).await.unwrap()
    }

    /// The usual region.
    pub async fn region(&self) -> RegionId {
        RegionId(self.fetch(format!("select id from regions where slug = '{REGION}'")).await)
    }

    /// Orders so much at a price.
    pub async fn order_resource(
        &self,
        caller: &Caller,
        kind: Product,
        (vps_id, quantity): (Option<VpsId>, i64),
        price_version_id: PriceVersionId,
    ) -> Result<ResourceId, Error> {
        let id = ResourceId::new();
        let name = &format!("{kind}-{id}");
        let region_id = self.region().await;
        let new = NewResource { id, kind, name, vps_id, region_id, quantity, price_version_id };
        let mut tx = self.store.org_tx(&caller.scope).await?;
        let mut wallet = wallet::lock(&mut tx).await?;
        resource::order(&self.app, caller, &mut tx, &mut wallet, new).await?;
        wallet::save(&mut tx, [&mut wallet]).await?;
        tx.commit(caller.did(Action::VpsCreateRequested)).await?;
        Ok(id)
    }

    /// The provider has it. Answers what was charged, if it was waited for.
    pub async fn confirm_resource(&self, caller: &Caller, id: ResourceId) -> Option<Money> {
        let price = resource::price(&self.app, id).await.unwrap();
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let charged = resource::confirm(&mut tx, &mut wallet, id, &price).await.unwrap();
        tx.commit(caller.did(Action::VpsCreated)).await.unwrap();
        charged
    }

    /// Nobody can make it. Answers whether it was waited for.
    pub async fn fail_resource(&self, caller: &Caller, id: ResourceId) -> bool {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let waited_for = resource::fail(&mut tx, &mut wallet, id).await.unwrap();
        wallet::save(&mut tx, [&mut wallet]).await.unwrap();
        tx.commit(caller.did(Action::VpsCreateFailed)).await.unwrap();
        waited_for
    }

    /// Deletes it. Answers whether it lived.
    pub async fn end_resource(&self, caller: &Caller, id: ResourceId) -> Result<bool, Error> {
        let mut tx = self.store.org_tx(&caller.scope).await?;
        let mut wallet = wallet::lock(&mut tx).await?;
        let lived = resource::end(&mut tx, &mut wallet, id).await?;
        wallet::save(&mut tx, [&mut wallet]).await?;
        tx.commit(caller.did(Action::VpsDeleteRequested)).await?;
        Ok(lived)
    }

    /// It is gone at the provider; was it ever there? Answers whether it was waited for.
    pub async fn conclude_resource(&self, caller: &Caller, id: ResourceId, existed: bool) -> bool {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let waited_for = resource::conclude(&mut tx, &mut wallet, id, existed).await.unwrap();
        wallet::save(&mut tx, [&mut wallet]).await.unwrap();
        tx.commit(caller.did(Action::VpsDeleted)).await.unwrap();
        waited_for
    }

    /// A resource that is there, ordered at a price.
    pub async fn active_resource(
        &self,
        caller: &Caller,
        kind: Product,
        of: (Option<VpsId>, i64),
        price: PriceVersionId,
    ) -> ResourceId {
        let id = self.order_resource(caller, kind, of, price).await.unwrap();
        self.confirm_resource(caller, id).await.unwrap();
        id
    }
}
