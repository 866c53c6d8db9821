//! What the same rows cost PostgreSQL when nobody asks whether they are right: the floor under a billing run.

use std::time::{Duration, Instant};

use testkit::Panel;

/// Seconds for one hour of `meters` meters of `organizations` customers, in one statement each: move narrow meters,
/// write unique charges, update wallets, write transactions with two entries each. No keys besides the charge's own,
/// no triggers, no row security.
pub(crate) async fn hour(panel: &Panel, meters: usize, organizations: usize) -> Duration {
    let tables = format!(
        "drop schema if exists floor cascade; create schema floor;
        create table floor.meters as select n as id, now() as paid_until, 0::bigint as used
            from generate_series(1, {meters}) n;
        create table floor.charges (meter_id int, span_start timestamptz, amount bigint, primary key (meter_id, span_start));
        create table floor.wallets as select n as id, 0::bigint as available, 0::bigint as sequence, sha256(n::text::bytea) as head
            from generate_series(1, {organizations}) n;
        create table floor.transactions (organization_id int, id uuid, sequence bigint, kind text, key text, hash bytea,
            created_at timestamptz);
        create table floor.entries (organization_id int, transaction_id uuid, line smallint, account text, amount bigint)"
    );
    panel.execute(tables).await;
    crate::scene::settle(panel).await;
    let statements = [
        "insert into floor.charges select id, paid_until, 22500 from floor.meters",
        "update floor.meters set paid_until = paid_until + interval '1 hour', used = used + 22500",
        "update floor.wallets set available = available - 450000, sequence = sequence + 1",
        "insert into floor.transactions select id, gen_random_uuid(), sequence, 'charge', 'charge:' || id, head, now()
            from floor.wallets",
        "insert into floor.entries select organization_id, id, line, 'wallet', 450000
            from floor.transactions, generate_series(1, 2) line",
    ];
    let began = Instant::now();
    for statement in statements {
        panel.execute(statement).await;
    }
    let took = began.elapsed();
    panel.execute("drop schema floor cascade").await;
    took
}
