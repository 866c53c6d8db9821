//! Money from three sides: what the gateway took and gave back, the ledger, and the wallets. And whether what the
//! gateway never said had an effect.

use std::collections::{BTreeMap, BTreeSet};

use domain::Money;
use serde_json::Value;
use simulator::{FaultKind, SimDelivery};
use testkit::Panel;

use crate::deeds::answered;
use crate::world::World;

/// The simulator remembers so many deliveries; with more, nothing can be said of the first.
const DELIVERIES_KEPT: usize = 5_000;

/// What the gateway knows of a payment, in micro-units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Payment {
    captured: i64,
    /// To the payer, however.
    back: i64,
}

/// Every difference, in one sentence each. The gateway has settled all it had begun.
pub(crate) async fn differences(world: &World) -> Vec<String> {
    let theirs = at_the_gateway(&world.panel);
    let mut all = payments(&world.panel, &theirs).await;
    all.extend(wallets(&world.panel, &theirs).await);
    all.extend(world.panel.fetch_all::<String>(DOCUMENTS).await);
    all.extend(world.panel.fetch_all::<String>(TWICE).await);
    all.extend(world.panel.fetch_all::<String>(COMPARED).await);
    all.extend(disputes(world).await);
    all.extend(forged(&world.panel).await);
    all
}

/// By the id of the top-up, which the gateway was told.
fn at_the_gateway(panel: &Panel) -> BTreeMap<String, Payment> {
    let micros = |text: &str| text.parse::<Money>().map_or(0, Money::micros);
    let mut all: BTreeMap<String, Payment> = BTreeMap::new();
    for order in panel.simulator.orders() {
        let payment = all.entry(order.custom_id.unwrap_or_default()).or_default();
        let paid = |capture: &&simulator::SimCapture| !matches!(&*capture.status, "PENDING" | "DECLINED");
        for capture in order.captures.iter().filter(paid) {
            payment.captured += micros(&capture.amount);
            payment.back += micros(&capture.refunded) + micros(&capture.reversed);
        }
    }
    all
}

/// Each payment at the gateway against what the ledger says of it.
async fn payments(panel: &Panel, theirs: &BTreeMap<String, Payment>) -> Vec<String> {
    let rows: Vec<String> = panel.fetch_all(LEDGER).await;
    let mut ours: BTreeMap<String, Payment> = BTreeMap::new();
    for row in rows {
        let [id, captured, back] = parts(&row);
        ours.insert(id.to_owned(), Payment { captured: number(captured), back: number(back) });
    }
    let ids: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let of = |side: &BTreeMap<String, Payment>, id: &String| side.get(id).copied().unwrap_or_default();
    ids.into_iter()
        .filter(|id| of(theirs, id) != of(&ours, id))
        .map(|id| {
            format!("top-up {id}: the gateway says {:?}, the ledger {:?}", of(theirs, id), of(&ours, id))
        })
        .collect()
}

/// wallet + held - receivable = captured - refunded - reversed - tax - charged + credits ± adjustments: what is there by
/// the wallets and by the ledger, what came and went by the gateway.
async fn wallets(panel: &Panel, theirs: &BTreeMap<String, Payment>) -> Vec<String> {
    let mut came: BTreeMap<String, i64> = BTreeMap::new();
    for row in panel.fetch_all::<String>("select organization_id || ' ' || id from top_ups").await {
        let [organization, id] = parts(&row);
        let payment = theirs.get(id).copied().unwrap_or_default();
        *came.entry(organization.to_owned()).or_default() += payment.captured - payment.back;
    }
    let mut wrong = Vec::new();
    for row in panel.fetch_all::<String>(WALLETS).await {
        let [organization, there, ledger, other] = parts(&row);
        let should = came.get(organization).copied().unwrap_or_default() + number(other);
        if number(there) != should || number(ledger) != should {
            wrong.push(format!(
                "organization {organization} has {there} by its wallet and {ledger} by its ledger, \
                 by the gateway and what was charged and given it should be {should}"
            ));
        }
    }
    wrong
}

/// Disputes as the gateway has them against ours, for those we know of.
async fn disputes(world: &World) -> Vec<String> {
    let url = format!("{}/_sim/paypal/disputes", world.panel.simulator.paypal_url());
    let theirs = answered(world.http.get(url)).await;
    let states: BTreeMap<&str, &str> = theirs.as_array().into_iter().flatten().filter_map(state).collect();
    let ours: Vec<String> = world.panel.fetch_all("select dispute_ref || ' ' || state from disputes").await;
    let mut wrong = Vec::new();
    for row in &ours {
        let [id, state] = parts(row);
        let should = states.get(id).copied().unwrap_or("unknown");
        if state != should {
            wrong.push(format!("dispute {id} is {should} at the gateway and {state} in our books"));
        }
    }
    wrong
}

/// Id and how it stands, in our words.
fn state(dispute: &Value) -> Option<(&str, &str)> {
    let state = match dispute["dispute_outcome"]["outcome_code"].as_str() {
        None => "open",
        Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => "lost",
        Some(_) => "won",
    };
    Some((dispute["dispute_id"].as_str()?, state))
}

