//! The frame of the OpenAPI document: what holds for all operations.

use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, Header, ObjectBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::problem::{Details, PROBLEM_JSON};

/// Name of the security scheme for keys.
pub(super) const API_KEY: &str = "api_key";
/// Name of the security scheme for browsers.
pub(super) const SESSION: &str = "session";

/// What holds for all operations is told at its beginning.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "API", version = "1", description = include_str!("document.md")),
    tags(
        (name = "account", description = "Who you are, and API keys."),
        (name = "catalog", description = "What can be ordered, where and at which price."),
        (name = "vps", description = "Virtual servers and what is done to them."),
        (name = "ssh-keys", description = "Public keys that new VPSs accept."),
        (name = "wallet", description = "Money: the balance, its movements, payments and credits."),
        (name = "billing", description = "Receipts, credit notes, statements, and whom they are made out to."),
        (name = "activity", description = "The audit trail."),
    ),
    components(schemas(Details)),
    modifiers(&Common),
)]
struct Frame;

/// The document without operations.
pub(super) fn frame() -> OpenApi {
    let mut document = Frame::openapi();
    document.info.license = None;
    document
}

/// Security schemes and refusals that many operations share.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: `Authorization: Bearer skp_…`."));
        let cookie = ApiKeyValue::with_description(
            "__Host-session",
            "The session of a browser that is signed in. Changes are taken from the panel's own pages only.",
        );
        components.add_security_scheme(API_KEY, SecurityScheme::Http(bearer.build()));
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        for refusal in Refusal::ALL {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let mut response =
                ResponseBuilder::new().description(refusal.description).content(PROBLEM_JSON, content);
            if refusal.status == Refusal::TOO_MANY.status {
                response = response.header("Retry-After", retry_after());
            }
            components.responses.insert(refusal.name.to_owned(), response.build().into());
        }
    }
}

fn retry_after() -> Header {
    let mut header = Header::default();
    header.schema = Some(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).into());
    header.description = Some("Seconds to wait.".to_owned());
    header
}

/// A refusal that follows from what an operation takes.
pub(super) struct Refusal {
    /// Its name among the document's responses.
    pub(super) name: &'static str,
    /// Its HTTP status.
    pub(super) status: &'static str,
    description: &'static str,
}

impl Refusal {
    pub(super) const MALFORMED: Self =
        Self::new("400", "Malformed", "`malformed`: the body cannot be read as JSON.");
    pub(super) const UNAUTHENTICATED: Self =
        Self::new("401", "Unauthenticated", "`unauthenticated`: there is no valid API key or session.");
    pub(super) const FORBIDDEN: Self =
        Self::new("403", "Forbidden", "`forbidden`: your role does not allow this.");
    pub(super) const NOT_FOUND: Self =
        Self::new("404", "NotFound", "`not_found`: your organization has nothing with this id.");
    pub(super) const TOO_LARGE: Self =
        Self::new("413", "TooLarge", "`too_large`: the body is longer than 256 KiB.");
    pub(super) const NOT_JSON: Self =
        Self::new("415", "NotJson", "`unsupported_media_type`: the body is not `application/json`.");
    pub(super) const INVALID: Self =
        Self::new("422", "Invalid", "`invalid`: a field, parameter or header is wrong; `errors` names them.");
    pub(super) const TOO_MANY: Self = Self::new(
        "429",
        "TooMany",
        "`too_many_requests`: a limit is used up. `Retry-After` says for how long.",
    );
    pub(super) const INTERNAL: Self = Self::new("500", "Internal", "`internal`: it is our fault. Try again.");

    const ALL: [Self; 9] = [
        Self::MALFORMED,
        Self::UNAUTHENTICATED,
        Self::FORBIDDEN,
        Self::NOT_FOUND,
        Self::TOO_LARGE,
        Self::NOT_JSON,
        Self::INVALID,
        Self::TOO_MANY,
        Self::INTERNAL,
    ];

    const fn new(status: &'static str, name: &'static str, description: &'static str) -> Self {
        Self { name, status, description }
    }
}
