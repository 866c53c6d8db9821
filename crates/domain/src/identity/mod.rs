//! Who may do what, and how often.

mod quota;

pub use quota::{BadQuota, Quota};

use crate::text_enum::stored_enum;
use crate::{ApiKeyId, OrganizationId, UserId};

stored_enum! {
    /// What a member of an organization is.
    pub enum Role {
        /// May do everything.
        Owner = "owner",
        /// May look, start and stop; may not create, delete or pay.
        Member = "member",
    }
}

stored_enum! {
    /// What a user may do on the whole installation.
    pub enum PlatformRole {
        /// Runs the installation: sees every organization, every cent and every server.
        Operator = "operator",
    }
}

stored_enum! {
    /// One thing a person or key may be allowed to do within an organization.
    pub enum Permission {
        /// Add people to the organization.
        MemberManage = "member.manage",
        /// See VPSs, plans, regions and images.
        VpsView = "vps.view",
        /// Create a VPS.
        VpsCreate = "vps.create",
        /// Start, stop and reboot.
        VpsPower = "vps.power",
        /// Delete a VPS.
        VpsDelete = "vps.delete",
        /// See SSH keys.
        SshKeyView = "ssh_key.view",
        /// Add and delete SSH keys.
        SshKeyManage = "ssh_key.manage",
        /// See balance and ledger.
        WalletView = "wallet.view",
        /// Pay into the wallet.
        WalletTopUp = "wallet.top_up",
        /// Change whom receipts are made out to.
        BillingManage = "billing.manage",
        /// See the audit trail.
        ActivityView = "activity.view",
        /// See, create and revoke API keys.
        ApiKeyManage = "api_key.manage",
    }
}

impl Role {
    /// Does this role carry the permission?
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Member => matches!(
                permission,
                P::VpsView | P::VpsPower | P::SshKeyView | P::WalletView | P::ActivityView
            ),
        }
    }
}

/// Who caused a change; goes into the audit trail and travels with jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A signed-in person.
    User {
        /// The person.
        user: UserId,
    },
    /// A program with an API key.
    ApiKey {
        /// The key.
        key: ApiKeyId,
    },
    /// The panel itself: billing, reconciliation, recovery.
    System,
}

/// An e-mail address as typed by a person, trimmed and lower-cased. Only its shape is checked;
/// whether it receives mail is for a confirmation message to find out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Parses an address of the shape `local@host.tld`, at most 254 characters (RFC 5321).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, host) = text.split_once('@')?;
        let shaped = !local.is_empty()
            && local.len() <= 64
            && text.len() <= 254
            && host.contains('.')
            && host.split('.').all(|label| !label.is_empty())
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>')
            && !host.contains('@');
        shaped.then_some(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who is asking, as found by session or API key: the input of every permission check.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The organization they act in.
    pub organization_id: OrganizationId,
    /// Who they are.
    pub actor: Actor,
    /// The person behind the session or key.
    pub user_id: UserId,
    /// Their role in the organization.
    pub role: Role,
    /// Their role on the installation, if any.
    pub platform_role: Option<PlatformRole>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_may_not_spend_create_or_destroy() {
        for permission in [
            Permission::VpsCreate,
            Permission::VpsDelete,
            Permission::WalletTopUp,
            Permission::BillingManage,
            Permission::ApiKeyManage,
        ] {
            assert!(!Role::Member.allows(permission), "{permission}");
            assert!(Role::Owner.allows(permission), "{permission}");
        }
    }

    #[test]
    fn e_mail_addresses_are_checked_for_shape() {
        assert_eq!(
            Email::parse(" Ann@Example.COM ").map(|e| e.as_str().to_owned()),
            Some("ann@example.com".into())
        );
        for bad in ["", "ann", "@x.y", "a@b", "a@b.", "a b@c.d", "a@b@c.d", "<a@b.c>"] {
            assert_eq!(Email::parse(bad), None, "{bad}");
        }
    }
}
