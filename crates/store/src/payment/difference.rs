//! Where the gateway's books and ours differ.

use chrono::{DateTime, Utc};
use domain::{Money, OrganizationId, TopUpId};

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead, SystemTx};

/// One of our payments, for comparing it with the gateway's books.
#[derive(Debug, Clone)]
pub struct Ours {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The top-up.
    pub id: TopUpId,
    /// The gateway's capture.
    pub capture_ref: String,
    /// What was taken.
    pub captured: Money,
}

/// Payments that arrived between two times.
pub async fn captured_between(
    db: &mut SystemRead,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Ours>> {
    Ok(sqlx::query_as!(
        Ours,
        r#"select organization_id as "organization_id: OrganizationId", id as "id: TopUpId",
            capture_ref as "capture_ref!", captured_micros as "captured!: Money"
        from top_ups where state = 'completed' and updated_at >= $1 and updated_at < $2"#,
        from,
        to
    )
    .fetch_all(db.conn())
    .await?)
}

/// The payments with these captures.
pub async fn with_captures(db: &mut SystemRead, captures: &[String]) -> Result<Vec<Ours>> {
    Ok(sqlx::query_as!(
        Ours,
        r#"select organization_id as "organization_id: OrganizationId", id as "id: TopUpId",
            capture_ref as "capture_ref!", captured_micros as "captured!: Money"
        from top_ups where state = 'completed' and capture_ref = any($1)"#,
        captures
    )
    .fetch_all(db.conn())
    .await?)
}

/// Which of these ids of money that went back are booked, and how much.
pub async fn booked(db: &mut SystemRead, refs: &[String]) -> Result<Vec<(String, Money)>> {
    let rows = sqlx::query!(
        r#"select refund_ref as "refund_ref!", amount_micros as "amount: Money" from refunds
        where state = 'completed' and refund_ref = any($1)"#,
        refs
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.refund_ref, r.amount)).collect())
}

/// Writes down what a comparison found, in place of what the one before it found. `found` holds keys and words.
pub async fn replace(tx: &mut SystemTx, found: &[(String, String)]) -> Result<()> {
    let keys: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
    let words: Vec<String> = found.iter().map(|(_, words)| words.clone()).collect();
    sqlx::query!("delete from payment_differences where key <> all($1)", &keys).execute(tx.conn()).await?;
    sqlx::query!(
        "insert into payment_differences as d (key, what) select * from unnest($1::text[], $2::text[])
        on conflict (key) do update set what = excluded.what, seen = d.seen + 1",
        &keys,
        &words
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A difference as operators see it.
#[derive(Debug, Clone)]
pub struct Difference {
    /// In one sentence.
    pub what: String,
    /// Comparisons that saw it.
    pub seen: i32,
    /// Since when.
    pub first_seen_at: DateTime<Utc>,
}

/// All that the last comparison found.
pub async fn all(db: &mut SystemRead) -> Result<Vec<Difference>> {
    Ok(sqlx::query_as!(
        Difference,
        "select what, seen, first_seen_at from payment_differences order by first_seen_at, key limit 200"
    )
    .fetch_all(db.conn())
    .await?)
}
