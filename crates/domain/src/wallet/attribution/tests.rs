use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::wallet::TransactionKind as Kind;

/// A ledger as it grows, and what it adds up to.
#[derive(Default)]
struct Ledger {
    rows: Vec<Row>,
    now: i64,
}

struct Row {
    id: TransactionId,
    sequence: i64,
    kind: Kind,
    at: DateTime<Utc>,
    reference: Value,
    entries: Vec<Entry>,
}

impl Row {
    fn movement(&self) -> Movement<'_> {
        let Self { id, sequence, kind, at, .. } = *self;
        Movement { id, sequence, kind, at, reference: &self.reference, entries: &self.entries }
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

impl Ledger {
    /// Posts a movement one second later; the last account takes what balances it.
    fn post(
        &mut self,
        kind: Kind,
        reference: Value,
        lines: &[(Account, i64)],
        rest: Account,
    ) -> TransactionId {
        self.now += 1;
        let sum: i64 = lines.iter().map(|(_, amount)| amount).sum();
        let lines = lines.iter().copied().chain([(rest, -sum)]).filter(|(_, amount)| *amount != 0);
        let entries = lines.map(|(account, micros)| Entry { account, amount: Money::from_micros(micros) });
        let (id, sequence) = (TransactionId::new(), self.rows.len() as i64 + 1);
        self.rows.push(Row { id, sequence, kind, at: at(self.now), reference, entries: entries.collect() });
        id
    }

    fn top_up(&mut self, name: &str, amount: i64) -> TransactionId {
        let lines = [(Account::Wallet, amount)];
        self.post(Kind::TopUp, json!({ TOP_UP: name }), &lines, Account::GatewayClearing)
    }

    fn credit(&mut self, name: &str, amount: i64, expires: Option<i64>) -> TransactionId {
        let reference = json!({ CREDIT: name, EXPIRES_AT: expires.map(at) });
        self.post(Kind::TopUp, reference, &[(Account::Wallet, amount)], Account::CreditsGiven)
    }

    fn charge(&mut self, amount: i64) -> TransactionId {
        self.post(Kind::Charge, json!({ "hours": 1 }), &[(Account::Wallet, -amount)], Account::Revenue)
    }

    fn accrue(&mut self, amount: i64) -> TransactionId {
        self.post(Kind::Accrual, json!({}), &[(Account::Receivable, -amount)], Account::Revenue)
    }

    fn hold(&mut self, order: &str, amount: i64) {
        let lines = [(Account::Wallet, -amount), (Account::Held, amount)];
        self.post(Kind::Hold, json!({ "vps_id": order }), &lines, Account::Revenue);
    }

    fn release(&mut self, order: &str, amount: i64) {
        let lines = [(Account::Wallet, amount), (Account::Held, -amount)];
        self.post(Kind::Release, json!({ "vps_id": order }), &lines, Account::Revenue);
    }

    fn capture(&mut self, order: &str, amount: i64) -> TransactionId {
        self.post(Kind::Capture, json!({ "vps_id": order }), &[(Account::Held, -amount)], Account::Revenue)
    }

    fn refund(&mut self, name: &str, amount: i64) -> TransactionId {
        let lines = [(Account::Wallet, -amount)];
        self.post(Kind::TopUp, json!({ TOP_UP: name }), &lines, Account::GatewayClearing)
    }

    fn sum(&self, account: Account) -> i64 {
        let entries = self.rows.iter().flat_map(|r| &r.entries).filter(|e| e.account == account);
        entries.map(|e| e.amount.micros()).sum()
    }

