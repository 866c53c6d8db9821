//! Entries that several use cases write alike.

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::{OrganizationId, VpsId};
use serde_json::json;

/// Something the panel did to a VPS, in the name of who asked for it.
pub(crate) fn vps(
    organization: OrganizationId,
    actor: Actor,
    action: Action,
    id: VpsId,
    name: &str,
) -> Activity {
    Activity::of(organization, actor, action).on(TargetKind::Vps, id).with(json!({ "name": name }))
}