/// What was taken for the gateway's word and was not: nothing but a message that it sent well may count.
async fn forged(panel: &Panel) -> Vec<String> {
    let deliveries = panel.simulator.webhook_deliveries();
    if deliveries.len() >= DELIVERIES_KEPT {
        return Vec::new();
    }
    let genuine: BTreeSet<&str> =
        deliveries.iter().filter(|one| !is_forged(one)).map(|one| &*one.event_id).collect();
    let believed: Vec<String> =
        panel.fetch_all("select event_ref from payment_events where state in ('done', 'ignored')").await;
    let believed: BTreeSet<&str> = believed.iter().map(String::as_str).collect();
    let strange = believed.difference(&genuine);
    let mut wrong: Vec<String> = strange.map(|id| format!("event {id} was forged and believed")).collect();
    let refused: i64 = panel.fetch("select count(*) from payment_events where state = 'refused'").await;
    // A copy of an event that was believed before is answered and not looked at.
    let is_new = |one: &&SimDelivery| !believed.contains(&*one.event_id);
    let taken =
        deliveries.iter().filter(|one| is_forged(one) && one.status == Some(200)).filter(is_new).count();
    if refused < i64::try_from(taken).unwrap_or(i64::MAX) {
        wrong.push(format!("{taken} forged messages were taken, {refused} refused"));
    }
    wrong
}

fn is_forged(delivery: &SimDelivery) -> bool {
    matches!(
        delivery.fault,
        Some(
            FaultKind::ForgedSignature
                | FaultKind::ForgedCertificate
                | FaultKind::ExpiredCertificate
                | FaultKind::StaleTime
        )
    )
}

/// The words of a row; those that are missing are empty.
fn parts<const N: usize>(row: &str) -> [&str; N] {
    let mut words = row.split(' ');
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or(i64::MIN / 4)
}

/// What came and what went back of each payment.
const LEDGER: &str = "select concat_ws(' ', t.reference->>'top_up_id',
        coalesce(-sum(e.amount_micros) filter (where t.kind = 'top_up'), 0),
        coalesce(sum(e.amount_micros) filter (where t.kind <> 'top_up'), 0))
    from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
    where e.account in ('gateway_clearing', 'chargebacks') group by t.reference->>'top_up_id'";

/// What is there by the wallet and by the ledger, and all that changes it besides payments.
const WALLETS: &str = "select concat_ws(' ', w.organization_id, available_micros + held_micros - receivable_micros,
        coalesce((select sum(amount_micros) from ledger_entries e where e.organization_id = w.organization_id
            and account in ('wallet', 'held', 'receivable')), 0),
        coalesce((select sum(amount_micros - ended_micros) from credits c
            where c.organization_id = w.organization_id), 0)
        + coalesce((select sum(amount_micros) from adjustments a where a.organization_id = w.organization_id
            and state in ('applied', 'approved')), 0)
        - coalesce((select sum(amount_micros) from ledger_entries e where e.organization_id = w.organization_id
            and account = 'tax_payable'), 0)
        - coalesce((select sum(amount_micros) from charged c where c.organization_id = w.organization_id), 0)
        - coalesce((select sum(amount_micros) from holds h where h.organization_id = w.organization_id
            and h.state = 'captured' and not exists (select from meters m where m.vps_id = h.vps_id)), 0))
    from wallets w";

/// A receipt for each payment, credit notes for what went back, and the tax in them is the tax that is due.
const DOCUMENTS: &str = "
    with paid as (select u.id, u.captured_micros as captured,
            coalesce((select sum(amount_micros) from refunds r where r.top_up_id = u.id and r.state = 'completed'), 0)
                as back,
            coalesce((select sum(returned_micros) from disputes d where d.top_up_id = u.id), 0) as returned,
            coalesce((select sum(e.amount_micros) from ledger_entries e
                join ledger_transactions t on t.id = e.transaction_id
                where e.account = 'tax_payable' and t.reference->>'top_up_id' = u.id::text), 0) as due
        from top_ups u where u.state = 'completed'),
    issued as (select top_up_id, count(*) filter (where kind = 'receipt') as receipts,
            sum(gross_micros) filter (where kind = 'receipt') as gross,
            sum(tax_micros) filter (where kind = 'receipt') as tax,
            coalesce(sum(gross_micros) filter (where kind = 'credit_note'), 0) as noted,
            coalesce(sum(tax_micros) filter (where kind = 'credit_note'), 0) as tax_noted
        from documents where kind in ('receipt', 'credit_note') group by top_up_id)
    select format('top-up %s: captured %s, back %s, tax due %s; %s receipts of %s with tax %s, notes of %s with tax %s',
        p.id, captured, back, due, receipts, gross, tax, noted, tax_noted)
    from paid p left join issued i on i.top_up_id = p.id
    where returned = 0 and ((receipts, gross, noted, tax - tax_noted) is distinct from (1, captured, back, due)
        or (back = captured and due <> 0))";

/// Refunds that were asked for are booked as often as they went through, and what is over holds nothing.
const TWICE: &str = "
    select format('refund %s of %s is %s and was booked %s times', r.id, r.refund_ref, r.state, booked) from refunds r
    cross join lateral (select count(*) as booked from ledger_transactions t where t.key = 'returned:' || r.refund_ref) b
    where refund_ref is not null and dispute_id is null
        and booked <> case when state = 'completed' then 1 else 0 end
    union all
    select format('refund %s is still %s', id, state) from refunds where state in ('requested', 'pending')";

/// What the daily comparison sees after it had everything settled that can be.
const COMPARED: &str = "select 'the daily comparison says: ' || what from payment_differences where seen > 1";
