//! VPSs and volumes that become larger or smaller.

use app::billing::resize::{self, Confirmed};
use app::{Caller, Error};
use domain::activity::Action;
use domain::billing::Subject;
use domain::{PriceVersionId, ResizeId};
use store::wallet;

use crate::Panel;

impl Panel {
    /// Orders a resize to a price: of a VPS to that of a plan (quantity 1), of a volume to so many GiB.
    pub async fn order_resize(
        &self,
        caller: &Caller,
        of: Subject,
        to: (PriceVersionId, i64),
    ) -> Result<ResizeId, Error> {
        let mut tx = self.store.org_tx(&caller.scope).await?;
        let mut wallet = wallet::lock(&mut tx).await?;
        let id = resize::order(&self.app, caller, &mut tx, &mut wallet, of, to).await?;
        wallet::save(&mut tx, [&mut wallet]).await?;
        tx.commit(caller.did(Action::VpsCreateRequested)).await?;
        Ok(id)
    }

    /// The provider has done it.
    pub async fn confirm_resize(&self, caller: &Caller, id: ResizeId) -> Confirmed {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let confirmed = resize::confirm(&mut tx, &mut wallet, id).await.unwrap();
        tx.commit(caller.did(Action::VpsCreated)).await.unwrap();
        confirmed
    }

    /// The provider cannot. Answers whether it was waited for.
    pub async fn fail_resize(&self, caller: &Caller, id: ResizeId) -> bool {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let waited_for = resize::fail(&mut tx, &mut wallet, id).await.unwrap();
        wallet::save(&mut tx, [&mut wallet]).await.unwrap();
        tx.commit(caller.did(Action::VpsCreateFailed)).await.unwrap();
        waited_for
    }
}
