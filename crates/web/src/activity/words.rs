//! The audit trail in words.

use domain::Money;
use domain::activity::{Action, TargetKind};
use domain::payment::OffReason;
use domain::vps::ActionKind;
use serde_json::Value;
use store::activity::read::Entry;

use super::view::EntryView;
use crate::currency::Currency;
use crate::format;

/// What was done; the name of the target follows it.
pub(crate) fn text(action: Action) -> &'static str {
    use Action as A;
    match action {
        A::OrganizationCreated => "Created the organization",
        A::SignedIn => "Signed in",
        A::SignedOut => "Signed out",
        A::SignInRefused => "Sign-in refused",
        A::SessionRevoked => "Ended a session",
        A::UserCreated => "Added a person",
        A::EmailConfirmationRequested => "Asked for another mail to confirm the address",
        A::EmailConfirmed => "Confirmed the e-mail address",
        A::UserSuspended => "Suspended a person",
        A::UserResumed => "Let a person in again",
        A::ApiKeyCreated => "Created an API key",
        A::ApiKeyRevoked => "Revoked an API key",
        A::SshKeyAdded => "Added an SSH key",
        A::SshKeyDeleted => "Deleted an SSH key",
        A::VpsCreateRequested => "Ordered",
        A::VpsCreated => "Created",
        A::VpsCreateFailed => "Could not create",
        A::VpsStartRequested => "Asked to start",
        A::VpsStopRequested => "Asked to stop",
        A::VpsRebootRequested => "Asked to reboot",
        A::VpsPowerChanged => "Power changed of",
        A::VpsActionFailed => "Action failed on",
        A::VpsDeleteRequested => "Asked to delete",
        A::VpsDeleted => "Deleted",
        A::VpsLost => "Lost",
        A::VpsReconciled => "Corrected the state of",
        A::VpsTwinDestroyed => "Removed a duplicate of",
        A::VpsSuspended => "Suspended: the wallet is empty",
        A::VpsResumed => "Resumed",
        A::VpsDestroyed => "Destroyed unpaid",
        A::TopUpRequested => "Began a payment",
        A::TopUpOrdered => "Payment ready to approve",
        A::TopUpCaptureRequested => "Asked to take the payment",
        A::TopUpPending => "Payment pending",
        A::TopUpCompleted => "Payment arrived",
        A::TopUpFailed => "Payment failed",
        A::AutoTopUpRequested => "Asked for automatic top-ups",
        A::AutoTopUpOrdered => "Automatic top-up ready to agree to",
        A::AutoTopUpAnswerRequested => "Came back from agreeing to automatic top-ups",
        A::AutoTopUpOn => "Automatic top-up is on",
        A::AutoTopUpChanged => "Changed automatic top-ups",
        A::AutoTopUpDeclined => "An automatic payment was declined",
        A::AutoTopUpCeiling => "Automatic top-up reached its monthly ceiling",
        A::AutoTopUpOff => "Automatic top-up is off",
        A::AutoTopUpForgotten => "Gave back the agreement about automatic top-ups",
        A::BillingProfileChanged => "Changed the billing details",
        A::VatNumberChecked => "Had the VAT number checked",
        A::ReceiptIssued => "Issued the receipt",
        A::CreditNoteIssued => "Issued the credit note",
        A::StatementIssued => "Issued the statement of",
        A::TaxRatePublished => "Published the tax rate of",
        A::CreditRedeemed => "Redeemed a code:",
        A::CreditGranted => "Gave a credit of",
        A::CreditExpired => "Ended a credit with",
        A::AdjustmentApplied => "Corrected the wallet by",
        A::AdjustmentRequested => "Asked for a correction of",
        A::AdjustmentRejected => "Refused a correction of",
        A::AdjustmentExpired => "Nobody decided about a correction of",
        A::CampaignCreated => "Made the offer",
        A::CampaignDisabled => "Ended the offer",
        A::RefundRequested => "Asked to pay back",
        A::RefundCompleted => "Paid back",
        A::RefundFailed => "Could not pay back",
        A::PaymentReversed => "The payment was taken back",
        A::DisputeOpened => "The payment is disputed",
        A::DisputeChanged => "The dispute went on",
        A::DisputeWon => "The dispute was decided for us",
        A::DisputeLost => "The dispute was decided for the payer",
        A::HoursCharged => "Charged hours",
        A::HoursAccrued => "Added hours to the debt",
        A::TransferCharged => "Charged transfer above what is included",
        A::PriceChangeAnnounced => "Announced another price",
        A::PriceChangeCancelled => "Cancelled the announced price",
        A::PriceChanged => "Changed the price",
        A::RunwayLow => "Told that the wallet runs out",
        A::RetentionAnnounced => "Told until when suspended VPSs are kept",
        A::DestructionWarned => "Warned that suspended VPSs will be destroyed",
        A::DestructionPutOff => "Put off the destruction of suspended VPSs",
        A::TermsChanged => "An operator changed the terms of payment",
        A::ProviderAdded => "Added the account",
        A::ProviderValidated => "Checked the token of",
        A::ProviderRotated => "Replaced the token of",
        A::ProviderDisabled => "Disabled the account",
        A::ProviderEnabled => "Enabled the account",
        A::ProviderUnauthorized => "Token refused by",
        A::CatalogSynced => "Read the catalogue of",
        A::PlanCreated => "Added the plan",
        A::PlanUpdated => "Changed the plan",
        A::PricesPublished => "Published prices of",
        A::PricesWithdrawn => "Took back prices of",
        A::PriceMoveAnnounced => "Announced another price to VPSs of",
        A::PriceMoveCancelled => "Cancelled the move to another price of VPSs of",
        A::Reconciled => "Compared the inventory of",
        A::OrphansFound => "Found servers nobody ordered at",
        A::OperatorVisited => "An operator looked into the organization",
        A::MailFailed => "Could not deliver",
        A::MailResent => "Had sent again",
        A::LimitOverridden => "An operator changed request limits",
        A::LimitRestored => "An operator restored the usual request limits",
        A::JobRetried => "Retried a job",
        A::JobDiscarded => "Discarded a job",
    }
}

