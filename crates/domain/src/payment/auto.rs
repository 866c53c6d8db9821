//! Automatic top-ups: a payer agrees once, and money is asked for when the wallet falls below a threshold.

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::Order;
use crate::Money;
use crate::billing::ladder::Funds;
use crate::money::Overflow;
use crate::text_enum::stored_enum;

/// Most hours that a threshold can be.
pub const THRESHOLD_HOURS_MAX: i32 = 720;

/// A declined payment is tried once more after this time.
pub const RETRY: TimeDelta = TimeDelta::hours(24);

stored_enum! {
    /// How far an agreement about automatic top-ups is.
    pub enum AutoTopUpState {
        /// Asked for; the question to the payer is being made at the gateway.
        Preparing = "preparing",
        /// The payer can agree.
        AwaitingApproval = "awaiting_approval",
        /// In force.
        On = "on",
        /// Over.
        Off = "off",
    }
}

stored_enum! {
    /// Why an agreement about automatic top-ups is over.
    pub enum OffReason {
        /// Somebody of the organization turned it off.
        Customer = "customer",
        /// The gateway could not ask the payer.
        NotStarted = "not_started",
        /// The payer did not agree in time.
        NotApproved = "not_approved",
        /// Two payments, a day apart, did not go through.
        Declined = "declined",
        /// The payer took the agreement back at the gateway.
        Revoked = "revoked",
        /// The tax on a payment cannot be told without billing details.
        DetailsNeeded = "details_needed",
    }
}

/// Below what money is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// So many hours of everything that runs.
    Hours(i32),
    /// So much money.
    Amount(Money),
}

impl Threshold {
    /// As it is stored: one of the two.
    pub fn of(hours: Option<i32>, amount: Option<Money>) -> Option<Self> {
        hours.map(Self::Hours).or(amount.map(Self::Amount))
    }

    /// The hours, if it is hours.
    pub const fn hours(self) -> Option<i32> {
        match self {
            Self::Hours(hours) => Some(hours),
            Self::Amount(_) => None,
        }
    }

    /// The amount, if it is an amount.
    pub const fn amount(self) -> Option<Money> {
        match self {
            Self::Hours(_) => None,
            Self::Amount(amount) => Some(amount),
        }
    }

    /// Is there less than that, while everything that runs costs `burn` an hour?
    pub fn is_crossed(self, funds: Funds, burn: Money) -> Result<bool, Overflow> {
        let wanted = match self {
            Self::Hours(hours) => burn.times(hours.into())?,
            Self::Amount(amount) => amount,
        };
        Ok(funds.spendable()? < wanted)
    }
}

/// When money is asked for, how much, and how much at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoTerms {
    /// Below what.
    pub threshold: Threshold,
    /// How much each time.
    pub amount: Money,
    /// How much at most in one month (UTC).
    pub ceiling: Money,
}

/// A question to a payer: may we charge without asking each time?
#[derive(Debug, Clone)]
pub struct NewAgreement {
    /// Same id, same question: the gateway's idempotency key.
    pub request_id: String,
    /// The name the payer sees.
    pub brand: String,
    /// What the payer reads of it.
    pub description: String,
    /// Where the payer comes back to after agreeing.
    pub return_url: Url,
    /// Where the payer comes back to after declining.
    pub cancel_url: Url,
}

/// A question at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The gateway's id.
    pub id: String,
    /// Where the payer agrees.
    pub approve_url: Url,
}

/// What a payer answered.
#[derive(Debug)]
pub enum Agreed {
    /// Yes: this lets us charge.
    Token(SecretString),
    /// Nothing yet.
    NotYet,
    /// It cannot be answered any more.
    Over,
}

/// A payment to take from a payer who agreed to it.
#[derive(Debug)]
pub struct NewCharge {
    /// Same id, same payment: the gateway's idempotency key.
    pub request_id: String,
    /// Our top-up id; comes back with captures. Also unique as invoice number.
    pub reference: String,
    /// What the payer pays.
    pub amount: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// The leave to charge.
    pub token: SecretString,
}

/// What became of a charge.
#[derive(Debug)]
pub enum Charged {
    /// It was made: see its capture for whether the money is ours.
    Order(Box<Order>),
    /// Refused: nothing was taken. For the operator, why.
    Declined(String),
    /// The payer took the agreement back: nothing was taken, and nothing ever will be.
    Revoked,
    /// Money was taken for this reference before, by a request whose answer we do not have.
    Before,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_hours_of_what_runs_or_money_and_a_debt_counts() -> Result<(), Overflow> {
        let money = Money::from_micros;
        let funds = |available, receivable, limit| Funds {
            available: money(available),
            receivable: money(receivable),
            credit_limit: money(limit),
        };
        let below = |threshold: Threshold, funds, burn| threshold.is_crossed(funds, money(burn));
        assert!(!below(Threshold::Hours(10), funds(100, 0, 0), 10)?);
        assert!(below(Threshold::Hours(10), funds(99, 0, 0), 10)?);
        assert!(!below(Threshold::Hours(10), funds(0, 0, 0), 0)?, "nothing runs, so nothing is needed");
        assert!(below(Threshold::Amount(money(100)), funds(99, 0, 0), 0)?);
        assert!(!below(Threshold::Amount(money(100)), funds(0, 20, 120), 0)?, "a credit line is spendable");
        Ok(())
    }
}
