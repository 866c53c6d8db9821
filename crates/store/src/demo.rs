//! Making an example installation look lived in. As the schema's owner, and for `skypanel demo`
//! alone: nothing else may empty a database or move its times.

use chrono::{DateTime, Utc};
use domain::wallet::GENESIS;
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::wallet::chain::{LedgerRow, ledger};
use crate::{Error, Result};

async fn connect(owner_url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = owner_url.parse().map_err(Error::Database)?;
    options.connect().await.map_err(Error::Database)
}

/// Throws away everything, schema included, so that an interrupted first start can begin again.
pub async fn reset(owner_url: &str) -> Result<()> {
    let mut owner = connect(owner_url).await?;
    sqlx::raw_sql("drop schema public cascade; create schema public").execute(&mut owner).await?;
    Ok(())
}

/// Makes everything older by some days: times, meters, and the ledger's chain over them.
pub async fn age(owner_url: &str, days: i32) -> Result<()> {
    let mut owner = connect(owner_url).await?;
    let mut tx = owner.begin().await?;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text,
            string_agg(format('%1$I = %1$I - make_interval(days => %2$s)', column_name, $1::int), ', ')
        from information_schema.columns
        where table_schema = 'public' and data_type = 'timestamp with time zone'
            and table_name in (select tablename from pg_tables where schemaname = 'public')
            and table_name not in ('sessions', 'events', 'jobs', 'rate_buckets', 'charges', '_sqlx_migrations')
        group by table_name",
    )
    .bind(days)
    .fetch_all(&mut *tx)
    .await?;
    for (table, assignments) in columns {
        // Both come from the catalogue of our own schema.
        sqlx::raw_sql(AssertSqlSafe(format!("update {table} set {assignments}"))).execute(&mut *tx).await?;
    }
    // Hours are unique: they go by way of a distant past, or each would land on the day before it.
    for days in [-365_000, 365_000 - days] {
        sqlx::query("update charges set span_start = span_start + make_interval(days => $1)")
            .bind(days)
            .execute(&mut *tx)
            .await?;
    }
    recount_months(&mut tx).await?;
    rechain(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes what was written since a time older by some days: what a billing run wrote of hours that lie so far back.
pub async fn date_back(owner_url: &str, since: DateTime<Utc>, days: i32) -> Result<()> {
    let mut owner = connect(owner_url).await?;
    let mut tx = owner.begin().await?;
    for table in ["ledger_transactions", "activity_logs"] {
        let statement = format!(
            "update {table} set created_at = created_at - make_interval(days => $2) where created_at >= $1"
        );
        sqlx::query(AssertSqlSafe(statement)).bind(since).bind(days).execute(&mut *tx).await?;
    }
    rechain(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn recount_months(conn: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "update meters m set paid_until = n.paid_until, month = n.month, flat_until = null, month_used_micros = coalesce((
            select sum(c.amount_micros) from charged c where c.meter_id = m.id and c.span_start >= n.month), 0)
        from (select id, paid_until, date_trunc('month', (paid_until - interval '1 hour') at time zone 'utc')::date as month
            from meter_counts) n
        where n.id = m.id",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The times are part of the hashes, so the chains are made anew. A demo's ledger fits into memory.
async fn rechain(conn: &mut PgConnection) -> Result<()> {
    let rows: Vec<LedgerRow> = ledger(conn).try_collect().await?;
    for chain in rows.chunk_by(|a, b| a.organization_id == b.organization_id) {
        let mut head = GENESIS;
        for row in chain {
            let posted = row.chain_to(head).map_err(|_| Error::Inconsistent("a ledger transaction"))?;
            sqlx::query("update ledger_transactions set previous_hash = $2, hash = $3 where id = $1")
                .bind(row.id.0)
                .bind(head.as_slice())
                .bind(posted.hash.as_slice())
                .execute(&mut *conn)
                .await?;
            head = posted.hash;
        }
        sqlx::query("update wallets set head_hash = $2 where organization_id = $1")
            .bind(chain[0].organization_id.0)
            .bind(head.as_slice())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