/// Puts entries into words for one kind of reader.
pub(crate) struct Words<'a> {
    currency: &'a Currency,
    operators: bool,
}

impl<'a> Words<'a> {
    /// For the organization's own people: no names of people of other organizations, no facts
    /// about what is behind a VPS.
    pub(crate) fn for_customers(currency: &'a Currency) -> Self {
        Self { currency, operators: false }
    }

    /// For operators.
    pub(crate) fn for_operators(currency: &'a Currency) -> Self {
        Self { currency, operators: true }
    }

    /// An entry in words. Actions of another version of the product are shown as they are stored.
    pub(crate) fn entry(&self, entry: Entry) -> EntryView {
        let action = entry.action.parse::<Action>().ok();
        let kind = entry.target_kind.as_deref().and_then(|kind| kind.parse::<TargetKind>().ok());
        EntryView {
            at: entry.created_at,
            text: action
                .map_or_else(|| entry.action.clone(), |action| said(action, &entry.detail).to_owned()),
            target: self.target(kind, &entry.detail),
            href: self.href(kind, &entry),
            detail: action.and_then(|action| self.detail(action, &entry.detail)),
            actor: self.actor(&entry),
            address: entry.address,
            organization: self
                .operators
                .then(|| entry.organization.unwrap_or_else(|| "Installation".to_owned())),
        }
    }

