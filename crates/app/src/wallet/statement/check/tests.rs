use domain::billing::transfer::{Figures, GB};
use domain::identity::Actor;
use domain::{OrganizationId, TransactionId, VpsId};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;

use super::super::keys::StatementKeys;
use super::*;

const SEED: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const OTHER: &str = "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICE=";

fn keys(seed: &str) -> StatementKeys {
    StatementKeys::parse(&SecretString::from(seed.to_owned())).expect("a test key")
}

/// A movement as parts of its line: kind, key, entries, hours of one VPS.
type Moved = (TransactionKind, &'static str, Vec<(Account, i64)>, Vec<(i64, i64)>);

/// The same with its reference.
type Written = (TransactionKind, String, serde_json::Value, Vec<(Account, i64)>, Vec<(i64, i64)>);

fn moved() -> Vec<Moved> {
    use Account as A;
    vec![
        (TransactionKind::TopUp, "payment:1", vec![(A::Wallet, 100), (A::GatewayClearing, -100)], vec![]),
        (TransactionKind::Hold, "hold:1", vec![(A::Wallet, -9), (A::Held, 9)], vec![]),
        (TransactionKind::Capture, "capture:1", vec![(A::Held, -9), (A::Revenue, 9)], vec![(0, 9)]),
        (
            TransactionKind::Charge,
            "charge:m:1",
            vec![(A::Wallet, -15), (A::Revenue, 15)],
            vec![(1, 9), (2, 9)],
        ),
        (TransactionKind::Accrual, "accrual:m:1", vec![(A::Receivable, -3), (A::Revenue, 3)], vec![]),
    ]
}

/// A file of these movements, signed with a key; `change` has its way with the lines before.
fn file(seed: &str, change: impl FnOnce(&mut Head, &mut Vec<Line>)) -> String {
    let moved = moved().into_iter().zip(1..);
    let moved = moved
        .map(|((kind, key, entries, hours), n)| (kind, key.to_owned(), json!({ "n": n }), entries, hours));
    file_of(moved.collect(), (76, 3), seed, change)
}

/// The same of any movements, each with its reference, and of what they leave available and owed.
fn file_of(
    moved: Vec<Written>,
    (available, receivable): (i64, i64),
    seed: &str,
    change: impl FnOnce(&mut Head, &mut Vec<Line>),
) -> String {
    let (organization_id, meter_id, vps_id) = (OrganizationId::new(), MeterId::new(), VpsId::new());
    let standing = |sequence, hash: &Hash, available, held, receivable| Standing {
        sequence,
        hash: hex(hash),
        available: Money::from_micros(available),
        held: Money::from_micros(held),
        receivable: Money::from_micros(receivable),
    };
    let (mut previous, mut lines) = (GENESIS, Vec::new());
    for (n, (kind, key, reference, entries, hours)) in (1..).zip(moved) {
        let entries: Vec<_> = entries.into_iter().map(|(a, m)| (a, Money::from_micros(m))).collect();
        let t = Transaction::new(kind, key.clone(), Actor::System, reference.clone(), &entries)
            .expect("balanced");
        let (id, at) = (TransactionId::new(), DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(n));
        let posted = t.chain(Place { organization_id, id, sequence: n, at, previous });
        previous = posted.hash;
        let hours: Vec<_> = hours
            .into_iter()
            .map(|(h, m)| (DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(h), Money::from_micros(m)))
            .collect();
        let charges = if hours.is_empty() {
            vec![]
        } else {
            vec![Charged {
                vps_id: Some(vps_id),
                vps: Some("web".into()),
                raise: false,
                resource_id: None,
                resource: None,
                meter_id,
                hours,
            }]
        };
        let hash = hex(&posted.hash);
        lines.push(Line {
            sequence: n,
            id,
            kind,
            key,
            actor: Actor::System,
            reference,
            at,
            entries,
            hash,
            charges,
        });
    }
    let keys = keys(seed);
    let mut head = Head {
        statement: FORM,
        issuer: "Cloud Nine".into(),
        organization_id,
        organization: "Acme".into(),
        currency: "USD".into(),
        from: DateTime::UNIX_EPOCH,
        until: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(31),
        opening: standing(0, &GENESIS, 0, 0, 0),
        closing: standing(i64::try_from(lines.len()).expect("few"), &previous, available, 0, receivable),
        made_at: DateTime::UNIX_EPOCH,
        key: keys.current().expect("it signs").to_string(),
    };
    change(&mut head, &mut lines);
    let mut text = serde_json::to_string(&head).expect("JSON") + "\n";
    for line in &lines {
        text += &(serde_json::to_string(line).expect("JSON") + "\n");
    }
    let signature = keys.sign(text.as_bytes()).expect("it signs");
    text + &serde_json::to_string(&Seal { signature }).expect("JSON") + "\n"
}

fn fault(change: impl FnOnce(&mut Head, &mut Vec<Line>)) -> String {
    verify(file(SEED, change).as_bytes(), None)
        .map_err(|fault| fault.to_string())
        .expect_err("it was changed")
}

#[test]
fn a_file_as_it_was_made_is_sound() {
    let sound = verify(file(SEED, |_, _| {}).as_bytes(), keys(SEED).known().first()).expect("sound");
    assert_eq!(
        (sound.movements, sound.organization.as_str(), sound.issuer.as_str()),
        (5, "Acme", "Cloud Nine")
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line_even_if_it_was_signed_anew() {
    let expected = [
        (fault(|_, lines| _ = lines.remove(2)), "line 4: movement 3 is missing"),
        (
            fault(|_, lines| _ = lines.pop()),
            "line 6: the hours of bill m:1 come to 0.000018, the ledger earned 0.000015",
        ),
        (fault(|_, lines| lines.truncate(3)), "line 5: the movements do not end where the statement closes"),
        (fault(|_, lines| lines[0].entries[0].1 = Money::from_micros(101)), "line 2: ledger entries must be"),
        (fault(|_, lines| lines[0].reference = json!({})), "line 2: its content, or the movement before it,"),
        (fault(|_, lines| lines.swap(0, 1)), "line 2: movement 1 is missing"),
        (
            fault(|head, _| head.closing.available = Money::from_micros(77)),
            "line 7: the movements do not end",
        ),
        (fault(|head, _| head.opening.available = Money::from_micros(1)), "line 1: a wallet does not open"),
        (
            fault(|_, lines| lines[3].charges[0].hours[0].1 = Money::from_micros(8)),
            "line 7: the hours of bill m:1",
        ),
        (
            fault(|_, lines| lines[3].charges[0].hours[0].0 = DateTime::UNIX_EPOCH),
            "line 5: the hour of web at 1970-01-01 00:00:00 UTC is charged twice",
        ),
        (fault(|head, _| head.statement = 2), "line 1: its form is 2"),
        (
            fault(|head, _| head.key = keys(OTHER).known()[0].to_string()),
            "line 7: the signature is not of this file",
        ),
    ];
    for (said, expected) in expected {
        assert!(said.starts_with(expected), "{said:?} is not {expected:?}");
    }
}

/// Transfer that was charged twice, the second time more than the wallet had: 15 from it, 5 owed.
fn transfer(change: impl FnOnce(&mut [Figures; 2])) -> Result<Sound, String> {
    use Account as A;
    let figures = |sequence, used, before| Figures {
        pool: "standard".into(),
        month: NaiveDate::default(),
        sequence,
        used,
        included: 10 * GB,
        price_gb: Money::from_micros(10),
        before: Money::from_micros(before),
    };
    let mut both = [figures(1, 11 * GB, 0), figures(2, 13 * GB, 10)];
    change(&mut both);
    let written = |figures: &Figures, kind: TransactionKind, account, amount: i64| {
        let reference = serde_json::to_value(figures).expect("JSON");
        let key = format!("{kind}:{}", figures.word());
        (kind, key, reference, vec![(account, -amount), (A::Revenue, amount)], vec![])
    };
    let (paid, owed) = (TransactionKind::Charge, TransactionKind::Accrual);
    let top_up = vec![(A::Wallet, 25), (A::GatewayClearing, -25)];
    let moved = vec![
        (TransactionKind::TopUp, "payment:1".into(), json!({}), top_up, vec![]),
        written(&both[0], paid, A::Wallet, 10),
        written(&both[1], paid, A::Wallet, 15),
        written(&both[1], owed, A::Receivable, 5),
    ];
    let file = file_of(moved, (0, 5), SEED, |_, _| {});
    verify(file.as_bytes(), None).map_err(|fault| fault.to_string())
}

#[test]
fn charges_of_transfer_are_checked_against_their_own_figures() {
    assert_eq!(transfer(|_| {}).map(|sound| sound.movements), Ok(4));
    let first_of_more = transfer(|[one, two]| (one.sequence, two.sequence) = (7, 8));
    assert!(first_of_more.is_ok(), "those before are in an earlier file: {first_of_more:?}");
    type Change = fn(&mut [Figures; 2]);
    let wrong: [(Change, &str); 7] = [
        (
            |[one, _]| one.used += GB,
            "line 4: transfer:standard:1970-01-01:1 comes to 0.00002, the ledger earned 0.00001",
        ),
        (
            |[_, two]| two.used += GB,
            "line 6: transfer:standard:1970-01-01:2 comes to 0.00003, the ledger earned 0.00002",
        ),
        (|[_, two]| two.included -= GB, "line 6: transfer:standard:1970-01-01:2 comes to"),
        (|[_, two]| two.before = Money::ZERO, "line 4: transfer:standard:1970-01-01:2 does not follow"),
        (|[_, two]| two.sequence = 3, "line 4: transfer:standard:1970-01-01:3 does not follow"),
        (|[one, _]| one.used = 14 * GB, "line 4: transfer:standard:1970-01-01:1 comes to"),
        (
            |[one, _]| one.before = Money::from_micros(1),
            "line 3: transfer:standard:1970-01-01:1 is the first",
        ),
    ];
    for (change, expected) in wrong {
        let said = transfer(change).expect_err(expected);
        assert!(said.starts_with(expected), "{said:?} is not {expected:?}");
    }
}

#[test]
fn a_movement_that_only_looks_like_transfer_is_refused() {
    let of = |kind: TransactionKind, key: &str, reference: serde_json::Value, hours| {
        let entries = vec![(Account::Wallet, -9), (Account::Revenue, 9)];
        let top_up = vec![(Account::Wallet, 9), (Account::GatewayClearing, -9)];
        let moved = vec![
            (TransactionKind::TopUp, "payment:1".into(), json!({}), top_up, vec![]),
            (kind, key.to_owned(), reference, entries, hours),
        ];
        let file = file_of(moved, (0, 0), SEED, |_, _| {});
        verify(file.as_bytes(), None).map_err(|fault| fault.to_string()).expect_err("no transfer")
    };
    let figures = json!({ "transfer": "standard", "month": "2026-11-01", "sequence": 1, "used": GB, "included": 0,
        "price_gb": 9, "before": 0 });
    let (key, charge) = ("charge:transfer:standard:2026-11-01:1", TransactionKind::Charge);
    assert!(
        of(charge, "charge:m:1", figures.clone(), vec![]).starts_with("line 3: it is no charge of transfer")
    );
    assert!(
        of(charge, key, figures.clone(), vec![(1, 9)]).starts_with("line 3: it is no charge of transfer")
    );
    let refund = of(TransactionKind::Refund, "refund:transfer:standard:2026-11-01:1", figures, vec![]);
    assert!(refund.starts_with("line 3: it is no charge of transfer"), "{refund}");
    let unread = of(charge, key, json!({ "transfer": "standard" }), vec![]);
    assert!(unread.starts_with("line 3: its figures of transfer cannot be read"), "{unread}");
}

#[test]
fn a_file_that_somebody_else_signed_is_refused_when_the_key_is_known() {
    let file = file(OTHER, |_, _| {});
    assert!(verify(file.as_bytes(), None).is_ok());
    let said = verify(file.as_bytes(), keys(SEED).known().first()).map_err(|fault| fault.to_string());
    assert!(said.expect_err("another key").starts_with("line 1: it is signed for key "));
}

#[test]
fn every_byte_that_is_flipped_or_cut_off_is_noticed() {
    let file = file(SEED, |_, _| {}).into_bytes();
    for place in 0..file.len() {
        for bit in [1, 0x20, 0x80] {
            let mut flipped = file.clone();
            flipped[place] ^= bit;
            assert!(verify(&flipped, None).is_err(), "byte {place}, bit {bit:#x}");
        }
        assert!(verify(&file[..place], None).is_err(), "cut off at {place}");
    }
    assert!(verify(&[&file[..], b"\n"].concat(), None).is_err(), "something after the end");
}

proptest! {
    #[test]
    fn no_other_bytes_pass(place in 0_usize..2_000, byte: u8) {
        let mut file = file(SEED, |_, _| {}).into_bytes();
        let place = place % file.len();
        prop_assume!(file[place] != byte);
        file[place] = byte;
        prop_assert!(verify(&file, None).is_err());
    }
}
