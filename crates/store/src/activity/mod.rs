//! The audit trail.

pub mod read;

use domain::ActivityId;
use domain::activity::Activity;
use domain::identity::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Kind and id of an actor as two columns.
pub(crate) fn actor_columns(actor: Actor) -> (&'static str, Option<Uuid>) {
    match actor {
        Actor::User { user } => ("user", Some(user.0)),
        Actor::ApiKey { key } => ("api_key", Some(key.0)),
        Actor::System => ("system", None),
    }
}

/// Writes entries, however many, in one statement.
pub(crate) async fn insert(conn: &mut PgConnection, entries: &[Activity]) -> Result<()> {
    let ids: Vec<Uuid> = entries.iter().map(|_| ActivityId::new().0).collect();
    let organizations: Vec<Option<Uuid>> = entries.iter().map(|e| e.organization_id.map(|o| o.0)).collect();
    let actor_kinds: Vec<String> = entries.iter().map(|e| actor_columns(e.actor).0.to_owned()).collect();
    let actor_ids: Vec<Option<Uuid>> = entries.iter().map(|e| actor_columns(e.actor).1).collect();
    let actions: Vec<String> = entries.iter().map(|e| e.action.as_str().to_owned()).collect();
    let target_kinds: Vec<Option<String>> =
        entries.iter().map(|e| e.target.map(|(k, _)| k.as_str().to_owned())).collect();
    let target_ids: Vec<Option<Uuid>> = entries.iter().map(|e| e.target.map(|(_, id)| id)).collect();
    let details: Vec<serde_json::Value> = entries.iter().map(|e| e.detail.clone()).collect();
    let addresses: Vec<Option<String>> = entries.iter().map(|e| e.address.map(|a| a.to_string())).collect();
    sqlx::query!(
        "insert into activity_logs
            (organization_id, id, actor_kind, actor_id, action, target_kind, target_id, detail, address)
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::uuid[],
            $8::jsonb[], $9::text[])",
        &organizations as &[Option<Uuid>],
        &ids,
        &actor_kinds,
        &actor_ids as &[Option<Uuid>],
        &actions,
        &target_kinds as &[Option<String>],
        &target_ids as &[Option<Uuid>],
        &details,
        &addresses as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}