    /// The name of the thing; a word for its kind where the entry does not know it.
    fn target(&self, kind: Option<TargetKind>, detail: &Value) -> Option<String> {
        let named = |kind: &str| word(detail, "name").unwrap_or_else(|| kind.to_owned());
        match kind? {
            TargetKind::TopUp | TargetKind::Credit | TargetKind::Adjustment => {
                amount(detail, "amount").map(|amount| format::money(self.currency, amount))
            }
            TargetKind::Campaign => Some(named("an offer")),
            TargetKind::Vps => Some(named("a VPS")),
            TargetKind::SshKey | TargetKind::ApiKey => word(detail, "name"),
            TargetKind::Provider => Some(named("an account")),
            TargetKind::Plan => Some(named("a plan")),
            TargetKind::Mail => {
                Some(word(detail, "kind").map_or("a mail".to_owned(), |kind| format!("a mail ({kind})")))
            }
            TargetKind::Document => word(detail, "number").or_else(|| word(detail, "month")),
            TargetKind::TaxRate => word(detail, "name"),
            TargetKind::Organization
            | TargetKind::User
            | TargetKind::Session
            | TargetKind::Wallet
            | TargetKind::AutoTopUp => None,
        }
    }

    fn href(&self, kind: Option<TargetKind>, entry: &Entry) -> Option<String> {
        let id = entry.target_id?;
        match (kind?, self.operators) {
            (TargetKind::Vps, false) => Some(format!("/vps/{id}")),
            (TargetKind::TopUp, false) => Some(format!("/wallet/top-ups/{id}")),
            (TargetKind::Document, false) => Some(format!("/billing/documents/{id}")),
            (TargetKind::Document, true) => Some(format!("/operator/documents/{id}")),
            (TargetKind::TaxRate, true) => Some("/operator/taxes".to_owned()),
            (TargetKind::Credit, false) => Some("/wallet/credits".to_owned()),
            (TargetKind::Campaign, true) => Some("/operator/campaigns".to_owned()),
            (TargetKind::Provider, true) => Some(format!("/operator/providers/{id}")),
            (TargetKind::Mail, true) => Some("/operator/mails".to_owned()),
            (TargetKind::Plan, true) => Some(format!("/operator/plans/{id}")),
            _ => None,
        }
    }

