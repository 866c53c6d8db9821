//! Who asks for a use case.

use std::net::IpAddr;

use domain::OrganizationId;
use domain::activity::{Action, Activity};
use domain::identity::{Actor, Identity, Permission, PlatformRole};
use store::OrgScope;
use store::identity::Known;

use crate::{Error, Result};

/// A signed-in person or an API key, in their organization.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Authority over the organization's rows.
    pub scope: OrgScope,
    /// For permission checks.
    pub identity: Identity,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// From what a session or key was found to belong to.
    pub fn new(known: &Known, address: Option<IpAddr>) -> Self {
        Self { scope: known.scope, identity: known.identity, address }
    }

    /// Refuses what the role does not allow.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.identity.role.allows(permission) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// An entry of the organization's audit trail in the caller's name.
    pub fn did(&self, action: Action) -> Activity {
        Activity::of(self.scope.organization_id(), self.scope.actor(), action).from_address(self.address)
    }

    /// The caller as an operator of the installation. API keys are not operators.
    pub fn operator(&self) -> Result<Operator> {
        match (self.identity.platform_role, self.identity.actor) {
            (Some(PlatformRole::Operator), actor @ Actor::User { .. }) => {
                Ok(Operator { actor, address: self.address })
            }
            _ => Err(Error::NotFound),
        }
    }

    /// The organization.
    pub fn organization_id(&self) -> OrganizationId {
        self.scope.organization_id()
    }
}

/// An operator of the installation.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    actor: Actor,
    address: Option<IpAddr>,
}

impl Operator {
    /// The operator's commands on the server itself.
    pub fn command_line() -> Self {
        Self { actor: Actor::System, address: None }
    }

    /// Who it is.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// An entry of the installation's audit trail in the operator's name.
    pub fn did(&self, action: Action) -> Activity {
        Activity::platform(self.actor, action).from_address(self.address)
    }
}
