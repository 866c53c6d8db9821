//! The ledger: balanced, immutable, chained transactions.
//!
//! Amounts are signed from the organization's point of view: positive entries on its own accounts
//! make it richer. All entries of a transaction sum to zero, so for every organization
//! `wallet + held + receivable = −(sum of the platform accounts)`; the receivable account is
//! zero or negative, and the wallet row shows it as a positive debt.

pub mod attribution;
mod code;
mod transaction;

pub use code::Code;
pub use transaction::{Entry, GENESIS, Hash, Place, Posted, Transaction, Unbalanced};

use crate::text_enum::stored_enum;

stored_enum! {
    /// A ledger account.
    pub enum Account {
        /// Money the organization can spend.
        Wallet = "wallet",
        /// Money reserved for open orders.
        Held = "held",
        /// What the organization owes us, as a negative amount.
        Receivable = "receivable",
        /// Money that came in through the payment gateway.
        GatewayClearing = "gateway_clearing",
        /// What was earned.
        Revenue = "revenue",
        /// Goodwill and promotions given.
        CreditsGiven = "credits_given",
        /// Tax collected and due.
        TaxPayable = "tax_payable",
        /// Money the gateway took back.
        Chargebacks = "chargebacks",
        /// Corrections.
        Adjustments = "adjustments",
    }
}

impl Account {
    /// Does the account belong to the organization (and so has a balance on its wallet row)?
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Wallet | Self::Held | Self::Receivable)
    }
}

stored_enum! {
    /// Why money moved.
    pub enum TransactionKind {
        /// A payment arrived.
        TopUp = "top_up",
        /// Money was reserved for an order.
        Hold = "hold",
        /// A reservation was given back.
        Release = "release",
        /// A reservation became the charge of a first hour.
        Capture = "capture",
        /// Hours were charged.
        Charge = "charge",
        /// Hours that the wallet did not pay were added to the debt: on credit, or suspended.
        Accrual = "accrual",
        /// The debt was paid from the wallet.
        Settlement = "settlement",
        /// Money was given, not paid.
        Credit = "credit",
        /// What was left of a credit ended.
        CreditExpiry = "credit_expiry",
        /// A correction by an operator, up or down.
        Adjustment = "adjustment",
        /// Money went back to the payer.
        Refund = "refund",
        /// The gateway took money back.
        Reversal = "reversal",
        /// The gateway gave back what it had taken.
        ReversalReturned = "reversal_returned",
        /// An amount in dispute was reserved.
        DisputeFreeze = "dispute_freeze",
        /// A dispute was decided for us: the amount is free again.
        DisputeRelease = "dispute_release",
    }
}

stored_enum! {
    /// What became of a hold.
    pub enum HoldState {
        /// Money is reserved.
        Open = "open",
        /// It was charged.
        Captured = "captured",
        /// It was given back.
        Released = "released",
    }
}

stored_enum! {
    /// Where a credit comes from.
    pub enum CreditSource {
        /// One code for everybody.
        Promotion = "promotion",
        /// A code of its own.
        Voucher = "voucher",
        /// An operator gave it.
        Goodwill = "goodwill",
    }
}

stored_enum! {
    /// How an offer is redeemed.
    pub enum CampaignKind {
        /// By one code that everybody may know, once in each organization.
        Promotion = "promotion",
        /// By codes that work once each.
        Voucher = "voucher",
    }
}

impl CampaignKind {
    /// Where credits of such an offer come from.
    pub const fn source(self) -> CreditSource {
        match self {
            Self::Promotion => CreditSource::Promotion,
            Self::Voucher => CreditSource::Voucher,
        }
    }
}

stored_enum! {
    /// How far a correction is.
    pub enum AdjustmentState {
        /// Small enough for one operator: done at once.
        Applied = "applied",
        /// Another operator has to decide.
        Pending = "pending",
        /// Another operator agreed: done.
        Approved = "approved",
        /// Another operator refused.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
    }
}
