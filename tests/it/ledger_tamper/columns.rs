//! One byte or unit of every column.

use std::collections::BTreeSet;

use super::{BOOKS, Books, Forgery, forgery};

/// A change of each column that holds a truth.
const COLUMNS: &[Forgery] = &[
    forgery(
        "wallets.organization_id",
        "update wallets set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' where organization_id = ACME",
        "it has no wallet",
    ),
    forgery(
        "wallets.available_micros",
        "update wallets set available_micros = available_micros + 1 where organization_id = ACME",
        "the wallet shows available",
    ),
    forgery(
        "wallets.held_micros",
        "update wallets set held_micros = held_micros + 1 where organization_id = ACME",
        "the wallet shows held",
    ),
    forgery(
        "wallets.receivable_micros",
        "update wallets set receivable_micros = receivable_micros + 1 where organization_id = ACME",
        "the wallet shows receivable",
    ),
    forgery(
        "wallets.burn_micros",
        "update wallets set burn_micros = burn_micros + 1 where organization_id = ACME",
        "the wallet shows burn",
    ),
    forgery(
        "wallets.sequence",
        "update wallets set sequence = sequence + 1 where organization_id = ACME",
        "the wallet says",
    ),
    forgery(
        "wallets.head_hash",
        "update wallets set head_hash = set_byte(head_hash, 31, get_byte(head_hash, 31) # 1) where organization_id = ACME",
        "head hash",
    ),
    forgery(
        "wallets.charged_until",
        "update wallets set charged_until = charged_until + interval '1 microsecond' where organization_id = ACME",
        "and none begins then",
    ),
    forgery(
        "ledger_transactions.organization_id",
        "update ledger_transactions set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff'
            where organization_id = ACME and sequence = 3",
        "ledger transaction 3 is missing",
    ),
    forgery(
        "ledger_transactions.id",
        "update ledger_transactions set id = '00000000-0000-7000-8000-000000000000'
            where organization_id = ACME and sequence = 3",
        "ledger transaction 3",
    ),
    forgery(
        "ledger_transactions.sequence",
        "update ledger_transactions set sequence = sequence + 1000 where organization_id = ACME and sequence = 3",
        "ledger transaction 3 is missing",
    ),
    forgery(
        "ledger_transactions.kind",
        "update ledger_transactions set kind = 'holD' where organization_id = ACME and kind = 'hold' and sequence < 9",
        "is no kind",
    ),
    forgery(
        "ledger_transactions.key",
        "update ledger_transactions set key = key || '0' where organization_id = ACME and sequence = 3",
        "ledger transaction 3",
    ),
    forgery(
        "ledger_transactions.actor",
        "update ledger_transactions set actor = actor || '{\"more\": 1}' where organization_id = ACME and sequence = 3",
        "its actor is nobody",
    ),
    forgery(
        "ledger_transactions.reference",
        "update ledger_transactions set reference = reference || '{\"more\": 1}'
            where organization_id = ACME and sequence = 3",
        "its content does not match its hash",
    ),
    forgery(
        "ledger_transactions.previous_hash",
        "update ledger_transactions set previous_hash = set_byte(previous_hash, 0, get_byte(previous_hash, 0) # 128)
            where organization_id = ACME and sequence = 3",
        "it does not follow the one before it",
    ),
    forgery(
        "ledger_transactions.hash",
        "update ledger_transactions set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
            where organization_id = ACME and sequence = 3",
        "its content does not match its hash",
    ),
    forgery(
        "ledger_transactions.created_at",
        "update ledger_transactions set created_at = created_at + interval '1 microsecond'
            where organization_id = ACME and sequence = 3",
        "its content does not match its hash",
    ),
    forgery(
        "ledger_entries.organization_id",
        "update ledger_entries set organization_id = BOLT where organization_id = ACME and account = 'revenue'
            and transaction_id = (select max(transaction_id::text)::uuid from ledger_entries
                where organization_id = ACME and account = 'revenue')",
        "ledger transaction",
    ),
    forgery(
        "ledger_entries.transaction_id",
        "update ledger_entries set transaction_id = '00000000-0000-7000-8000-000000000000'
            where line = 2 and transaction_id = (select max(transaction_id::text)::uuid from ledger_entries
                where organization_id = ACME and account = 'revenue')",
        "ledger transaction",
    ),
    forgery(
        "ledger_entries.line",
        "update ledger_entries e set line = 3 from ledger_transactions t
            where t.id = transaction_id and t.organization_id = ACME and t.sequence = 3 and line = 2",
        "its lines are not numbered from 1 on",
    ),
    forgery(
        "ledger_entries.account",
        "update ledger_entries set account = 'adjustments' where organization_id = ACME and account = 'revenue'",
        "its content does not match its hash",
    ),
    forgery(
        "ledger_entries.amount_micros",
        "update ledger_entries set amount_micros = amount_micros + 1 where organization_id = ACME and account = 'revenue'",
        "must be non-zero and sum to zero",
    ),
    forgery(
        "charges.organization_id",
        "update charges set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff'
            where organization_id = ACME and transaction_id is null",
        "charged hours",
    ),
    forgery(
        "charges.meter_id",
        "update charges set meter_id = '00000000-0000-7000-8000-000000000000'
            where organization_id = ACME and amount_micros = 0",
        "charged hours",
    ),
    forgery(
        "charges.span_start",
        "update charges set span_start = span_start - interval '1 microsecond'
            where organization_id = ACME and amount_micros = 0",
        "charged hours",
    ),
    forgery(
        "charges.amount_micros",
        "update charges set amount_micros = amount_micros + 1
            where (meter_id, span_start) = (select meter_id, span_start from charges
                where organization_id = ACME and amount_micros > 0 order by span_start limit 1)",
        "charges of one bill",
    ),
    forgery(
        "charges.tariff",
        "update charges set tariff = 'sold' where (meter_id, span_start) = (select meter_id, span_start from charges
            where organization_id = ACME and tariff = 'at_cost' limit 1)",
        "not by the terms in force",
    ),
    forgery(
        "charges.transaction_id",
        "update charges set transaction_id = (left(transaction_id::text, 35)
                || translate(right(transaction_id::text, 1), '0123456789abcdef', '1032547698badcfe'))::uuid
            where (meter_id, span_start) = (select meter_id, span_start from charges
                where organization_id = ACME and amount_micros > 0 order by span_start limit 1)",
        "charges of one bill",
    ),
    forgery(
        "holds.organization_id",
        "update holds set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' where id = (select min(id::text)::uuid
            from holds where organization_id = ACME)",
        "there is no such hold",
    ),
    forgery(
        "holds.vps_id",
        "update holds set vps_id = '00000000-0000-7000-8000-000000000000' where id = (select min(id::text)::uuid
            from holds where organization_id = ACME)",
        "there is no such hold",
    ),
    forgery(
        "holds.resource_id",
        "update holds set resource_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and resource_id is not null",
        "there is no such hold",
    ),
    forgery(
        "holds.resize_id",
        "update holds set resize_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and id = (select id from holds where organization_id = ACME and resize_id is not null limit 1)",
        "there is no such hold",
    ),
    forgery(
        "holds.amount_micros",
        "update holds set amount_micros = amount_micros + 1 where organization_id = ACME and state = 'released'",
        "is not what the ledger held",
    ),
    forgery(
        "holds.state",
        "update holds set state = 'captured' where organization_id = ACME and state = 'released'",
        "the ledger says otherwise",
    ),
    forgery(
        "holds.created_at",
        "update holds set created_at = created_at + interval '1 microsecond' where organization_id = ACME",
        "is not what the ledger held",
    ),
    forgery(
        "holds.closed_at",
        "update holds set closed_at = closed_at + interval '1 microsecond' where organization_id = ACME",
        "the ledger says otherwise",
    ),
    forgery(
        "meters.organization_id",
        "update meters set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' where id = (select min(id::text)::uuid
            from meters where organization_id = ACME)",
        "has no meter",
    ),
    forgery(
        "meters.id",
        "update meters set id = '00000000-0000-7000-8000-000000000000' where id = (select min(id::text)::uuid
            from meters where organization_id = ACME)",
        "charged hours",
    ),
    forgery(
        "meters.vps_id",
        "update meters set vps_id = '00000000-0000-7000-8000-000000000000' where id = (select min(id::text)::uuid
            from meters where organization_id = ACME)",
        "has no meter",
    ),
    forgery(
        "meters.resource_id",
        "update meters set resource_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and resource_id is not null",
        "has no meter",
    ),
    forgery(
        "meters.resize_id",
        "update meters set resize_id = null where organization_id = ACME",
        "do not follow each other",
    ),
    forgery(
        "meters.quantity",
        "update meters set quantity = quantity + 1 where organization_id = ACME and resource_id is not null",
        "counts another quantity",
    ),
    forgery(
        "meters.price_version_id",
        "update meters m set price_version_id = p.id from price_versions p where p.id <> m.price_version_id
            and m.organization_id = ACME",
        "at another price",
    ),
    forgery(
        "meters.started_at",
        "update meters set started_at = started_at - interval '1 microsecond' where organization_id = ACME",
        "meter",
    ),
    forgery(
        "meters.ended_at",
        "update meters set ended_at = ended_at - interval '1 microsecond' where organization_id = ACME and settled",
        "did not end with its VPS",
    ),
    forgery(
        "meters.paid_until",
        "update meters set paid_until = paid_until + interval '1 microsecond' where organization_id = ACME",
        "charged hours",
    ),
    forgery(
        "meters.month",
        "update meters set month = month - interval '1 month' where organization_id = ACME",
        "another month",
    ),
    forgery(
        "meters.month_used_micros",
        "update meters set month_used_micros = month_used_micros + 1 where organization_id = ACME",
        "micros of its month",
    ),
    forgery(
        "meters.tariff",
        "update meters set tariff = 'at_cost' where organization_id = ACME and not settled",
        "charged hours, and not each between",
    ),
    forgery(
        "meters.settled",
        "update meters set settled = true where organization_id = ACME and not settled",
        "its hours say otherwise",
    ),
    forgery(
        "meter_terms.organization_id",
        "update meter_terms set organization_id = BOLT where id = (select min(id) from meter_terms
            where organization_id = ACME)",
        "do not follow each other",
    ),
    forgery(
        "meter_terms.meter_id",
        "update meter_terms set meter_id = '00000000-0000-7000-8000-000000000000' where id = (select min(id)
            from meter_terms where organization_id = ACME)",
        "do not follow each other",
    ),
    forgery(
        "meter_terms.until",
        "update meter_terms set until = until + interval '1 microsecond' where organization_id = ACME",
        "not by the terms in force",
    ),
    forgery(
        "meter_terms.tariff",
        "update meter_terms set tariff = 'sold' where organization_id = ACME and tariff = 'at_cost'",
        "do not follow each other",
    ),
    forgery(
        "meter_terms.quantity",
        "update meter_terms set quantity = quantity + 1 where organization_id = ACME and resize_id is not null",
        "do not follow each other",
    ),
    forgery(
        "meter_terms.resize_id",
        "update meter_terms set resize_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME
            and resize_id is not null",
        "do not follow each other",
    ),
    forgery(
        "raised_hours.organization_id",
        "update raised_hours set organization_id = BOLT where organization_id = ACME",
        "charges of one bill",
    ),
    forgery(
        "raised_hours.resize_id",
        "update raised_hours set resize_id = '00000000-0000-7000-8000-000000000000' where resize_id = (select resize_id
            from raised_hours where organization_id = ACME limit 1)",
        "is not what the ledger captured",
    ),
    forgery(
        "raised_hours.meter_id",
        "update raised_hours set meter_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME",
        "meter",
    ),
    forgery(
        "raised_hours.span_start",
        "update raised_hours set span_start = span_start + interval '1 hour' where organization_id = ACME",
        "is not what the ledger captured",
    ),
    forgery(
        "raised_hours.amount_micros",
        "update raised_hours set amount_micros = amount_micros + 1 where organization_id = ACME",
        "charges of one bill",
    ),
    forgery(
        "raised_hours.transaction_id",
        "update raised_hours set transaction_id = '00000000-0000-7000-8000-000000000000' where organization_id = ACME",
        "charges of one bill",
    ),
    forgery(
        "top_ups.organization_id",
        "update top_ups set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' where organization_id = ACME",
        "top-ups less refunds sum to",
    ),
    forgery(
        "top_ups.id",
        "update top_ups set id = '00000000-0000-7000-8000-000000000000' where id = (select min(id::text)::uuid
            from top_ups where organization_id = ACME)",
        "a top-up that is not there",
    ),
    forgery(
        "top_ups.currency",
        "update top_ups set currency = 'USE' where id = (select min(id::text)::uuid from top_ups
            where organization_id = ACME)",
        "all others are in USD",
    ),
    forgery(
        "top_ups.state",
        "update top_ups set state = 'pending' where id = (select min(id::text)::uuid from top_ups
            where organization_id = ACME)",
        "top-up",
    ),
    forgery(
        "top_ups.capture_ref",
        "update top_ups set capture_ref = capture_ref || '0' where organization_id = ACME",
        "is not what was booked",
    ),
    forgery(
        "top_ups.captured_micros",
        "update top_ups set captured_micros = captured_micros + 1 where organization_id = ACME",
        "top-ups less refunds sum to",
    ),
    forgery(
        "top_ups.tax_micros",
        "update top_ups set tax_micros = tax_micros + 1 where organization_id = ACME",
        "is not what was booked",
    ),
    forgery(
        "transfer_charges.organization_id",
        "update transfer_charges set organization_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff'
            where organization_id = ACME and sequence = 1",
        "there is no such charge",
    ),
    forgery(
        "transfer_charges.pool",
        "update transfer_charges set pool = 'standarc' where organization_id = ACME and sequence = 1",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.month",
        "update transfer_charges set month = month - 1 where organization_id = ACME and sequence = 3",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.sequence",
        "update transfer_charges set sequence = 4 where organization_id = ACME and sequence = 3",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.used_bytes",
        "update transfer_charges set used_bytes = used_bytes + 1 where organization_id = ACME and sequence = 2",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.included_bytes",
        "update transfer_charges set included_bytes = included_bytes + 1 where organization_id = ACME and sequence = 1",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.price_id",
        "update transfer_charges set price_id = '00000000-0000-7000-8000-000000000000'
            where organization_id = ACME and sequence = 3",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.charged_before_micros",
        "update transfer_charges set charged_before_micros = charged_before_micros + 1
            where organization_id = ACME and sequence = 2",
        "is not what the ledger says",
    ),
    forgery(
        "transfer_charges.amount_micros",
        "update transfer_charges set amount_micros = amount_micros + 1 where organization_id = ACME and sequence = 2",
        "do not come to its amount",
    ),
    forgery(
        "transfer_charges.transaction_id",
        "update transfer_charges set transaction_id = '00000000-0000-7000-8000-000000000000'
            where organization_id = ACME and sequence = 2",
        "there is no such charge",
    ),
    forgery(
        "transfer_charges.debt_transaction_id",
        "update transfer_charges set debt_transaction_id = null where organization_id = ACME and sequence = 2",
        "there is no such charge",
    ),
    forgery(
        "transfer_charges.charged_at",
        "update transfer_charges set charged_at = charged_at + interval '1 microsecond'
            where organization_id = ACME and sequence = 1",
        "is not what the ledger says",
    ),
];

