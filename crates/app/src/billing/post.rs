//! What is sold becomes a movement of the ledger.

use domain::identity::Actor;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, TransactionId};
use serde_json::Value;
use store::wallet::LockedWallet;

use crate::{Error, Result};

/// Takes an amount from the wallet (a charge) or adds it to the debt (an accrual), unless it is nothing. The word is the
/// key: what it stands for is charged once.
pub(super) fn post(
    wallet: &mut LockedWallet,
    kind: TransactionKind,
    amount: Money,
    word: &str,
    reference: Value,
) -> Result<Option<TransactionId>> {
    if amount == Money::ZERO {
        return Ok(None);
    }
    let account = match kind {
        TransactionKind::Accrual => Account::Receivable,
        _ => Account::Wallet,
    };
    let lines = [(account, amount.negated()?), (Account::Revenue, amount)];
    let transaction = Transaction::new(kind, format!("{kind}:{word}"), Actor::System, reference, &lines)?;
    Ok(Some(wallet.record(transaction).map_err(Error::internal)?))
}
