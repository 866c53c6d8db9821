//! The kinds of people, and what they show at the door.

use axum::http::header;
use testkit::{OPERATOR_EMAIL, Panel};
use uuid::Uuid;

/// Somebody who asks, as seen from the organization *acme*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// Shows what was never given out.
    Nobody,
    /// Owner of another organization.
    Other,
    /// Member of acme.
    Member,
    /// Owner of acme.
    Owner,
    /// Owner of acme, suspended.
    Suspended,
    /// Runs the installation; belongs to its own organization.
    Operator,
}

/// How they show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The session cookie of a browser.
    Session,
    /// An API key.
    Key,
}

/// Everybody, in the order of the table's columns.
pub(super) const EVERYBODY: [Person; 6] =
    [Person::Nobody, Person::Other, Person::Member, Person::Owner, Person::Suspended, Person::Operator];

/// Both ways, in the order of the table's columns.
pub(super) const BOTH: [By; 2] = [By::Session, By::Key];

impl Person {
    pub(super) fn email(self) -> &'static str {
        match self {
            Self::Nobody => "nobody@example.com",
            Self::Other => "other@example.com",
            Self::Member => "mia@example.com",
            Self::Owner => "acme@example.com",
            Self::Suspended => "sue@example.com",
            Self::Operator => OPERATOR_EMAIL,
        }
    }

    /// A header that says who asks. What it holds is made for this one request, since the request may end it.
    pub(super) async fn shows(self, by: By, panel: &Panel) -> (header::HeaderName, String) {
        let token = format!("skp_{}", Uuid::new_v4().simple());
        let (columns, values) = match by {
            By::Session => ("sessions (digest, expires_at", "now() + interval '1 day'"),
            By::Key => ("api_keys (digest, name, hint", "'test', 'skp_'"),
        };
        let made = panel
            .execute(format!(
                "insert into {columns}, organization_id, user_id, id) select sha256('{token}'), {values},
                    organization_id, id, gen_random_uuid() from users where email = '{}'",
                self.email()
            ))
            .await;
        assert_eq!(made == 0, self == Self::Nobody, "{self:?} exists");
        match by {
            By::Session => (header::COOKIE, format!("session={token}")),
            By::Key => (header::AUTHORIZATION, format!("Bearer {token}")),
        }
    }
}
