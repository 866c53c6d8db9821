//! Who one is.

use axum::Json;
use domain::identity::{Actor, Permission};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::access::Authenticated;
use crate::api::value::{PermissionName, RoleName};

/// Who the request was made by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    organization: Organization,
    user: User,
    /// The API key the request came with; `null` for a browser's session.
    #[schema(required)]
    api_key_id: Option<Uuid>,
    role: RoleName,
    /// What may be done; new ones may be added.
    permissions: Vec<PermissionName>,
    /// ISO 4217 code of all amounts.
    #[schema(example = "USD")]
    currency: String,
}

/// The organization everything belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Organization {
    id: Uuid,
    #[schema(example = "Example Studio")]
    name: String,
}

/// The person who is signed in or made the key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: Uuid,
    #[schema(example = "Ann Example")]
    name: String,
    #[schema(example = "ann@example.com")]
    email: String,
}

/// Show yourself
///
/// The organization, the person behind the key or session, and what they may do.
#[utoipa::path(get, path = "/me", operation_id = "show_me", tag = "account",
    responses((status = 200, description = "You.", body = Me)))]
pub(super) async fn show(client: Authenticated) -> Json<Me> {
    let known = &client.known;
    let identity = known.identity;
    let permissions = Permission::ALL.iter().copied().filter(|p| identity.role.allows(*p));
    Json(Me {
        organization: Organization {
            id: identity.organization_id.into(),
            name: known.organization_name.clone(),
        },
        user: User { id: identity.user_id.into(), name: known.user_name.clone(), email: known.email.clone() },
        api_key_id: match identity.actor {
            Actor::ApiKey { key } => Some(key.into()),
            Actor::User { .. } | Actor::System => None,
        },
        role: RoleName(identity.role),
        permissions: permissions.map(PermissionName).collect(),
        currency: client.currency(),
    })
}
