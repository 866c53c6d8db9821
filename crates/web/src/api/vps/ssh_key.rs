//! Public SSH keys.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use domain::SshKeyId;
use serde::{Deserialize, Serialize};
use store::vps::read;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::may;
use crate::api::Problem;
use crate::api::access::{Allowed, Client};
use crate::api::idempotency::location;
use crate::api::input::{Body, Id, Query};
use crate::api::page::{Cursor, Page, Paging};

/// A public SSH key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SshKey {
    id: Uuid,
    #[schema(example = "ann@laptop")]
    name: String,
    /// Algorithm and key on one line, without the comment.
    #[schema(example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…")]
    public_key: String,
    /// As `ssh-keygen -l` prints it.
    #[schema(example = "SHA256:4O0ZkT2o…")]
    fingerprint: String,
    created_at: DateTime<Utc>,
}

type SshKeyPage = Page<SshKey>;

impl From<read::SshKey> for SshKey {
    fn from(row: read::SshKey) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            public_key: row.public_key,
            fingerprint: row.fingerprint,
            created_at: row.created_at,
        }
    }
}

impl SshKey {
    async fn find(client: &Client, id: SshKeyId) -> Result<Self, Problem> {
        let rows = read::ssh_key_page(&mut client.read().await?, Some(id), None, 1).await?;
        rows.into_iter().next().map(Self::from).ok_or_else(Problem::not_found)
    }
}

/// A key to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewSshKey {
    /// What to call it; the key's comment if left out.
    #[schema(max_length = 100, example = "ann@laptop")]
    #[serde(default)]
    name: String,
    /// The one line of a `.pub` file.
    #[schema(
        example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBepXPreNg9W0RQ3rgwEicXVzVF3Qh7pTyaPP+Qq6Pyq ann@laptop"
    )]
    public_key: String,
}

/// List SSH keys
///
/// Newest first.
#[utoipa::path(get, path = "/ssh-keys", operation_id = "list_ssh_keys", tag = "ssh-keys",
    params(Paging), responses((status = 200, description = "A page of keys.", body = SshKeyPage)))]
pub(super) async fn list(
    client: Allowed<may::SshKeyView>,
    Query(paging): Query<Paging>,
) -> Result<Json<SshKeyPage>, Problem> {
    let asked = paging.asked()?;
    let rows = read::ssh_key_page(&mut client.read().await?, None, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |key| Cursor::id(key.id), SshKey::from)))
}

/// Add an SSH key
///
/// A key the organization already has is refused, so that repeating adds nothing twice; an
/// `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/ssh-keys", operation_id = "create_ssh_key", tag = "ssh-keys",
    request_body = NewSshKey,
    responses((status = 201, description = "Added.", body = SshKey,
        headers(("Location" = String, description = "Address of the key.")))))]
pub(super) async fn create(
    client: Allowed<may::SshKeyManage>,
    Body(new): Body<NewSshKey>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<SshKey>), Problem> {
    let id = app::vps::ssh_key::add(client.app(), &client.caller, &new.name, &new.public_key).await?;
    let key = SshKey::find(&client, id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location("/ssh-keys", id))], Json(key)))
}

/// Show an SSH key
#[utoipa::path(get, path = "/ssh-keys/{id}", operation_id = "show_ssh_key", tag = "ssh-keys",
    params(("id" = Uuid, Path, description = "The key.")),
    responses((status = 200, description = "The key.", body = SshKey)))]
pub(super) async fn show(
    client: Allowed<may::SshKeyView>,
    Id(id): Id<SshKeyId>,
) -> Result<Json<SshKey>, Problem> {
    Ok(Json(SshKey::find(&client, id).await?))
}

/// Delete an SSH key
///
/// VPSs that were made with it keep it.
#[utoipa::path(delete, path = "/ssh-keys/{id}", operation_id = "delete_ssh_key", tag = "ssh-keys",
    params(("id" = Uuid, Path, description = "The key.")),
    responses((status = 204, description = "Deleted.")))]
pub(super) async fn delete(
    client: Allowed<may::SshKeyManage>,
    Id(id): Id<SshKeyId>,
) -> Result<StatusCode, Problem> {
    app::vps::ssh_key::delete(client.app(), &client.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
