//! What open pages are told about, and mail.

pub mod mail;

use crate::identity::Permission;
use crate::text_enum::stored_enum;

stored_enum! {
    /// What changed. An event names the thing by id; the page reads it anew.
    pub enum Topic {
        /// A VPS.
        Vps = "vps",
        /// The wallet.
        Wallet = "wallet",
        /// A top-up.
        TopUp = "top_up",
        /// An SSH key.
        SshKey = "ssh_key",
        /// A provider account (operators only).
        Provider = "provider",
        /// Plans and prices (operators only).
        Catalog = "catalog",
    }
}

impl Topic {
    /// The permission a subscriber needs; `None` for what only operators are told.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Vps => Some(Permission::VpsView),
            Self::Wallet | Self::TopUp => Some(Permission::WalletView),
            Self::SshKey => Some(Permission::SshKeyView),
            Self::Provider | Self::Catalog => None,
        }
    }
}