    fn detail(&self, action: Action, detail: &Value) -> Option<String> {
        use Action as A;
        let paid = |key| amount(detail, key).map(|amount| format::exact(self.currency, amount));
        match action {
            A::HoursCharged | A::HoursAccrued => {
                let hours = detail.get("hours").and_then(Value::as_i64).map(count_hours)?;
                Some(paid("amount").map_or_else(|| hours.clone(), |amount| format!("{hours}, {amount}")))
            }
            A::PriceChangeAnnounced | A::PriceChangeCancelled | A::PriceChanged => {
                let price = paid("hour").map(|hour| format!("{hour} an hour"));
                let since = date(detail, "at").map(|at| format!("from {at} on"));
                let what = format!("{} in {}", word(detail, "plan")?, word(detail, "region")?);
                let vps = detail.get("vps").and_then(Value::as_i64).map(count_vps);
                let parts: Vec<String> = [Some(what), vps, price, since].into_iter().flatten().collect();
                Some(parts.join(", "))
            }
            A::PriceMoveAnnounced | A::PriceMoveCancelled if self.operators => {
                let vps = detail.get("vps").and_then(Value::as_i64).map(count_vps)?;
                let since = date(detail, "at").unwrap_or_else(|| "at once".to_owned());
                Some(format!("{vps}, {since}"))
            }
            A::PricesWithdrawn if self.operators => date(detail, "effective_at"),
            A::TransferCharged | A::ReceiptIssued | A::CreditNoteIssued => paid("amount"),
            A::TaxRatePublished if self.operators => {
                Some(match detail.get("basis_points").and_then(Value::as_i64) {
                    Some(points) => {
                        format!("{} from {}", format::percent(points), word(detail, "effective_on")?)
                    }
                    None => format!("not taxed from {}", word(detail, "effective_on")?),
                })
            }
            A::RunwayLow => {
                let within = detail.get("within").and_then(Value::as_i64).map(count_hours)?;
                Some(format!("less than {within} left"))
            }
            A::RetentionAnnounced | A::DestructionWarned | A::DestructionPutOff => {
                let until = word(detail, "until")?.parse().ok()?;
                Some(format!("until {}", format::date_time(until)))
            }
            A::TermsChanged => terms(self.currency, detail),
            A::AutoTopUpRequested | A::AutoTopUpChanged => {
                let below = match detail.get("threshold_hours").and_then(Value::as_i64) {
                    Some(hours) => count_hours(hours),
                    None => paid("threshold")?,
                };
                Some(format!("{} below {below}, at most {} a month", paid("amount")?, paid("ceiling")?))
            }
            A::AutoTopUpDeclined => date(detail, "retry_at").map(|at| format!("tried once more after {at}")),
            A::AutoTopUpCeiling => paid("ceiling"),
            A::AutoTopUpOff => Some(
                match word(detail, "reason")?.parse().ok()? {
                    OffReason::Customer => "turned off",
                    OffReason::NotStarted => "it could not be set up",
                    OffReason::NotApproved => "nobody agreed in time",
                    OffReason::Declined => "two payments were declined",
                    OffReason::Revoked => "the payer ended the agreement",
                    OffReason::DetailsNeeded => "billing details are missing",
                }
                .to_owned(),
            ),
            A::VpsCreateRequested => paid("held").map(|held| format!("{held} held for the first hour")),
            A::VpsCreated => paid("charged").map(|charged| format!("{charged} charged for the first hour")),
            A::VpsCreateFailed
            | A::VpsActionFailed
            | A::TopUpFailed
            | A::RefundRequested
            | A::RefundCompleted
            | A::RefundFailed
            | A::CreditGranted
            | A::AdjustmentApplied
            | A::AdjustmentRequested
            | A::AdjustmentRejected => word(detail, "reason"),
            A::DisputeOpened => {
                amount(detail, "frozen").map(|held| format!("{} held", format::exact(self.currency, held)))
            }
            A::VatNumberChecked => {
                let known = detail.get("valid").and_then(Value::as_bool)?;
                let number = word(detail, "vat_number")?;
                Some(if known { format!("{number} is valid") } else { format!("{number} is not valid") })
            }
            A::MailFailed if self.operators => word(detail, "reason"),
            A::ProviderUnauthorized if self.operators => word(detail, "reason"),
            A::Reconciled if self.operators => word(detail, "alarm"),
            A::PlanCreated | A::PricesPublished if self.operators => {
                let points = detail.get("markup_basis_points").and_then(Value::as_i64)?;
                Some(format!("markup {}", format::percent(points)))
            }
            A::OrphansFound if self.operators => {
                detail.get("new").and_then(Value::as_i64).map(|count| format!("{count} new"))
            }
            A::JobRetried | A::JobDiscarded if self.operators => {
                let number = detail.get("job").and_then(Value::as_i64)?;
                Some(format!("{}, number {number}", word(detail, "kind")?))
            }
            A::LimitOverridden => {
                let limit = word(detail, "limit")?.parse().map(crate::identity::limits::in_words).ok()?;
                Some(
                    word(detail, "reason")
                        .map_or_else(|| limit.clone(), |reason| format!("{limit}: {reason}")),
                )
            }
            A::UserCreated | A::UserSuspended | A::UserResumed => word(detail, "email"),
            _ => None,
        }
    }

    fn actor(&self, entry: &Entry) -> String {
        match (entry.actor_kind.as_str(), &entry.actor_name) {
            ("api_key", Some(name)) => format!("API key {name}"),
            ("api_key", None) => "An API key".to_owned(),
            ("system", _) => "Automatic".to_owned(),
            (_, Some(name)) => name.clone(),
            (_, None) => "Support".to_owned(),
        }
    }
}

