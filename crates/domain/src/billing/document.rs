//! Receipts, credit notes and statements: what they say, for ever.
//!
//! A document's content is frozen when it is issued. A name, rate or address that changes later changes no document.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Party, Split, Tax};
use crate::catalog::Product;
use crate::text_enum::stored_enum;
use crate::{Money, ResourceId, VpsId};

stored_enum! {
    /// What a document is; each kind is numbered on its own, year by year.
    pub enum DocumentKind {
        /// For a payment: the tax document.
        Receipt = "receipt",
        /// For what went back of a payment: it corrects a receipt.
        CreditNote = "credit_note",
        /// What moved in a month: information, no tax document.
        Statement = "statement",
    }
}

impl DocumentKind {
    const fn letter(self) -> char {
        match self {
            Self::Receipt => 'R',
            Self::CreditNote => 'C',
            Self::Statement => 'S',
        }
    }
}

/// A document's number: the kinds have series of their own, which begin anew each year (UTC) and have no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentNumber {
    /// Of what.
    pub kind: DocumentKind,
    /// The year in which it was issued.
    pub year: i32,
    /// 1 for the first.
    pub number: i64,
}

/// `R-2026-000001`.
impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:06}", self.kind.letter(), self.year, self.number)
    }
}

/// What a receipt or a credit note says. Amounts of a credit note are what went back, positive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TaxDocument {
    /// Who sold.
    pub seller: Party,
    /// Whom it is made out to.
    pub buyer: Party,
    /// ISO 4217 code of all amounts.
    pub currency: String,
    /// What was credited to the wallet, or taken from it.
    pub net: Money,
    /// Rate and reason.
    pub tax: Tax,
    /// What is due to the tax office, or no longer.
    pub tax_amount: Money,
    /// What was paid, or went back.
    pub gross: Money,
    /// What the law wants said about the tax.
    pub note: Option<String>,
    /// The gateway's name of the payment.
    pub payment: String,
    /// Of a credit note: the receipt it corrects, and why.
    pub corrects: Option<Correction>,
}

impl TaxDocument {
    /// The payment as credit and tax.
    pub const fn split(&self) -> Split {
        Split { net: self.net, tax: self.tax_amount }
    }
}

/// What a credit note corrects.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Correction {
    /// Number of the receipt.
    pub receipt: String,
    /// When the receipt was issued.
    pub issued_on: NaiveDate,
    /// Why money went back.
    pub reason: String,
}

/// What happened to an organization's money in a month (UTC). The balance is what could be spent and what was held,
/// less what was owed. opening + payments + credits + adjustments + returned + other - charges - transfer = closing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Statement {
    /// Who sold.
    pub seller: Party,
    /// Whose money.
    pub buyer: Party,
    /// ISO 4217 code of all amounts.
    pub currency: String,
    /// Its first day.
    pub month: NaiveDate,
    /// The balance when the month began.
    pub opening: Money,
    /// Credited by payments, without their tax.
    pub payments: Money,
    /// Given as credit, less what expired.
    pub credits: Money,
    /// Corrections.
    pub adjustments: Money,
    /// What went back to payers, less what came back of it; negative.
    pub returned: Money,
    /// Whatever else moved.
    pub other: Money,
    /// Hours that began in the month.
    pub charges: Money,
    /// Transfer above what is included that was charged in the month. Documents from before it was sold do not have it.
    #[serde(default)]
    pub transfer: Money,
    /// The balance when the month ended, once all its hours are charged.
    pub closing: Money,
    /// The hours, VPS by VPS.
    pub vps: Vec<VpsLine>,
    /// The hours of everything else, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceLine>,
    /// Everything but hours, oldest first.
    pub movements: Vec<MovementLine>,
}

/// What the hours of one VPS cost.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VpsLine {
    /// The VPS.
    pub id: VpsId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: String,
    /// Its region.
    pub region: String,
    /// What an hour is sold at.
    pub hour: Money,
    /// What a month costs at most.
    pub month: Money,
    /// Hours that were charged.
    pub hours: i64,
    /// What they cost.
    pub amount: Money,
    /// Hours while it was suspended for want of money.
    pub suspended_hours: i64,
    /// What they added to the debt.
    pub suspended_amount: Money,
}

/// What the hours of one resource cost.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResourceLine {
    /// The resource.
    pub id: ResourceId,
    /// What it is.
    pub kind: Product,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// GiB of what is sold by the GiB, else 1.
    pub quantity: i64,
    /// What an hour of that is sold at.
    pub hour: Money,
    /// What a month of it costs at most.
    pub month: Money,
    /// Hours that were charged.
    pub hours: i64,
    /// What they cost.
    pub amount: Money,
    /// Hours while it was not paid and counted at cost.
    pub suspended_hours: i64,
    /// What they added to the debt.
    pub suspended_amount: Money,
}

/// A movement that is not an hour.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MovementLine {
    /// When.
    pub at: DateTime<Utc>,
    /// Why, as the ledger says.
    pub kind: String,
    /// The VPS, resource or document it is about.
    pub about: Option<String>,
    /// What it did to the balance.
    pub amount: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_from_before_transfer_was_sold_is_read() {
        let frozen = serde_json::json!({ "seller": Party::default(), "buyer": Party::default(), "currency": "USD",
            "month": "2026-10-01", "opening": 5, "payments": 0, "credits": 0, "adjustments": 0, "returned": 0,
            "other": 0, "charges": 2, "closing": 3, "vps": [], "movements": [] });
        let statement: Statement = serde_json::from_value(frozen).expect("a statement as it was frozen");
        assert_eq!((statement.transfer, statement.closing), (Money::ZERO, Money::from_micros(3)));
    }

    #[test]
    fn numbers_say_kind_and_year() {
        let number = |kind, number| DocumentNumber { kind, year: 2026, number }.to_string();
        assert_eq!(number(DocumentKind::Receipt, 1), "R-2026-000001");
        assert_eq!(number(DocumentKind::CreditNote, 1_234_567), "C-2026-1234567");
        assert_eq!(number(DocumentKind::Statement, 42), "S-2026-000042");
    }
}
