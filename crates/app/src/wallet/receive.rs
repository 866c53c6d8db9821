//! Money that comes into a wallet.

use domain::Money;
use domain::identity::Actor;
use domain::notify::Topic;
use domain::wallet::{Account, Transaction, TransactionKind};
use serde_json::Value;
use store::wallet::LockedWallet;
use store::{OrgTx, notify, wallet};

use crate::{Error, Result};

/// Money that comes.
pub(crate) struct Income {
    pub(crate) kind: TransactionKind,
    /// Names the cause: it comes once only.
    pub(crate) key: String,
    pub(crate) actor: Actor,
    pub(crate) reference: Value,
    pub(crate) amount: Money,
    /// The platform's account it comes from.
    pub(crate) from: Account,
}

/// Takes money into the wallet: a debt is paid first, and what runs again now may run again. Answers how much of it
/// the debt took.
pub(crate) async fn receive(tx: &mut OrgTx, wallet: &mut LockedWallet, income: Income) -> Result<Money> {
    let Income { kind, key, actor, reference, amount, from } = income;
    let to_debt = wallet.receivable().min(amount);
    let lines = [
        (Account::Receivable, to_debt),
        (Account::Wallet, amount.minus(to_debt)?),
        (from, amount.negated()?),
    ];
    let transaction = Transaction::new(kind, key, actor, reference, &lines)?;
    wallet.record(transaction).map_err(Error::internal)?;
    wallet::save(tx, [&mut *wallet]).await?;
    notify::publish(tx, Topic::Wallet, wallet.organization_id()).await?;
    Ok(to_debt)
}