/// Columns that hold no truth about money, each with the reason.
const EXEMPT: &[(&str, &str)] = &[
    ("holds.id", "nothing names a hold by it: it is told by what it is for"),
    ("meters.cap_micros", "what earlier prices leave of a cap is counted again by `ledger recompute`"),
    ("meters.cap_month", "of which month that is, likewise"),
    (
        "meters.flat_micros",
        "worked out from cursor and price; the hours it led to are counted by `ledger recompute`",
    ),
    ("meters.flat_until", "how long it holds, likewise"),
    ("meter_terms.id", "only their order counts, and another order is another history"),
    ("meter_terms.price_version_id", "what hours were charged at is counted again by `ledger recompute`"),
    ("top_ups.amount_micros", "what was asked for; what was paid stands in captured_micros"),
    ("top_ups.order_ref", "the gateway's own name of the order"),
    ("top_ups.approve_url", "where the payer was sent; gone once paid"),
    ("top_ups.failure", "words for the payer"),
    ("top_ups.requested_by", "who asked; the trail says it too. Who booked it is in the ledger"),
    ("top_ups.created_at", "when it was asked for; when it was booked is in the ledger"),
    ("top_ups.updated_at", "when the row was last touched"),
    ("top_ups.buyer", "whom the receipt is for; the receipt keeps its own"),
    ("top_ups.tax_basis_points", "at which rate; the tax is in the ledger, the rate on the receipt"),
    ("top_ups.tax_reason", "why it was taxed so, likewise"),
    ("top_ups.auto_top_up_id", "which agreement asked for it; nothing is booked by it"),
    ("top_ups.charge_sent_at", "since when it may have been asked for; likewise"),
    ("wallets.runway_told", "which notice was sent"),
];

#[tokio::test]
async fn one_byte_of_any_column_is_found() {
    let books = Books::open().await;
    let tables = BOOKS.map(|table| format!("'{table}'")).join(", ");
    let there: BTreeSet<String> = books
        .panel
        .fetch_all(format!(
            "select table_name || '.' || column_name from information_schema.columns
            where table_schema = 'public' and table_name in ({tables})"
        ))
        .await
        .into_iter()
        .collect();
    let said = COLUMNS.iter().map(|one| one.name).chain(EXEMPT.iter().map(|(column, _)| *column));
    let said: BTreeSet<String> = said.map(str::to_owned).collect();
    assert_eq!(there, said, "say of each column how it is forged, or why it holds no truth");
    books.are_all_found(COLUMNS).await;
}
