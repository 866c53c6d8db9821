//! How money that comes and goes is divided between the wallet, what is held and what is owed.

use domain::activity::Activity;
use domain::billing::Split;
use domain::money::Overflow;
use domain::wallet::Account;
use domain::{Money, RefundId, TopUpId};
use store::OrgTx;
use store::wallet::LockedWallet;

use crate::App;
use crate::billing::{Returned, issue_credit_note};
use crate::worker::Fail;

/// Lines for money that comes from an account with the tax in it: a debt is paid first. Answers how much of it that
/// takes, too.
pub(super) fn coming(
    wallet: &LockedWallet,
    split: Split,
    from: Account,
) -> Result<(Money, [(Account, Money); 4]), Overflow> {
    let to_debt = wallet.receivable().min(split.net);
    let lines = [
        (Account::Receivable, to_debt),
        (Account::Wallet, split.net.minus(to_debt)?),
        (Account::TaxPayable, split.tax),
        (from, split.gross()?.negated()?),
    ];
    Ok((to_debt, lines))
}

/// Lines for money that goes to an account with the tax in it: first what is reserved for it, then what the wallet has;
/// the rest is owed. Answers how much of the reserve that took, too.
pub(super) fn going(
    wallet: &LockedWallet,
    split: Split,
    reserved: Money,
    to: Account,
) -> Result<(Money, [(Account, Money); 5]), Overflow> {
    let reserved = reserved.min(split.net);
    let from_wallet = wallet.available().min(split.net.minus(reserved)?);
    let owed = split.net.minus(reserved)?.minus(from_wallet)?;
    let lines = [
        (Account::Held, reserved.negated()?),
        (Account::Wallet, from_wallet.negated()?),
        (Account::Receivable, owed.negated()?),
        (Account::TaxPayable, split.tax.negated()?),
        (to, split.gross()?),
    ];
    Ok((reserved, lines))
}

/// Issues the credit note for what goes back to a payer: how it divides into credit and tax, and what the trail says.
pub(super) async fn credit_note(
    app: &App,
    tx: &mut OrgTx,
    wallet: &LockedWallet,
    top_up: TopUpId,
    refund: RefundId,
    gross: Money,
    reason: &str,
) -> Result<(Split, Option<Activity>), Fail> {
    let key = refund.to_string();
    let returned = Returned { top_up, key: &key, gross, reason };
    match issue_credit_note(app, tx, wallet, &returned).await {
        Ok(Some(note)) => Ok((note.split, note.entry)),
        Ok(None) => Ok((Split::untaxed(gross), None)),
        // All of the receipt is corrected already: the payment went back, returned to us, and goes back again.
        Err(error) if error.code() == "not_left" => Ok((Split::untaxed(gross), None)),
        Err(error) => Err(error.into()),
    }
}
