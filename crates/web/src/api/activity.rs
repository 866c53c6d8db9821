//! The audit trail.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::activity::read::{self, Entry};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Problem;
use super::access::Allowed;
use super::endpoints::{Endpoints, endpoint};
use super::input::Query;
use super::page::{Cursor, Page, Paging};
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(all))
}

/// Facts of entries that are the customer's to know. What is not listed is not shown.
const FACTS: &[&str] = &[
    "action",
    "amount",
    "by",
    "charged",
    "currency",
    "email",
    "fingerprint",
    "held",
    "hour",
    "hours",
    "name",
    "organization",
    "owner",
    "power",
    "reason",
    "role",
    "to_debt",
];

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
pub(crate) struct Done {
    id: Uuid,
    /// What was done; new ones may be added.
    #[schema(example = "vps.create_requested")]
    action: String,
    actor: By,
    /// To what, if to something.
    #[schema(required)]
    target: Option<Target>,
    /// Facts about it; which ones depends on the action.
    #[schema(value_type = Object, example = json!({"name": "web-1"}))]
    detail: Map<String, Value>,
    /// Address the request came from.
    #[schema(required, example = "203.0.113.9")]
    address: Option<String>,
    created_at: DateTime<Utc>,
}

type ActivityPage = Page<Done>;

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActivityActor)]
pub(crate) struct By {
    /// `user`, `api_key`, or `system` for what happened by itself.
    #[serde(rename = "type")]
    #[schema(example = "api_key")]
    kind: String,
    /// Name of the person or key; `null` for others than yours.
    #[schema(required, example = "deploy script")]
    name: Option<String>,
}

/// What it was done to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActivityTarget)]
pub(crate) struct Target {
    /// What kind of thing it is; new ones may be added.
    #[serde(rename = "type")]
    #[schema(example = "vps")]
    kind: String,
    id: Uuid,
}

impl From<Entry> for Done {
    fn from(entry: Entry) -> Self {
        let mut detail = match entry.detail {
            Value::Object(facts) => facts,
            _ => Map::new(),
        };
        detail.retain(|fact, _| FACTS.contains(&fact.as_str()));
        Self {
            id: entry.id.into(),
            action: entry.action,
            actor: By { kind: entry.actor_kind, name: entry.actor_name },
            target: entry.target_kind.zip(entry.target_id).map(|(kind, id)| Target { kind, id }),
            detail,
            address: entry.address,
            created_at: entry.created_at,
        }
    }
}

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only this action, or all of a kind by the word before the dot.
    #[param(example = "vps")]
    action: Option<String>,
    /// Only what was done to the thing with this id.
    target: Option<Uuid>,
    /// Most rows to answer.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u8>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List activity
///
/// Everything that was done in the organization, by whom and from where, newest first.
#[utoipa::path(get, path = "/activity", operation_id = "list_activity", tag = "activity",
    params(Filter), responses((status = 200, description = "A page of entries.", body = ActivityPage)))]
async fn all(
    client: Allowed<may::ActivityView>,
    Query(filter): Query<Filter>,
) -> Result<Json<ActivityPage>, Problem> {
    let asked = Paging { limit: filter.limit, cursor: filter.cursor }.asked()?;
    let wanted = read::Filter { group: filter.action, target: filter.target, ..Default::default() };
    let rows = read::list(&mut client.read().await?, &wanted, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |entry| Cursor::id(entry.id), Done::from)))
}

#[cfg(test)]
mod tests {
    use domain::ActivityId;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_listed_facts_are_shown() {
        let entry = Entry {
            id: ActivityId::new(),
            organization: None,
            actor_kind: "system".into(),
            actor_name: None,
            action: "vps.twin_destroyed".into(),
            target_kind: None,
            target_id: None,
            detail: json!({ "name": "web-1", "server": "4711" }),
            address: None,
            created_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(Value::Object(Done::from(entry).detail), json!({ "name": "web-1" }));
    }
}