    fn attribute(&self) -> Attribution {
        attribute(self.rows.iter().map(Row::movement)).expect("a wallet wrote it")
    }
}

/// What a movement was paid with: pairs of lot and amount.
fn payers(a: &Attribution, id: TransactionId) -> Vec<(usize, i64)> {
    a.payers_of(id).map(|s| (s.lot.0, s.amount.micros())).collect()
}

#[test]
fn credit_goes_first_by_expiry_and_money_by_age() {
    let mut ledger = Ledger::default();
    ledger.top_up("old", 100);
    ledger.credit("for ever", 10, None);
    ledger.credit("late", 10, Some(1_000));
    ledger.credit("soon", 10, Some(500));
    ledger.top_up("young", 100);
    let charge = ledger.charge(135);
    let a = ledger.attribute();
    assert_eq!(payers(&a, charge), [(3, 10), (2, 10), (1, 10), (0, 100), (4, 5)]);
    assert_eq!(a.free_of(TOP_UP, "young").micros(), 95);
}

#[test]
fn a_credit_is_spent_until_the_moment_it_expires_and_what_is_left_is_exact() {
    for (expires, left) in [(4, 3), (3, 10)] {
        let mut ledger = Ledger::default();
        ledger.credit("gift", 10, Some(expires));
        ledger.top_up("paid", 100);
        ledger.charge(7);
        assert_eq!(
            ledger.attribute().free_of(CREDIT, "gift").micros(),
            left,
            "posted at 3, ends at {expires}"
        );
    }
}

#[test]
fn what_has_expired_is_taken_by_its_expiry_alone_while_there_is_money() {
    let mut ledger = Ledger::default();
    ledger.credit("gift", 10, Some(2));
    ledger.top_up("paid", 5);
    ledger.charge(5);
    assert_eq!(ledger.attribute().free_of(CREDIT, "gift").micros(), 10);
    let lines = [(Account::Wallet, -10)];
    let expiry = ledger.post(Kind::Charge, json!({ CREDIT: "gift" }), &lines, Account::CreditsGiven);
    assert_eq!(payers(&ledger.attribute(), expiry), [(0, 10)]);
}

#[test]
fn a_refund_takes_from_its_own_payment() {
    let mut ledger = Ledger::default();
    ledger.credit("gift", 10, None);
    ledger.top_up("first", 100);
    ledger.top_up("second", 100);
    let refund = ledger.refund("second", 60);
    let a = ledger.attribute();
    assert_eq!(payers(&a, refund), [(2, 60)]);
    assert_eq!(a.free_of(TOP_UP, "second").micros(), 40);
}

#[test]
fn what_is_released_returns_to_where_it_came_from() {
    let mut ledger = Ledger::default();
    ledger.credit("gift", 10, None);
    ledger.top_up("paid", 100);
    ledger.hold("one", 15);
    ledger.hold("two", 15);
    let a = ledger.attribute();
    assert_eq!((a.lot(LotId(0)).held.micros(), a.lot(LotId(1)).held.micros()), (10, 20));
    ledger.release("one", 15);
    let capture = ledger.capture("two", 15);
    let a = ledger.attribute();
    assert_eq!(payers(&a, capture), [(1, 15)]);
    assert_eq!((a.lot(LotId(0)).free.micros(), a.lot(LotId(1)).free.micros()), (10, 85));
}

#[test]
fn orders_of_one_vps_are_told_apart_by_what_else_they_name() {
    let mut ledger = Ledger::default();
    ledger.top_up("first", 10);
    ledger.top_up("second", 10);
    let resize = |id| json!({ "vps_id": "v", "action_id": id });
    for id in ["a", "b"] {
        ledger.post(Kind::Hold, resize(id), &[(Account::Wallet, -10), (Account::Held, 10)], Account::Revenue);
    }
    let capture = ledger.post(Kind::Capture, resize("b"), &[(Account::Held, -10)], Account::Revenue);
    assert_eq!(payers(&ledger.attribute(), capture), [(1, 10)]);
}

#[test]
fn a_capture_that_gives_the_rest_back_spends_what_was_taken_first() {
    let mut ledger = Ledger::default();
    ledger.credit("gift", 10, None);
    ledger.top_up("paid", 100);
    ledger.hold("one", 15);
    let lines = [(Account::Held, -15), (Account::Wallet, 3)];
    let capture = ledger.post(Kind::Capture, json!({ "vps_id": "one" }), &lines, Account::Revenue);
    let a = ledger.attribute();
    assert_eq!(payers(&a, capture), [(0, 10), (1, 2)]);
    assert_eq!(a.lot(LotId(1)).free.micros(), 98);
}

#[test]
fn later_money_pays_the_oldest_debt_and_what_it_is_for() {
    let mut ledger = Ledger::default();
    let (first, second) = (ledger.accrue(30), ledger.accrue(30));
    let lines = [(Account::Receivable, 40), (Account::Wallet, 60)];
    ledger.post(Kind::TopUp, json!({ TOP_UP: "paid" }), &lines, Account::GatewayClearing);
    let a = ledger.attribute();
    assert_eq!((payers(&a, first), payers(&a, second)), (vec![(0, 30)], vec![(0, 10)]));
    assert_eq!((a.lot(LotId(0)).amount.micros(), a.lot(LotId(0)).free.micros()), (100, 60));
    let lines = [(Account::Wallet, -20), (Account::Receivable, 20)];
    ledger.post(Kind::Settlement, json!({}), &lines, Account::Revenue);
    let a = ledger.attribute();
    assert_eq!(payers(&a, second), [(0, 10), (0, 20)]);
    assert!(a.debts().iter().all(|d| d.paid == d.amount));
}

#[test]
fn money_the_gateway_took_back_and_returned_belongs_to_its_payment_again() {
    let mut ledger = Ledger::default();
    ledger.top_up("disputed", 100);
    ledger.charge(30);
    let taken = ledger.post(
        Kind::TopUp,
        json!({ TOP_UP: "disputed" }),
        &[(Account::Wallet, -70), (Account::Receivable, -30)],
        Account::Chargebacks,
    );
    assert_eq!(payers(&ledger.attribute(), taken), [(0, 70)]);
    let lines = [(Account::Receivable, 30), (Account::Wallet, 70)];
    ledger.post(Kind::TopUp, json!({ TOP_UP: "disputed" }), &lines, Account::Chargebacks);
    let a = ledger.attribute();
    assert_eq!(a.free_of(TOP_UP, "disputed").micros(), 70);
    assert_eq!(payers(&a, taken), [(0, 70), (1, 30)]);
}

#[test]
fn a_frozen_payment_is_held_apart_and_returns_or_goes() {
    let mut ledger = Ledger::default();
    ledger.top_up("first", 50);
    ledger.top_up("disputed", 50);
    ledger.hold("order", 10);
    let dispute = json!({ TOP_UP: "disputed", "dispute_id": "d" });
    let lines = [(Account::Wallet, -40), (Account::Held, 40)];
    ledger.post(Kind::Hold, dispute.clone(), &lines, Account::Revenue);
    assert_eq!(ledger.attribute().free_of(TOP_UP, "disputed").micros(), 10);
    let lost = ledger.post(Kind::TopUp, dispute, &[(Account::Held, -40)], Account::Chargebacks);
    let a = ledger.attribute();
    assert_eq!(payers(&a, lost), [(1, 40)]);
    assert_eq!(a.lot(LotId(0)).held.micros(), 10);
}

#[test]
fn money_that_is_not_there_is_an_error_and_no_panic() {
    for lines in [
        &[(Account::Wallet, -1)][..],
        &[(Account::Held, -1)],
        &[(Account::Receivable, 1), (Account::Wallet, -1)],
    ] {
        let mut ledger = Ledger::default();
        ledger.post(Kind::Charge, Value::Null, lines, Account::Revenue);
        let verdict = attribute(ledger.rows.iter().map(Row::movement)).map(|_| ());
        assert_eq!(verdict, Err(Untraceable { sequence: 1 }));
    }
}

/// What a random history may do next; amounts are cut to what the wallet then has.
#[derive(Debug, Clone)]
enum Step {
    TopUp(i64),
    Credit(i64, Option<i64>),
    Adjust(i64),
    Charge(i64),
    Accrue(i64),
    Settle,
    Hold(i64),
    Release(usize),
    Capture(usize, i64),
    Refund(usize, i64),
    Reverse(usize, i64),
    Freeze(usize, i64),
    Expire(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let amount = || 1_i64..1_000;
    let any = || 0_usize..64;
    prop_oneof![
        3 => amount().prop_map(Step::TopUp),
        3 => (amount(), proptest::option::of(1_i64..60)).prop_map(|(a, e)| Step::Credit(a, e)),
        1 => (-500_i64..500).prop_map(Step::Adjust),
        6 => (1_i64..300).prop_map(Step::Charge),
        1 => amount().prop_map(Step::Accrue),
        1 => Just(Step::Settle),
        3 => (1_i64..300).prop_map(Step::Hold),
        1 => any().prop_map(Step::Release),
        2 => (any(), 1_i64..300).prop_map(|(i, a)| Step::Capture(i, a)),
        1 => (any(), amount()).prop_map(|(i, a)| Step::Refund(i, a)),
        1 => (any(), amount()).prop_map(|(i, a)| Step::Reverse(i, a)),
        1 => (any(), amount()).prop_map(|(i, a)| Step::Freeze(i, a)),
        1 => any().prop_map(Step::Expire),
        1 => (1_i64..30).prop_map(Step::Wait),
    ]
}

/// The ledger that these steps write, under the rules of a wallet: nothing below zero, debt paid first.
fn write(steps: &[Step]) -> Ledger {
    let mut l = Ledger::default();
    let (mut top_ups, mut credits, mut holds) = (0_usize, Vec::<usize>::new(), Vec::<(usize, i64)>::new());
    for (n, step) in steps.iter().enumerate() {
        let available = l.sum(Account::Wallet);
        let debt = -l.sum(Account::Receivable);
        let brought = |amount: i64| {
            let to_debt = amount.min(debt);
            [(Account::Receivable, to_debt), (Account::Wallet, amount - to_debt)]
        };
        let pick = |i: usize, len: usize| (len > 0).then(|| i % len.max(1));
        match *step {
            Step::TopUp(amount) => {
                let reference = json!({ TOP_UP: format!("t{top_ups}") });
                l.post(Kind::TopUp, reference, &brought(amount), Account::GatewayClearing);
                top_ups += 1;
            }
            Step::Credit(amount, expires) => {
                let expires = expires.map(|after| at(l.now + after));
                let reference = json!({ CREDIT: format!("c{n}"), EXPIRES_AT: expires });
                l.post(Kind::TopUp, reference, &brought(amount), Account::CreditsGiven);
                credits.push(n);
            }
            Step::Adjust(amount) if amount > 0 => {
                l.post(Kind::TopUp, json!({}), &brought(amount), Account::Adjustments);
            }
            Step::Adjust(amount) if available > 0 && amount < 0 => {
                let lines = [(Account::Wallet, amount.max(-available))];
                l.post(Kind::Charge, json!({}), &lines, Account::Adjustments);
            }
            Step::Charge(amount) if available > 0 => {
                l.charge(amount.min(available));
            }
            Step::Accrue(amount) => {
                l.accrue(amount);
            }
            Step::Settle if available.min(debt) > 0 => {
                let paid = available.min(debt);
                let lines = [(Account::Wallet, -paid), (Account::Receivable, paid)];
                l.post(Kind::Settlement, json!({}), &lines, Account::Revenue);
            }
            Step::Hold(amount) if available > 0 => {
                l.hold(&format!("v{n}"), amount.min(available));
                holds.push((n, amount.min(available)));
            }
            Step::Release(i) => {
                if let Some(i) = pick(i, holds.len()) {
                    let (order, amount) = holds.swap_remove(i);
                    l.release(&format!("v{order}"), amount);
                }
            }
            Step::Capture(i, amount) => {
                if let Some(i) = pick(i, holds.len()) {
                    let (order, held) = holds.swap_remove(i);
                    let lines = [(Account::Held, -held), (Account::Wallet, held - amount.min(held))];
                    l.post(Kind::Capture, json!({ "vps_id": format!("v{order}") }), &lines, Account::Revenue);
                }
            }
            Step::Refund(i, amount) => {
                if let (Some(i), true) = (pick(i, top_ups), available > 0) {
                    l.refund(&format!("t{i}"), amount.min(available));
                }
            }
            Step::Reverse(i, amount) => {
                if let Some(i) = pick(i, top_ups) {
                    let paid = amount.min(available);
                    let lines = [(Account::Wallet, -paid), (Account::Receivable, paid - amount)];
                    l.post(Kind::TopUp, json!({ TOP_UP: format!("t{i}") }), &lines, Account::Chargebacks);
                }
            }
            Step::Freeze(i, amount) => {
                if let (Some(i), true) = (pick(i, top_ups), available > 0) {
                    let amount = amount.min(available);
                    let reference = json!({ TOP_UP: format!("t{i}"), "vps_id": format!("v{n}") });
                    let lines = [(Account::Wallet, -amount), (Account::Held, amount)];
                    l.post(Kind::Hold, reference, &lines, Account::Revenue);
                    holds.push((n, amount));
                }
            }
            Step::Expire(i) => {
                if let Some(i) = pick(i, credits.len()) {
                    let name = format!("c{}", credits[i]);
                    let a = l.attribute();
                    let ended =
                        a.lots_of(CREDIT, &name).all(|c| c.expires_at.is_some_and(|e| e <= at(l.now)));
                    let left = a.free_of(CREDIT, &name).micros();
                    if ended && left > 0 {
                        let lines = [(Account::Wallet, -left)];
                        let id = l.post(Kind::Charge, json!({ CREDIT: name }), &lines, Account::CreditsGiven);
                        let a = l.attribute();
                        assert!(a.payers_of(id).all(|s| a.lot(s.lot).credit));
                        assert_eq!(a.free_of(CREDIT, &name), Money::ZERO);
                    }
                }
            }
            Step::Wait(seconds) => l.now += seconds,
            Step::Adjust(_) | Step::Charge(_) | Step::Settle | Step::Hold(_) => {}
        }
    }
    l
}

/// May `first` be spent before `second` at that time?
fn goes_before(first: &Lot, second: &Lot, at: DateTime<Utc>) -> bool {
    let ended = |lot: &Lot| lot.expires_at.is_some_and(|end| end <= at);
    let never = DateTime::<Utc>::MAX_UTC;
    let key = |lot: &Lot| (ended(lot), !lot.credit, lot.expires_at.unwrap_or(never), lot.from.sequence);
    key(first) < key(second)
}

proptest! {
    #[test]
    fn every_micro_is_somewhere_after_every_movement(steps in proptest::collection::vec(step(), 1..120)) {
        let ledger = write(&steps);
        let (mut wallet, mut held, mut debt) = (0, 0, 0);
        let mut a = Attribution::default();
        for row in &ledger.rows {
            let before = a.clone();
            a.apply(&row.movement()).expect("a wallet wrote it");
            for entry in &row.entries {
                match entry.account {
                    Account::Wallet => wallet += entry.amount.micros(),
                    Account::Held => held += entry.amount.micros(),
                    Account::Receivable => debt -= entry.amount.micros(),
                    _ => {}
                }
            }
            let sum = |f: fn(&Lot) -> Money| a.lots().iter().map(|lot| f(lot).micros()).sum::<i64>();
            prop_assert_eq!((sum(|l| l.free), sum(|l| l.held)), (wallet, held), "after {}", row.sequence);
            let owed: i64 = a.debts().iter().map(|d| d.amount.micros() - d.paid.micros()).sum();
            prop_assert_eq!(owed, debt);
            prop_assert!(a.lots().iter().all(|l| l.free >= Money::ZERO && l.held >= Money::ZERO));
            prop_assert!(a.debts().iter().all(|d| d.paid >= Money::ZERO && d.paid <= d.amount));

            // Nothing is spent while something that goes before it is left.
            let named = row.reference.get(TOP_UP).or(row.reference.get(CREDIT)).is_some();
            let from_wallet = row.entries.iter().any(|e| e.account == Account::Wallet && e.amount < Money::ZERO);
            if from_wallet && !named {
                for (now, then) in a.lots().iter().zip(before.lots()) {
                    if now.free < then.free {
                        let passed = a.lots().iter().any(|o| o.free.is_positive() && goes_before(o, now, row.at));
                        prop_assert!(!passed, "{:?} was spent out of turn by {}", now, row.sequence);
                    }
                }
            }
        }
        for lot in a.lots() {
            let spent = a.spent_from(lot.id).map(|s| s.amount.micros()).sum::<i64>();
            prop_assert_eq!(lot.amount.micros(), spent + lot.left().micros());
        }
        // What is paid of each movement is what it cost, less what is still owed for it.
        for row in ledger.rows.iter().filter(|r| matches!(r.kind, Kind::Charge | Kind::Accrual | Kind::Capture)) {
            let cost: i64 = row.entries.iter().filter(|e| !e.account.is_own()).map(|e| e.amount.micros()).sum();
            let paid: i64 = a.payers_of(row.id).map(|s| s.amount.micros()).sum();
            let owed = a.debts().iter().filter(|d| d.of.id == row.id);
            let owed: i64 = owed.map(|d| d.amount.micros() - d.paid.micros()).sum();
            prop_assert_eq!(cost, paid + owed);
        }
    }

    #[test]
    fn the_same_ledger_gives_the_same_answer(steps in proptest::collection::vec(step(), 1..60)) {
        let ledger = write(&steps);
        let (one, two) = (ledger.attribute(), ledger.attribute());
        prop_assert_eq!(one.lots(), two.lots());
        prop_assert_eq!(one.spendings(), two.spendings());
        prop_assert_eq!(one.debts(), two.debts());
    }
}
