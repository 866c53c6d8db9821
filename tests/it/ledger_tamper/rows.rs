//! Rows that are gone, added, cut off and swapped.

use super::{Books, Forgery, forgery};

const ROWS: &[Forgery] = &[
    // Gone.
    forgery("a wallet is gone", "delete from wallets where organization_id = ACME", "it has no wallet"),
    forgery(
        "a movement is gone",
        "delete from ledger_transactions where organization_id = ACME and sequence = 3",
        "ledger transaction 3 is missing",
    ),
    forgery(
        "a movement is gone with its lines",
        "delete from ledger_entries e using ledger_transactions t where t.id = transaction_id
            and t.organization_id = ACME and t.sequence = 3;
        delete from ledger_transactions where organization_id = ACME and sequence = 3",
        "ledger transaction 3 is missing",
    ),
    forgery(
        "a line is gone",
        "delete from ledger_entries e using ledger_transactions t where t.id = transaction_id
            and t.organization_id = ACME and t.sequence = 3 and line = 2",
        "ledger transaction 3",
    ),
    forgery(
        "an hour is gone",
        "delete from charges where (meter_id, span_start) = (select meter_id, span_start from charges
            where organization_id = ACME and amount_micros > 0 limit 1)",
        "charges of one bill",
    ),
    forgery(
        "an hour for nothing is gone",
        "delete from charges where (meter_id, span_start) = (select meter_id, span_start from charges
            where organization_id = ACME and amount_micros = 0 limit 1)",
        "charged hours",
    ),
    forgery(
        "what a resize added is gone",
        "delete from raised_hours where resize_id = (select resize_id from raised_hours where organization_id = ACME limit 1)",
        "charges of one bill",
    ),
    forgery(
        "all that resizes added is cut off",
        "delete from raised_hours where organization_id = ACME",
        "charges of one bill",
    ),
    forgery(
        "a hold is gone",
        "delete from holds where organization_id = ACME and state = 'released'",
        "there is no such hold",
    ),
    forgery(
        "a meter is gone",
        "delete from meters where organization_id = ACME and settled",
        "has no meter",
    ),
    forgery(
        "a meter is gone with its hours",
        "delete from charges c using meters m where m.id = c.meter_id and m.organization_id = ACME and settled;
        delete from meters where organization_id = ACME and settled",
        "charges of one bill",
    ),
    forgery(
        "an end of terms is gone",
        "delete from meter_terms where id = (select max(id) from meter_terms where organization_id = ACME)",
        "do not follow each other",
    ),
    forgery(
        "a payment is gone",
        "delete from top_ups where id = (select min(id::text)::uuid from top_ups where organization_id = ACME)",
        "top-ups less refunds sum to",
    ),
    forgery(
        "a charge of transfer is gone",
        "delete from transfer_charges where organization_id = ACME and sequence = 2",
        "there is no such charge",
    ),
    // Cut off.
    forgery(
        "the last charge of transfer is cut off",
        "delete from transfer_charges where organization_id = ACME and sequence = 3",
        "there is no such charge",
    ),
    forgery(
        "all charges of transfer are cut off",
        "delete from transfer_charges where organization_id = ACME",
        "there is no such charge",
    ),
    forgery(
        "the last movement is cut off",
        "delete from ledger_transactions t using wallets w where w.organization_id = ACME
            and t.organization_id = ACME and t.sequence = w.sequence",
        "the ledger ends at",
    ),
    forgery(
        "the last movement is cut off, and the wallet put back to before it",
        "update wallets w set sequence = w.sequence - 1, head_hash = t.previous_hash
            from ledger_transactions t where t.organization_id = ACME and w.organization_id = ACME
            and t.sequence = w.sequence;
        delete from ledger_entries e using ledger_transactions t, wallets w where t.id = e.transaction_id
            and t.organization_id = ACME and w.organization_id = ACME and t.sequence > w.sequence;
        delete from ledger_transactions t using wallets w where t.organization_id = ACME
            and w.organization_id = ACME and t.sequence > w.sequence",
        "the wallet shows available",
    ),
    forgery(
        "all movements are cut off",
        "delete from ledger_entries where organization_id = ACME;
        delete from ledger_transactions where organization_id = ACME",
        "the ledger ends at 0",
    ),
    forgery(
        "the last hour is cut off",
        "delete from charges where (meter_id, span_start) = (select meter_id, span_start from charges
            where organization_id = ACME order by span_start desc limit 1)",
        "charges of one bill",
    ),
    forgery(
        "the last hour for nothing is cut off, and the cursor put back",
        "update meters m set paid_until = paid_until - interval '1 hour' from charges c where c.meter_id = m.id
            and c.span_start = m.paid_until - interval '1 hour' and m.organization_id = ACME and m.settled;
        delete from charges c using meters m where m.id = c.meter_id and m.organization_id = ACME and m.settled
            and c.span_start >= m.paid_until",
        "",
    ),
    // Added.
    forgery(
        "a movement is added at the end",
        "insert into ledger_transactions select (jsonb_populate_record(t, jsonb_build_object(
                'id', '00000000-0000-7000-8000-000000000000', 'sequence', w.sequence + 1))).*
            from ledger_transactions t, wallets w where w.organization_id = ACME and t.organization_id = ACME
            and t.sequence = w.sequence",
        "ledger transaction",
    ),
    forgery(
        "a movement is there twice",
        "insert into ledger_transactions select (jsonb_populate_record(t, '{\"id\":
            \"00000000-0000-7000-8000-000000000000\"}')).* from ledger_transactions t
            where t.organization_id = ACME and t.sequence = 3",
        "ledger transaction",
    ),
    forgery(
        "a line is added to a movement",
        "insert into ledger_entries select organization_id, id, 9, 'wallet', 1 from ledger_transactions
            where organization_id = ACME and sequence = 3",
        "ledger transaction 3",
    ),
    forgery(
        "lines of no movement are added",
        "insert into ledger_entries select ACME, '00000000-0000-7000-8000-000000000000', n, 'revenue', 2 * n - 3
            from generate_series(1, 2) n",
        "ledger entries",
    ),
    forgery(
        "an hour is added",
        "insert into charges select organization_id, meter_id, max(span_start) + interval '1 hour', 0, 'sold', null
            from charges where organization_id = ACME group by 1, 2",
        "charged hours",
    ),
    forgery(
        "an hour of no meter is added",
        "insert into charges values (ACME, '00000000-0000-7000-8000-000000000000', now(), 0, 'sold', null)",
        "belongs to no meter",
    ),
    forgery(
        "an hour that no movement paid is added",
        "insert into charges values (ACME, '00000000-0000-7000-8000-000000000000', now(), 5, 'sold',
            '00000000-0000-7000-8000-000000000000')",
        "belongs to no movement",
    ),
    forgery(
        "a hold is added",
        "insert into holds select (jsonb_populate_record(h, '{\"id\": \"00000000-0000-7000-8000-000000000000\",
            \"vps_id\": \"00000000-0000-7000-8000-000000000000\"}')).* from holds h
            where organization_id = ACME and state = 'released'",
        "is not what the ledger held",
    ),
    forgery(
        "an open hold is added",
        "insert into holds select (jsonb_populate_record(h, '{\"id\": \"00000000-0000-7000-8000-000000000000\",
            \"state\": \"open\", \"closed_at\": null}')).* from holds h where organization_id = ACME and state = 'released'",
        "open holds, disputes and refunds sum to",
    ),
    forgery(
        "a meter is added",
        "insert into meters select (jsonb_populate_record(m, '{\"id\": \"00000000-0000-7000-8000-000000000000\",
            \"vps_id\": \"00000000-0000-7000-8000-000000000000\"}')).* from meters m
            where organization_id = ACME and settled",
        "counts the hours of nothing that was active",
    ),
    forgery(
        "an end of terms is added",
        "insert into meter_terms (organization_id, meter_id, until, tariff, price_version_id)
            select organization_id, id, paid_until, 'sold', price_version_id from meters
            where organization_id = ACME and settled",
        "do not follow each other",
    ),
    forgery(
        "a payment is added",
        "insert into top_ups select (jsonb_populate_record(t, '{\"id\": \"00000000-0000-7000-8000-000000000000\",
            \"capture_ref\": \"x\"}')).* from top_ups t where organization_id = ACME limit 1",
        "top-ups less refunds sum to",
    ),
    forgery(
        "what a resize added is there twice",
        "insert into raised_hours select (jsonb_populate_record(h,
            '{\"resize_id\": \"00000000-0000-7000-8000-000000000000\"}')).* from raised_hours h
            where organization_id = ACME limit 1",
        "charges of one bill",
    ),
    forgery(
        "a charge of transfer is added",
        "insert into transfer_charges select (jsonb_populate_record(c, '{\"sequence\": 4,
            \"transaction_id\": \"00000000-0000-7000-8000-000000000000\"}')).* from transfer_charges c
            where organization_id = ACME and sequence = 3",
        "belongs to no movement",
    ),
    forgery(
        "a charge of transfer that nothing paid is added",
        "insert into transfer_charges select (jsonb_populate_record(c, '{\"sequence\": 4, \"transaction_id\": null}')).*
            from transfer_charges c where organization_id = ACME and sequence = 3",
        "belongs to no movement",
    ),
    forgery(
        "a charge of transfer is there twice",
        "insert into transfer_charges select (jsonb_populate_record(c, '{\"sequence\": 4}')).* from transfer_charges c
            where organization_id = ACME and sequence = 3",
        "is not what the ledger says",
    ),
    // Swapped.
    forgery(
        "what two resizes added is swapped",
        "update raised_hours h set (amount_micros, transaction_id) = (select amount_micros, transaction_id
            from raised_hours o where o.organization_id = ACME and o.resize_id <> h.resize_id)
            where organization_id = ACME",
        "is not what the ledger captured",
    ),
    forgery(
        "two charges of transfer are swapped",
        "update transfer_charges set sequence = -sequence where organization_id = ACME;
        update transfer_charges set sequence = 4 + sequence where organization_id = ACME",
        "is not what the ledger says",
    ),
    forgery(
        "two charges of transfer change the movements that paid them",
        "update transfer_charges c set transaction_id = o.transaction_id from transfer_charges o
            where c.organization_id = ACME and o.organization_id = ACME and c.sequence + o.sequence = 4
            and c.sequence <> 2",
        "is not what the ledger says",
    ),
    forgery(
        "two movements are swapped",
        "update ledger_transactions set sequence = 9 - sequence where organization_id = ACME and sequence in (4, 5)",
        "ledger transaction 4",
    ),
    forgery(
        "two movements change their contents, hashes and all",
        "update ledger_transactions t set (kind, key, reference) = (select kind, key, reference
            from ledger_transactions o where o.organization_id = ACME and o.sequence = 9 - t.sequence)
            where organization_id = ACME and sequence in (4, 5)",
        "ledger transaction 4",
    ),
    forgery(
        "two lines of a movement are swapped",
        "update ledger_entries e set line = -line from ledger_transactions t where t.id = transaction_id
            and t.organization_id = ACME and t.sequence = 3;
        update ledger_entries e set line = 3 + line from ledger_transactions t where t.id = transaction_id
            and t.organization_id = ACME and t.sequence = 3",
        "ledger transaction 3",
    ),
    forgery(
        "two hours change the movements that paid them",
        "update charges c set transaction_id = o.transaction_id from charges o
            where (c.meter_id, c.span_start) in (select meter_id, span_start from charges
                where organization_id = ACME and amount_micros > 0 order by span_start limit 1)
            and o.organization_id = ACME and o.tariff = 'at_cost'",
        "charges of one bill",
    ),
    forgery(
        "the first and the last hour of a month change their prices and payers",
        "update charges c set (amount_micros, transaction_id) = (select o.amount_micros, o.transaction_id from charges o
                where o.organization_id = ACME and o.meter_id = c.meter_id and o.span_start <> c.span_start
                and o.span_start in (select min(span_start) from charges where organization_id = ACME
                    union select min(span_start) from charges where organization_id = ACME and amount_micros = 0))
            where organization_id = ACME and span_start in (select min(span_start) from charges
                where organization_id = ACME union select min(span_start) from charges where organization_id = ACME
                and amount_micros = 0)",
        "not by the terms in force",
    ),
    forgery(
        "two holds are swapped",
        "update holds h set amount_micros = (select amount_micros from holds o where o.organization_id = ACME
            and o.amount_micros <> h.amount_micros limit 1) where organization_id = ACME",
        "is not what the ledger held",
    ),
    forgery(
        "two meters change their VPSs",
        "update meters m set vps_id = (select o.vps_id from meters o where o.organization_id = ACME and not o.settled
            and o.id <> m.id and o.vps_id is not null) where organization_id = ACME and not settled and vps_id is not null",
        "meter",
    ),
    forgery(
        "a meter counts the hours of two",
        "update meters set resource_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and settled",
        "counts the hours of two",
    ),
    forgery(
        "a hold is for two",
        "update holds set resource_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and state = 'released'",
        "is not what the ledger held",
    ),
    forgery(
        "two ends of terms are swapped",
        "update meter_terms t set tariff = case tariff when 'sold' then 'at_cost' else 'sold' end
            where organization_id = ACME",
        "do not follow each other",
    ),
    forgery(
        "two payments are swapped",
        "update top_ups set captured_micros = 65000000 - captured_micros where organization_id = ACME
            and captured_micros in (25000000, 40000000)",
        "is not what was booked",
    ),
];

