//! Ordering a VPS: one transaction holds the money, writes the intent and enqueues the job.

use domain::activity::{Action, TargetKind};
use domain::billing::{HeldFor, Subject};
use domain::identity::Permission;
use domain::notify::Topic;
use domain::vps::{ActionKind, VpsName};
use domain::{HoldId, ImageId, PlanId, PriceVersionId, RegionId, SshKeyId, VpsActionId, VpsId};
use serde_json::json;
use store::catalog::Quote;
use store::{OrgTx, catalog, job, notify, vps, wallet};

use super::console_key;
use crate::billing::order::{self, Asked};
use crate::identity::idempotency;
use crate::vault::Place;
use crate::{App, Caller, Done, Error, IdempotencyKey, Result};

/// What a customer orders.
#[derive(Debug, Clone)]
pub struct NewVps {
    /// Name of the VPS.
    pub name: VpsName,
    /// Plan.
    pub plan_id: PlanId,
    /// Region.
    pub region_id: RegionId,
    /// Operating system.
    pub image_id: ImageId,
    /// The price the customer saw.
    pub price_version_id: PriceVersionId,
    /// Keys of the organization that may sign in; at least one.
    pub ssh_keys: Vec<SshKeyId>,
    /// cloud-init user data, at most 60 KiB.
    pub user_data: Option<String>,
}

/// Longest user data in bytes. The vendors take 64 KiB in their own encodings.
const USER_DATA_MAX: usize = 60 * 1024;

/// Orders a VPS. Needs the first hour, and money left for the reserve hours of everything that
/// runs afterwards.
pub async fn create(
    app: &App,
    caller: &Caller,
    new: NewVps,
    key: Option<&IdempotencyKey>,
) -> Result<Done<VpsId>> {
    caller.require(Permission::VpsCreate)?;
    let user_data = new.user_data.as_deref().filter(|text| !text.trim().is_empty());
    if user_data.is_some_and(|text| text.len() > USER_DATA_MAX) {
        return Err(Error::invalid("user_data", "User data can be at most 60 KiB."));
    }
    let id = VpsId::new();
    let console = console_key::generate()?;
    let sealed = app.vault.seal(Place::console_key(id), &console.private).map_err(Error::internal)?;

    let mut tx = app.store.org_tx(&caller.scope).await?;
    if let Some(before) = idempotency::begin(&mut tx, key, &id).await? {
        return Ok(before);
    }
    let mut wallet = wallet::lock(&mut tx).await?;
    let quote = quote(&mut tx, &new).await?;
    let ssh_keys = chosen_keys(&mut tx, &new.ssh_keys).await?;
    let asked = Asked { hour: quote.sell_hour, month: quote.sell_month, minimum: quote.sell_minimum };
    let (subject, reserve_hours) = (Subject::Vps(id), app.settings().reserve_hours);
    let hold = order::hold(&mut wallet, subject, asked, reserve_hours, caller.scope.actor())?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    let row = vps::NewInstance {
        id,
        name: new.name.as_str(),
        plan_id: new.plan_id,
        region_id: new.region_id,
        image_id: new.image_id,
        price_version_id: new.price_version_id,
        ssh_keys: &ssh_keys,
        user_data,
        console_public_key: &console.public,
        console_key_sealed: &sealed,
    };
    vps::insert(&mut tx, row).await.map_err(|e| match e.is_constraint("vps_instances_name") {
        true => Error::invalid("name", "You already have a VPS with this name."),
        false => e.into(),
    })?;
    wallet::insert_hold(&mut tx, HoldId::new(), HeldFor::Start(subject), hold).await?;
    vps::insert_action(&mut tx, VpsActionId::new(), id, ActionKind::Create).await?;
    job::enqueue(&mut tx, super::job("vps.create", id)).await?;
    notify::publish(&mut tx, Topic::Vps, id).await?;
    notify::publish(&mut tx, Topic::Wallet, caller.organization_id()).await?;
    let entry = caller.did(Action::VpsCreateRequested).on(TargetKind::Vps, id).with(
        json!({ "name": new.name.as_str(), "hour": quote.sell_hour.to_string(), "held": hold.to_string() }),
    );
    tx.commit(entry).await?;
    Ok(Done::Now(id))
}

/// The price in force, if it is the one the customer saw and the order can be delivered.
async fn quote(tx: &mut OrgTx, new: &NewVps) -> Result<Quote> {
    let quote = catalog::quote(tx, new.plan_id, new.region_id, new.image_id)
        .await?
        .ok_or_else(|| Error::invalid("plan", "This plan is not sold in this region."))?;
    if quote.price_version_id != new.price_version_id {
        return Err(Error::StalePrice);
    }
    if !quote.orderable {
        return Err(Error::conflict(
            "not_available",
            "This combination of plan, region and image cannot be ordered at the moment. Please choose another.",
        ));
    }
    Ok(quote)
}

async fn chosen_keys(tx: &mut OrgTx, ids: &[SshKeyId]) -> Result<Vec<String>> {
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Err(Error::invalid("ssh_keys", "Choose at least one SSH key; it is how you sign in."));
    }
    let keys = vps::ssh_key::public_keys(tx, &wanted).await?;
    if keys.len() != wanted.len() {
        return Err(Error::invalid("ssh_keys", "One of the SSH keys does not exist any more."));
    }
    Ok(keys)
}
