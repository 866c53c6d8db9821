//! What a cloud provider is to us: a neutral interface, filled in by one client per vendor.
//!
//! Code asks [`Capabilities`] what a provider can do; it never asks which vendor it is.

mod catalog;
mod cloud;
mod error;
mod server;

pub use catalog::{OfferedImage, OfferedRegion, OfferedSize, SizePrice};
pub use cloud::{
    Capabilities, CloudProvider, OperationMarker, OperationState, PowerAction, ProviderAccount,
    ProviderConnector, RequestBudget, StopStyle, UpstreamAccount,
};
pub use error::{Rejection, UpstreamError};
pub use server::{Server, ServerRef, ServerSpec, ServerState, ServerTag};

use crate::text_enum::stored_enum;

stored_enum! {
    /// The vendor an account belongs to. The only place outside the clients that names vendors.
    pub enum ProviderKind {
        /// Linode (Akamai Cloud), API v4.
        Linode = "linode",
        /// DigitalOcean, API v2.
        DigitalOcean = "digitalocean",
    }
}

impl ProviderKind {
    /// The vendor's own name, for operators.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Linode => "Linode",
            Self::DigitalOcean => "DigitalOcean",
        }
    }
}

stored_enum! {
    /// What an account does: the operator's wish and its health in one word.
    pub enum ProviderState {
        /// Takes orders.
        Active = "active",
        /// Switched off by the operator: takes no creates, everything else goes on.
        Disabled = "disabled",
        /// The provider refuses the token: jobs wait until it is replaced.
        Unauthorized = "unauthorized",
    }
}

stored_enum! {
    /// How an account is doing, whatever the operator wishes.
    pub enum Health {
        /// Its token was accepted when it was last used.
        Ok = "ok",
        /// The provider refuses the token.
        Unauthorized = "unauthorized",
    }
}