/// Of whoever has too much and does not exist, only that can be told.
const OF_NOBODY: &[Forgery] = &[
    forgery(
        "a wallet of nobody is added",
        "insert into wallets select (jsonb_populate_record(w,
            '{\"organization_id\": \"ffffffff-ffff-7fff-bfff-ffffffffffff\"}')).* from wallets w
            where organization_id = ACME",
        "it has a wallet and does not exist",
    ),
    forgery(
        "lines of nobody are added",
        "insert into ledger_entries select 'ffffffff-ffff-7fff-bfff-ffffffffffff', 'ffffffff-ffff-7fff-bfff-ffffffffffff',
            n, 'revenue', 2 * n - 3 from generate_series(1, 2) n",
        "there are 2 ledger entries",
    ),
    forgery(
        "movements of nobody are added",
        "insert into ledger_transactions select (jsonb_populate_record(t, '{\"organization_id\":
            \"ffffffff-ffff-7fff-bfff-ffffffffffff\", \"id\": \"ffffffff-ffff-7fff-bfff-ffffffffffff\"}')).*
            from ledger_transactions t where t.organization_id = ACME and t.sequence = 1",
        "it has ledger transactions but no wallet",
    ),
];

#[tokio::test]
async fn a_row_that_is_gone_added_cut_off_or_swapped_is_found() {
    let books = Books::open().await;
    books.are_all_found(ROWS).await;
    for forgery in OF_NOBODY {
        let found = books.found(forgery).await.expect(forgery.name);
        assert_eq!(found.organization_id.to_string(), "ffffffff-ffff-7fff-bfff-ffffffffffff");
        assert!(found.what.contains(forgery.says), "{}: {found}", forgery.name);
    }
    // Of two that were swapped, either may be told first.
    let swapped = forgery(
        "two wallets are swapped",
        "update wallets w set (available_micros, held_micros, receivable_micros, burn_micros, sequence, head_hash) =
            (select available_micros, held_micros, receivable_micros, burn_micros, sequence, head_hash from wallets o
            where o.organization_id in (ACME, BOLT) and o.organization_id <> w.organization_id)
            where organization_id in (ACME, BOLT)",
        "ledger",
    );
    assert!(books.found(&swapped).await.is_some_and(|found| found.what.contains(swapped.says)));
}
