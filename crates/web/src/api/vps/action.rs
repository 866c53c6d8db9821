//! What is asked of a VPS.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use domain::{VpsActionId, VpsId};
use serde::{Deserialize, Serialize};
use store::vps::read::{self, ActionRecord, Wanted};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::WebState;
use crate::access::may;
use crate::api::Problem;
use crate::api::access::{Allowed, Client};
use crate::api::idempotency::location;
use crate::api::input::{Body, Id, Query, path_part};
use crate::api::page::{Cursor, Page, Paging};
use crate::api::problem::{Details, PROBLEM_JSON};
use crate::api::value::{ActionRequest, ActionStatus, ActionType};

/// Something that was asked of a VPS.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Action {
    id: Uuid,
    #[serde(rename = "type")]
    kind: ActionType,
    status: ActionStatus,
    /// What went wrong, for people.
    #[schema(required)]
    failure: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was over.
    #[schema(required)]
    finished_at: Option<DateTime<Utc>>,
}

type ActionPage = Page<Action>;

impl From<ActionRecord> for Action {
    fn from(row: ActionRecord) -> Self {
        Self {
            id: row.id.into(),
            kind: ActionType(row.kind),
            status: ActionStatus(row.state),
            failure: row.failure,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

impl Action {
    async fn find(client: &Client, vps: VpsId, id: VpsActionId) -> Result<Self, Problem> {
        let rows = read::actions(&mut client.read().await?, vps, Some(id), None, 1).await?;
        rows.into_iter().next().map(Self::from).ok_or_else(Problem::not_found)
    }
}

/// Something to ask of a VPS.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewAction {
    #[serde(rename = "type")]
    kind: ActionRequest,
}

/// List a VPS's actions
///
/// Everything that was asked of the VPS, newest first.
#[utoipa::path(get, path = "/vps/{id}/actions", operation_id = "list_vps_actions", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS."), Paging),
    responses((status = 200, description = "A page of actions.", body = ActionPage)))]
pub(super) async fn list(
    client: Allowed<may::VpsView>,
    Id(vps): Id<VpsId>,
    Query(paging): Query<Paging>,
) -> Result<Json<ActionPage>, Problem> {
    let asked = paging.asked()?;
    let mut db = client.read().await?;
    if read::records(&mut db, Wanted::One(vps), None, 1).await?.is_empty() {
        return Err(Problem::not_found());
    }
    let rows = read::actions(&mut db, vps, None, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |action| Cursor::id(action.id), Action::from)))
}

/// Start, stop or reboot a VPS
///
/// One thing at a time: while something is under way, the next is refused. A stopped VPS costs as
/// much as a running one.
#[utoipa::path(post, path = "/vps/{id}/actions", operation_id = "create_vps_action", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS.")), request_body = NewAction,
    responses(
        (status = 202, description = "Accepted.", body = Action,
            headers(("Location" = String, description = "Address of the action."))),
        (status = 409, description = "`busy`: another action is under way. `not_active`: the VPS is not \
            ready yet, or being deleted. `suspended`: it is kept off.",
            body = Details, content_type = PROBLEM_JSON),
    ))]
pub(super) async fn create(
    client: Allowed<may::VpsPower>,
    Id(vps): Id<VpsId>,
    Body(new): Body<NewAction>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<Action>), Problem> {
    let id = app::vps::power(client.app(), &client.caller, vps, new.kind.0).await?;
    let action = Action::find(&client, vps, id).await?;
    let address = location(&format!("/vps/{vps}/actions"), id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, address)], Json(action)))
}

/// The ids in the path of one action.
pub(super) struct Address {
    vps: VpsId,
    action: VpsActionId,
}

impl FromRequestParts<WebState> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        Ok(Self {
            vps: path_part(parts, state, "id").await?,
            action: path_part(parts, state, "action_id").await?,
        })
    }
}

/// Show an action
#[utoipa::path(get, path = "/vps/{id}/actions/{action_id}", operation_id = "show_vps_action", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS."), ("action_id" = Uuid, Path, description = "The action.")),
    responses((status = 200, description = "The action.", body = Action)))]
pub(super) async fn show(
    client: Allowed<may::VpsView>,
    Address { vps, action }: Address,
) -> Result<Json<Action>, Problem> {
    Ok(Json(Action::find(&client, vps, action).await?))
}
