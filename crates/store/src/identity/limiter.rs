//! A rate limiter shared by all processes: GCRA in one statement.

use std::time::Duration;

use crate::handle::sealed::Conn as _;
use crate::{Exempt, Result, Store, SystemPurpose};

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// One more is allowed each time this has passed.
    pub every: Duration,
    /// So many may come at once.
    pub burst: i32,
}

/// Takes one from the bucket. `Some(wait)` means refused: try again after that.
pub async fn take(store: &Store, key: &str, limit: Limit) -> Result<Option<Duration>> {
    let every = format!("{} milliseconds", limit.every.as_millis());
    let mut tx = store.system_tx(SystemPurpose::SignIn).await?;
    let taken = sqlx::query_scalar!(
        r#"insert into rate_buckets as b (key, empty_at) values ($1, clock_timestamp() + $2::text::interval)
        on conflict (key) do update set empty_at = greatest(b.empty_at, clock_timestamp()) + $2::text::interval
        where greatest(b.empty_at, clock_timestamp()) + $2::text::interval
            <= clock_timestamp() + $2::text::interval * $3::int
        returning true as "taken!""#,
        key,
        every,
        limit.burst,
    )
    .fetch_optional(tx.conn())
    .await?;
    if taken.is_some() {
        tx.commit(Exempt::RateBucket).await?;
        return Ok(None);
    }
    let wait = sqlx::query_scalar!(
        r#"select greatest(1, ceil(extract(epoch from
            empty_at + $2::text::interval - clock_timestamp() - $2::text::interval * $3::int)))::bigint as "wait!"
        from rate_buckets where key = $1"#,
        key,
        every,
        limit.burst,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Some(Duration::from_secs(u64::try_from(wait).unwrap_or(1))))
}
