//! Movements of money in words, by kind.

use domain::Money;
use domain::wallet::{Account, TransactionKind};
use serde::{Deserialize, Deserializer};
use store::wallet::read::{KindTotal, Movement};

use super::view::{KindView, LineView, TransactionView};
use crate::billing::view::{TRANSFER, month_name};
use crate::link;

/// Which movements are looked at, as in an address; anything unknown is all of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AskedKind(pub(crate) Option<TransactionKind>);

impl<'de> Deserialize<'de> for AskedKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.parse().ok()))
    }
}

impl AskedKind {
    /// As it stands in an address; nothing for all.
    pub(crate) fn word(self) -> &'static str {
        self.0.map_or("", TransactionKind::as_str)
    }
}

/// The kinds there were, each with what it adds up to and the way to its movements.
pub(super) fn kinds(totals: &[KindTotal], here: &str, asked: AskedKind) -> Vec<KindView> {
    let view = |total: &KindTotal| KindView {
        label: plural(total.kind),
        count: total.count,
        amount: total.amount(),
        href: link::with_query(here, &[("kind", total.kind.as_str())]),
        here: asked.0 == Some(total.kind),
    };
    totals.iter().map(view).collect()
}

fn plural(kind: TransactionKind) -> &'static str {
    use TransactionKind as K;
    match kind {
        K::TopUp => "Payments",
        K::Hold => "Held",
        K::Release => "Given back",
        K::Capture => "From held: first hours, resizes",
        K::Charge => "Hours and transfer",
        K::Accrual => "Hours and transfer on account",
        K::Settlement => "Debts paid",
        K::Credit => "Credits",
        K::CreditExpiry => "Credits ended",
        K::Adjustment => "Adjustments",
        K::Refund => "Refunds",
        K::Reversal => "Taken back by payers",
        K::ReversalReturned => "Payments returned to us",
        K::DisputeFreeze => "Held for disputes",
        K::DisputeRelease => "Disputes over",
    }
}

impl From<Movement> for TransactionView {
    fn from(movement: Movement) -> Self {
        use TransactionKind as K;
        let (icon, title, note) = match movement.kind {
            K::TopUp => ("arrow-down-left", "Payment", None),
            K::Hold if movement.refund => ("lock", "Held for a refund", None),
            K::Hold if movement.resize => ("lock", "Held for a resize", Some("difference of an hour")),
            K::Hold => ("lock", "Held for an order", Some("first hour")),
            K::Release if movement.refund => {
                ("arrow-down-left", "Given back", Some("refund not carried out"))
            }
            K::Release if movement.resize => {
                ("arrow-down-left", "Given back", Some("resize costs nothing yet"))
            }
            K::Release => ("arrow-down-left", "Given back", Some("order not carried out")),
            K::Capture if movement.resize => {
                ("clock", "Resize charged", Some("for the running hour, from held"))
            }
            K::Capture => ("clock", "First hour charged", Some("from held")),
            K::Charge if movement.transfer.is_some() => ("receipt", TRANSFER, None),
            K::Charge => ("clock", "Hours charged", None),
            K::Accrual if movement.transfer.is_some() => ("receipt", TRANSFER, Some("added to what you owe")),
            K::Accrual => ("clock", "Hours on account", Some("added to what you owe")),
            K::Settlement => ("receipt", "Debt paid", Some("from your wallet")),
            K::Credit => ("arrow-down-left", "Credit", None),
            K::CreditExpiry => ("hourglass", "Credit ended", Some("what was left of it")),
            K::Adjustment => ("receipt", "Adjustment", None),
            K::Refund => ("arrow-up-right", "Refund", Some("back to you")),
            K::Reversal => ("arrow-up-right", "Taken back by the payer", None),
            K::ReversalReturned => ("arrow-down-left", "Payment returned to us", None),
            K::DisputeFreeze => ("lock", "Held for a dispute", Some("until it is decided")),
            K::DisputeRelease => ("arrow-down-left", "Dispute over", Some("free again")),
        };
        let month = movement.transfer.map(|figures| month_name(figures.month));
        let about = match (movement.name.or(month), movement.hours, movement.reason) {
            (Some(name), ..) => Some(name),
            (None, Some(1), _) => Some("1 hour".to_owned()),
            (None, Some(hours), _) => Some(format!("{hours} hours")),
            (None, None, reason) => reason,
        };
        Self {
            id: movement.id.to_string(),
            sequence: movement.sequence,
            icon,
            title,
            about,
            note: note.map(str::to_owned),
            at: movement.created_at,
            change: headline(&movement.lines),
            aside: movement.lines.iter().all(|line| line.0 != Account::Wallet),
            lines: movement
                .lines
                .into_iter()
                .map(|(account, amount)| LineView { account: label(account), amount })
                .collect(),
        }
    }
}

/// What a movement did to the money the customer looks at: available, else held, else owed.
fn headline(lines: &[(Account, Money)]) -> Money {
    let of = |account| lines.iter().find(|line| line.0 == account).map(|line| line.1);
    of(Account::Wallet).or(of(Account::Held)).or(of(Account::Receivable)).unwrap_or_default()
}

fn label(account: Account) -> &'static str {
    match account {
        Account::Wallet => "Available",
        Account::Held => "Held",
        Account::Receivable => "Owed",
        Account::GatewayClearing => "Paid through PayPal",
        Account::Revenue => "Charged",
        Account::CreditsGiven => "Credit",
        Account::TaxPayable => "Tax",
        Account::Chargebacks => "Taken back by the payer",
        Account::Adjustments => "Correction",
    }
}