/// Like [`text`], told more exactly where the entry knows more.
fn said(action: Action, detail: &Value) -> &'static str {
    let done = detail.get("action").and_then(Value::as_str).and_then(|word| word.parse().ok());
    match (action, done) {
        (Action::VpsPowerChanged, Some(ActionKind::Start)) => "Started",
        (Action::VpsPowerChanged, Some(ActionKind::Stop)) => "Stopped",
        (Action::VpsPowerChanged, Some(ActionKind::Reboot)) => "Rebooted",
        (Action::VpsPowerChanged, Some(ActionKind::Suspend)) => "Switched off",
        (Action::VpsPowerChanged, Some(ActionKind::Resume)) => "Switched on again",
        _ => text(action),
    }
}

fn word(detail: &Value, key: &str) -> Option<String> {
    detail.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn amount(detail: &Value, key: &str) -> Option<Money> {
    word(detail, key)?.parse().ok()
}

fn date(detail: &Value, key: &str) -> Option<String> {
    word(detail, key)?.parse().ok().map(format::date_time)
}

fn count_vps(count: i64) -> String {
    if count == 1 { "1 VPS".to_owned() } else { format!("{count} VPSs") }
}

/// Terms of payment as one line.
fn terms(currency: &Currency, detail: &Value) -> Option<String> {
    let credit = amount(detail, "credit_limit").filter(|credit| credit.is_positive());
    let credit = credit.map(|credit| format!("credit line {}", format::money(currency, credit)));
    let never = detail.get("never_destroyed").and_then(Value::as_bool).unwrap_or_default();
    let hours = detail.get("retention_hours").and_then(Value::as_i64).map(count_hours);
    let kept = if never {
        Some("unpaid VPSs are never destroyed".to_owned())
    } else {
        hours.map(|hours| format!("unpaid VPSs are kept for {hours}"))
    };
    let parts: Vec<String> = [credit, kept].into_iter().flatten().collect();
    Some(if parts.is_empty() { "the usual ones".to_owned() } else { parts.join(", ") })
}

fn count_hours(count: i64) -> String {
    if count == 1 { "1 hour".to_owned() } else { format!("{count} hours") }
}

/// Groups of actions to filter by, as prefixes of the stored words.
pub(crate) const GROUPS: &[(&str, &str)] = &[
    ("", "Everything"),
    ("vps", "VPSs"),
    ("billing", "Charges"),
    ("top_up", "Payments"),
    ("auto_top_up", "Automatic top-ups"),
    ("refund", "Refunds"),
    ("dispute", "Disputes"),
    ("ssh_key", "SSH keys"),
    ("api_key", "API keys"),
    ("user", "Sign-ins"),
    ("session", "Sessions"),
];

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::ActivityId;
    use serde_json::json;

    use super::*;

    fn entry(action: &str, kind: &str, detail: Value) -> Entry {
        Entry {
            id: ActivityId::new(),
            organization: Some("Example".into()),
            actor_kind: "system".into(),
            actor_name: None,
            action: action.into(),
            target_kind: Some(kind.into()),
            target_id: Some(uuid::Uuid::nil()),
            detail,
            address: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn charges_say_how_much_for_how_long() {
        let usd = Currency::new("USD");
        let shown = Words::for_customers(&usd).entry(entry(
            "billing.hours_charged",
            "wallet",
            json!({ "hours": 5, "amount": "0.0589" }),
        ));
        assert_eq!(shown.detail.as_deref(), Some("5 hours, $0.0589"));
        assert_eq!((shown.organization, shown.actor.as_str()), (None, "Automatic"));
    }

    #[test]
    fn actions_of_another_version_are_still_shown() {
        let usd = Currency::new("USD");
        let shown = Words::for_operators(&usd).entry(entry("vps.teleported", "spaceship", json!({})));
        assert_eq!((shown.text.as_str(), shown.target), ("vps.teleported", None));
    }
}
