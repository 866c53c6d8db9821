//! Customers and operators.

use std::net::{IpAddr, Ipv6Addr};

use app::identity::limits::{NewLimit, set_limit};
use app::identity::{NewOrganization, SignIn, add_member, by_session, sign_in, sign_up};
use app::{Caller, Operator};
use domain::identity::{Actor, Identity, Quota, Role};
use domain::{LimitOverrideId, OrganizationId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use store::SystemPurpose;
use store::identity::{LimitSubject, insert_organization, visit};
use uuid::Uuid;

use crate::{OPERATOR_EMAIL, PASSWORD, Panel};

/// Another client each time, so that the limits per address are met only by tests about them.
fn somewhere() -> IpAddr {
    Ipv6Addr::from(Uuid::new_v4().as_u128()).into()
}

impl Panel {
    /// Signs up an organization; its owner is `name@example.com`.
    pub async fn customer(&self, name: &str) -> Caller {
        let new = NewOrganization {
            organization: name,
            name,
            email: &format!("{name}@example.com"),
            password: &PASSWORD.into(),
            address: Some(somewhere()),
            user_agent: None,
        };
        self.caller(&sign_up(&self.app, new).await.unwrap().token).await
    }

    /// Adds a person to an organization and signs them in; `name@example.com`.
    pub async fn member(&self, owner: &Caller, name: &str, role: Role) -> Caller {
        let email = format!("{name}@example.com");
        add_member(&self.app, owner, name, &email, &PASSWORD.into(), role).await.unwrap();
        self.sign_in(&email).await
    }

    /// Signs somebody in.
    pub async fn sign_in(&self, email: &str) -> Caller {
        let attempt =
            SignIn { email, password: &PASSWORD.into(), address: Some(somewhere()), user_agent: None };
        self.caller(&sign_in(&self.app, attempt).await.unwrap().token).await
    }

    /// The operator, signed in once: sign-ins are limited.
    pub async fn operator(&self) -> Operator {
        let sign_in = async || self.sign_in(OPERATOR_EMAIL).await.operator().unwrap();
        *self.operator.get_or_init(sign_in).await
    }

    /// Gives an organization, or somebody in it, another request limit for a week.
    pub async fn limit(&self, whose: &Caller, subject: LimitSubject, quota: &str) -> LimitOverrideId {
        let quota: Quota = quota.parse().unwrap();
        let new = NewLimit {
            subject,
            requests: quota.requests(),
            seconds: quota.seconds(),
            days: 7,
            reason: "a test",
        };
        let operator = self.operator().await;
        set_limit(&self.app, &operator, whose.organization_id(), new).await.unwrap()
    }

    async fn caller(&self, token: &SecretString) -> Caller {
        let known = by_session(&self.app, token.expose_secret()).await.unwrap();
        Caller::new(&known.expect("the session is known"), Some(somewhere()))
    }

    /// Organizations without people, for tests that need many: quick to make, and their caller is an owner
    /// who exists nowhere else.
    pub async fn crowd(&self, count: usize) -> Vec<Caller> {
        let (mut callers, mut tx) =
            (Vec::new(), self.store.system_tx(SystemPurpose::CommandLine).await.unwrap());
        for number in 0..count {
            let (organization_id, user_id) = (OrganizationId::new(), UserId::new());
            let actor = Actor::User { user: user_id };
            insert_organization(&mut tx, organization_id, &format!("crowd {number}")).await.unwrap();
            let scope = visit(&mut tx, organization_id, actor).await.unwrap().unwrap();
            let identity =
                Identity { organization_id, actor, user_id, role: Role::Owner, platform_role: None };
            callers.push(Caller { scope, identity, address: None });
        }
        tx.commit(store::Exempt::NothingChanged).await.unwrap();
        callers
    }
}
