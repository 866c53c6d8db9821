//! One wallet that everybody wants at once.

use domain::Money;
use futures_util::{StreamExt as _, stream};
use testkit::Panel;

const EACH: usize = 500;
/// So many of each want the wallet at any time; more would wait too long for a connection.
const AT_ONCE: usize = 100;
/// What one payment brings and what one debit takes.
const CREDIT: &str = "1.00";
const DEBIT: i64 = 1_100_000;

#[tokio::test]
async fn of_a_thousand_debits_and_credits_at_once_none_is_lost_and_none_takes_what_is_not_there() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "small", "web").await;
    worker.stop().await;
    let mut orders = Vec::new();
    for number in 0..EACH {
        orders.push(panel.deleted_early(web, &format!("order-{number}")).await);
    }
    let before = panel.balances(&acme).await.available;
    let movements_before = movements(&panel).await;

    // Together the debits take more than there will ever be: some must be refused.
    let debits = orders.iter().map(|vps| panel.spend(&acme, *vps, Money::from_micros(DEBIT)));
    let debits = stream::iter(debits).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let credits = (0..EACH).map(|_| panel.fund(&acme, CREDIT));
    let credits = stream::iter(credits).buffer_unordered(AT_ONCE).count();
    let (debits, credits) = tokio::join!(debits, credits);
    let paid = i64::try_from(debits.iter().filter(|debit| debit.is_ok()).count()).unwrap();
    let came = i64::try_from(credits).unwrap();
    assert!(paid > 0 && paid < came, "{paid} of {came} were paid: nothing was refused, or everything");

    let after = panel.balances(&acme).await;
    assert_eq!((after.available, after.held), (before + came * 1_000_000 - paid * DEBIT, 0));
    assert_eq!(
        movements(&panel).await - movements_before,
        came + 2 * paid,
        "what was refused left nothing behind"
    );
    let lowest: i64 = panel
        .fetch(
            "select min(available)::bigint from (select sum(amount_micros) filter (where account = 'wallet')
                over (order by sequence, line) as available
            from ledger_entries join ledger_transactions t on t.id = transaction_id) s",
        )
        .await;
    assert!(lowest >= 0, "the ledger once was at {lowest}");
    // Sequence, hashes and head, and that each payment and each hold has its movement.
    panel.verify().await;
}

async fn movements(panel: &Panel) -> i64 {
    panel.fetch("select count(*) from ledger_transactions").await
}
