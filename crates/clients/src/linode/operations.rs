//! Power operations, and how far they are.
//!
//! An action answers with nothing. What becomes of it is an event of the account, found by being newer than the
//! newest event known before; event ids grow.

use domain::provider::{OperationMarker, OperationState, PowerAction, Rejection, ServerRef, UpstreamError};
use serde_json::{Value, json};

use super::api::{Api, instance_id, versioned};
use super::errors::{is_already_so, refusal};
use super::map;
use super::wire::Event;
use crate::http::Call;

/// Times have whole seconds, so the order among the newest is ours to find; this many share no second.
const NEWEST: u32 = 100;

/// `POST /linode/instances/{id}/{boot,shutdown,reboot}`. A server that already is as wanted is success; no
/// event follows then.
pub(super) async fn power(
    api: &Api<'_>,
    server: &ServerRef,
    action: PowerAction,
) -> Result<(), UpstreamError> {
    let id = instance_id(server)?.to_string();
    let verb = match action {
        PowerAction::Start => "boot",
        // There is one way to switch off: the guest is asked, and cut off if it does not end.
        PowerAction::Stop | PowerAction::Cut => "shutdown",
        PowerAction::Reboot => "reboot",
    };
    let answer = api.send_raw(Call::post(&versioned(&["linode", "instances", &id, verb]))).await?;
    match answer.is_success() || is_already_so(&answer, action) {
        true => Ok(()),
        false => Err(refusal(&answer)),
    }
}

/// The newest event of a server.
pub(super) async fn latest(api: &Api<'_>, server: &ServerRef) -> Result<OperationMarker, UpstreamError> {
    let newest = events(api, server, None).await?.into_iter().map(|event| event.id).max();
    Ok(newest.map(|id| OperationMarker(id.to_string())).unwrap_or_default())
}

/// The newest event of an action after the marker.
pub(super) async fn since(
    api: &Api<'_>,
    server: &ServerRef,
    action: PowerAction,
    marker: &OperationMarker,
) -> Result<Option<OperationState>, UpstreamError> {
    let after = match marker.0.as_str() {
        "" => 0,
        id => id.parse().map_err(|_| UpstreamError::rejected(Rejection::Invalid, "not an event id"))?,
    };
    let events = events(api, server, Some(map::event_action(action))).await?;
    let newest = events.into_iter().filter(|event| event.id > after).max_by_key(|event| event.id);
    Ok(newest.map(|event| map::operation(&event.status)))
}

/// The newest events of a server. The answer is checked, as a filter might be ignored.
async fn events(
    api: &Api<'_>,
    server: &ServerRef,
    action: Option<&str>,
) -> Result<Vec<Event>, UpstreamError> {
    let id = instance_id(server)?;
    let mut filter = json!({
        "entity.id": id,
        "entity.type": "linode",
        "+order_by": "created",
        "+order": "desc",
    });
    if let Some(action) = action {
        filter["action"] = Value::from(action);
    }
    let events: Vec<Event> = api.page(&["account", "events"], &filter, NEWEST).await?;
    let concerns = |event: &Event| {
        let entity = event.entity.as_ref();
        entity.is_some_and(|e| e.id == Some(Value::from(id)) && e.kind.as_deref() == Some("linode"))
    };
    Ok(events.into_iter().filter(|e| concerns(e) && action.is_none_or(|wanted| e.action == wanted)).collect())
}
