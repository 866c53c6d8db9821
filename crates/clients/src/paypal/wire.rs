//! What the API sends. Only what we read; words PayPal may add to stay strings.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    /// Seconds.
    pub(super) expires_in: u64,
}

#[derive(Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) purchase_units: Vec<Unit>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
    #[serde(default)]
    pub(super) rel: String,
}

#[derive(Deserialize)]
pub(super) struct Unit {
    #[serde(default)]
    pub(super) payments: Payments,
}

#[derive(Deserialize, Default)]
pub(super) struct Payments {
    #[serde(default)]
    pub(super) captures: Vec<Capture>,
    #[serde(default)]
    pub(super) refunds: Vec<Refund>,
}

#[derive(Deserialize)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: Amount,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: Amount,
    pub(super) create_time: DateTime<Utc>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
    pub(super) custom_id: Option<String>,
    pub(super) invoice_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Dispute {
    pub(super) dispute_id: String,
    #[serde(default)]
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) dispute_life_cycle_stage: Option<String>,
    pub(super) dispute_amount: Amount,
    pub(super) dispute_outcome: Option<Outcome>,
    #[serde(default)]
    pub(super) disputed_transactions: Vec<DisputedTransaction>,
    pub(super) create_time: DateTime<Utc>,
    pub(super) update_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct Outcome {
    #[serde(default)]
    pub(super) outcome_code: String,
    pub(super) amount_refunded: Option<Amount>,
}

#[derive(Deserialize)]
pub(super) struct DisputedTransaction {
    pub(super) seller_transaction_id: Option<String>,
    pub(super) custom: Option<String>,
    pub(super) invoice_number: Option<String>,
    pub(super) gross_amount: Option<Amount>,
}

/// A page of disputes.
#[derive(Deserialize)]
pub(super) struct Disputes {
    #[serde(default)]
    pub(super) items: Vec<ListedDispute>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct ListedDispute {
    pub(super) dispute_id: String,
}

#[derive(Deserialize)]
pub(super) struct Report {
    #[serde(default)]
    pub(super) transaction_details: Vec<ReportLine>,
    /// Of the pages there are.
    #[serde(default)]
    pub(super) total_pages: u32,
}

#[derive(Deserialize)]
pub(super) struct ReportLine {
    pub(super) transaction_info: TransactionInfo,
}

#[derive(Deserialize)]
pub(super) struct TransactionInfo {
    pub(super) transaction_id: String,
    #[serde(default)]
    pub(super) transaction_event_code: String,
    #[serde(default)]
    pub(super) transaction_status: String,
    pub(super) transaction_initiation_date: String,
    pub(super) transaction_amount: Option<Amount>,
    pub(super) paypal_reference_id: Option<String>,
    pub(super) paypal_reference_id_type: Option<String>,
    pub(super) custom_field: Option<String>,
    pub(super) invoice_id: Option<String>,
}

/// A webhook. What happened to what; the rest is read anew.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) event_type: String,
    #[serde(default)]
    pub(super) resource: Resource,
}

#[derive(Deserialize, Default)]
pub(super) struct Resource {
    pub(super) id: Option<String>,
    pub(super) dispute_id: Option<String>,
    pub(super) order_id: Option<String>,
    pub(super) custom_id: Option<String>,
    pub(super) invoice_id: Option<String>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) supplementary_data: Supplement,
    #[serde(default)]
    pub(super) purchase_units: Vec<References>,
}

#[derive(Deserialize, Default)]
pub(super) struct References {
    pub(super) custom_id: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Supplement {
    #[serde(default)]
    pub(super) related_ids: RelatedIds,
}

#[derive(Deserialize, Default)]
pub(super) struct RelatedIds {
    pub(super) order_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Verification {
    pub(super) verification_status: String,
}

#[derive(Deserialize)]
pub(super) struct Amount {
    pub(super) currency_code: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
pub(super) struct SetupToken {
    pub(super) id: String,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct PaymentToken {
    pub(super) id: SecretString,
}

/// An error; the OAuth end point has another shape, of which nothing is needed.
#[derive(Deserialize, Default)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) debug_id: String,
    #[serde(default)]
    pub(super) details: Vec<Detail>,
}

#[derive(Deserialize)]
pub(super) struct Detail {
    #[serde(default)]
    pub(super) issue: String,
    #[serde(default)]
    pub(super) field: String,
}
