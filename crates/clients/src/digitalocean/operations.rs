//! Power operations, and how far they are.
//!
//! Actions are kept for ever and their ids grow, so ours is the one of its type that is newer than the newest
//! known before.

use domain::provider::{OperationMarker, OperationState, PowerAction, Rejection, ServerRef, UpstreamError};
use serde_json::json;

use super::api::{Api, droplet_id, versioned};
use super::errors::{is_already_so, refusal};
use super::map;
use super::wire::{Action, Actions};
use crate::http::Call;

/// `POST /v2/droplets/{id}/actions`. A droplet that already is as wanted is success; no action follows then.
pub(super) async fn power(
    api: &Api<'_>,
    server: &ServerRef,
    action: PowerAction,
) -> Result<(), UpstreamError> {
    let call = Call::post(&versioned(&["droplets", &droplet_id(server)?, "actions"]))
        .json(&json!({ "type": map::action_type(action) }));
    let answer = api.send_raw(call).await?;
    match answer.is_success() || is_already_so(&answer, action) {
        true => Ok(()),
        false => Err(refusal(&answer)),
    }
}

/// The newest action of a droplet.
pub(super) async fn latest(api: &Api<'_>, server: &ServerRef) -> Result<OperationMarker, UpstreamError> {
    let newest = actions(api, server).await?.into_iter().map(|action| action.id).max();
    Ok(newest.map(|id| OperationMarker(id.to_string())).unwrap_or_default())
}

/// The newest action of a type after the marker.
pub(super) async fn since(
    api: &Api<'_>,
    server: &ServerRef,
    action: PowerAction,
    marker: &OperationMarker,
) -> Result<Option<OperationState>, UpstreamError> {
    let after: u64 = match marker.0.as_str() {
        "" => 0,
        id => id.parse().map_err(|_| UpstreamError::rejected(Rejection::Invalid, "not an action id"))?,
    };
    let wanted = map::action_type(action);
    let newer = actions(api, server).await?.into_iter().filter(|a| a.id > after && a.kind == wanted);
    Ok(newer.max_by_key(|action| action.id).map(|action| map::operation(&action.status)))
}

/// All actions of a droplet. There is no filter and the order is not promised, so all pages are read; a page
/// has 200, more than most droplets see in a year.
async fn actions(api: &Api<'_>, server: &ServerRef) -> Result<Vec<Action>, UpstreamError> {
    api.all::<Actions, _>(&["droplets", &droplet_id(server)?, "actions"], None, Ok).await
}
