//! How money that comes and goes is divided between the wallet, what is held and what is owed.

use domain::Money;
use domain::money::Overflow;
use domain::wallet::Account;
use store::wallet::LockedWallet;

/// Lines for money that comes from an account: a debt is paid first. Answers how much of it that takes, too.
pub(super) fn coming(
    wallet: &LockedWallet,
    amount: Money,
    from: Account,
) -> Result<(Money, [(Account, Money); 3]), Overflow> {
    let to_debt = wallet.receivable().min(amount);
    let lines = [
        (Account::Receivable, to_debt),
        (Account::Wallet, amount.minus(to_debt)?),
        (from, amount.negated()?),
    ];
    Ok((to_debt, lines))
}

/// Lines for money that goes to an account: first what is reserved for it, then what the wallet has; the rest is
/// owed. Answers the rest, too.
pub(super) fn going(
    wallet: &LockedWallet,
    amount: Money,
    reserved: Money,
    to: Account,
) -> Result<(Money, [(Account, Money); 4]), Overflow> {
    let reserved = reserved.min(amount);
    let from_wallet = wallet.available().min(amount.minus(reserved)?);
    let owed = amount.minus(reserved)?.minus(from_wallet)?;
    let lines = [
        (Account::Held, reserved.negated()?),
        (Account::Wallet, from_wallet.negated()?),
        (Account::Receivable, owed.negated()?),
        (to, amount),
    ];
    Ok((owed, lines))
}
