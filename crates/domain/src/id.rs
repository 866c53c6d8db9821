//! Typed ids. Every id is a UUIDv7 made by the caller (time-ordered, so indexes stay dense); the
//! type keeps a session id from being passed where a VPS id is meant.

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(pub uuid::Uuid);
        impl $name {
            /// A fresh, time-ordered id.
            #[expect(clippy::new_without_default, reason = "a default id would hide that it is random")]
            pub fn new() -> Self { Self(uuid::Uuid::now_v7()) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> { s.parse().map(Self) }
        }
        impl From<uuid::Uuid> for $name { fn from(id: uuid::Uuid) -> Self { Self(id) } }
        impl From<$name> for uuid::Uuid { fn from(id: $name) -> Self { id.0 } }
    )+};
}

ids! {
    /// A tenant: owner of all its resources and of one wallet.
    OrganizationId,
    /// A person.
    UserId,
    /// A signed-in browser.
    SessionId,
    /// A key for the REST API.
    ApiKeyId,
    /// Other request limits for somebody, until a time.
    LimitOverrideId,
    /// A customer's VPS: our record, and the tag of its server at the provider.
    VpsId,
    /// One thing asked of a VPS: create, start, stop, reboot, delete.
    VpsActionId,
    /// A public SSH key of an organization.
    SshKeyId,
    /// A provider account: one sealed credential of one kind.
    ProviderId,
    /// A plan for sale.
    PlanId,
    /// A region as customers see it.
    RegionId,
    /// An image as customers see it.
    ImageId,
    /// What a plan costs in a region from a time on.
    PriceVersionId,
    /// What transfer above what is included costs in a pool from a month on.
    TransferPriceId,
    /// VPSs that are moved to another price at a time.
    PriceMoveId,
    /// Money reserved for an order.
    HoldId,
    /// A balanced ledger transaction.
    TransactionId,
    /// A payment into the wallet.
    TopUpId,
    /// What a payer agreed to about automatic top-ups.
    AutoTopUpId,
    /// Money that was given.
    CreditId,
    /// An offer that is redeemed by code.
    CampaignId,
    /// A correction of a wallet.
    AdjustmentId,
    /// Money that goes back to the payer.
    RefundId,
    /// A dispute about a payment.
    DisputeId,
    /// A message of the payment gateway.
    PaymentEventId,
    /// What is sold by the hour besides a VPS: backups, a snapshot, a volume, an address.
    ResourceId,
    /// A VPS or resource that is to become larger or smaller.
    ResizeId,
    /// The running count of hours of one VPS or resource.
    MeterId,
    /// A receipt, a credit note or a statement.
    DocumentId,
    /// A country's tax rate from a day on.
    TaxRateId,
    /// A mail in the outbox.
    MailId,
    /// An entry of the audit trail.
    ActivityId,
}
