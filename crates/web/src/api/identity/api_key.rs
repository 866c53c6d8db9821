//! Keys for this API.

use axum::Json;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::ApiKeyId;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use store::identity::read;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::may;
use crate::api::Problem;
use crate::api::access::Allowed;
use crate::api::input::{Body, Id, Query};
use crate::api::page::{Cursor, Page, Paging};

/// An API key that can be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    id: Uuid,
    /// What it is for.
    #[schema(example = "deploy script")]
    name: String,
    /// Its first characters, to recognize it by.
    #[schema(example = "skp_q7Zx")]
    hint: String,
    /// Name of the person who made it; it may do what they may do.
    owner: String,
    created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

type ApiKeyPage = Page<ApiKey>;

impl From<read::ApiKey> for ApiKey {
    fn from(row: read::ApiKey) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            hint: row.hint,
            owner: row.owner,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// An API key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedApiKey {
    #[serde(flatten)]
    about: ApiKey,
    /// The key itself. It is shown this once and kept nowhere; whoever has it acts as you.
    #[schema(example = "skp_q7ZxT0m2…")]
    key: String,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewApiKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, example = "deploy script")]
    name: String,
}

/// List API keys
///
/// The organization's keys that can be used, newest first. The keys themselves are not kept.
#[utoipa::path(get, path = "/api-keys", operation_id = "list_api_keys", tag = "account",
    params(Paging), responses((status = 200, description = "A page of keys.", body = ApiKeyPage)))]
pub(super) async fn list(
    client: Allowed<may::ApiKeyManage>,
    Query(paging): Query<Paging>,
) -> Result<Json<ApiKeyPage>, Problem> {
    let asked = paging.asked()?;
    let rows = read::api_key_page(&mut client.read().await?, None, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |key| Cursor::id(key.id), ApiKey::from)))
}

/// Create an API key
///
/// The answer holds the key, this once. An `Idempotency-Key` is ignored: repeating makes another
/// key. If an answer is lost, revoke the key that came of it.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "account",
    request_body = NewApiKey,
    responses((status = 201, description = "The key, shown once.", body = CreatedApiKey)))]
pub(super) async fn create(
    client: Allowed<may::ApiKeyManage>,
    Body(new): Body<NewApiKey>,
) -> Result<(StatusCode, Json<CreatedApiKey>), Problem> {
    let (id, key) = app::identity::create_api_key(client.app(), &client.caller, &new.name).await?;
    let rows = read::api_key_page(&mut client.read().await?, Some(id), None, 1).await?;
    let about = rows.into_iter().next().ok_or_else(Problem::not_found)?.into();
    Ok((StatusCode::CREATED, Json(CreatedApiKey { about, key: key.expose_secret().to_owned() })))
}

/// Revoke an API key
///
/// The key is refused from now on. A key can revoke itself.
#[utoipa::path(delete, path = "/api-keys/{id}", operation_id = "revoke_api_key", tag = "account",
    params(("id" = Uuid, Path, description = "The key.")),
    responses((status = 204, description = "The key is refused from now on.")))]
pub(super) async fn revoke(
    client: Allowed<may::ApiKeyManage>,
    Id(id): Id<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    app::identity::revoke_api_key(client.app(), &client.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
