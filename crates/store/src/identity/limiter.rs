//! The buckets of the rate limiter, shared by all processes: GCRA in one statement.

use domain::identity::Quota;

use crate::handle::sealed::Conn as _;
use crate::{Exempt, Result, Store, SystemPurpose};

/// What a bucket is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// One request that waits for the answer: charged only if there is room for it.
    One,
    /// Requests that were let in already: charged whether there is room or not.
    Past(u32),
}

/// How full a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Was the charge accepted?
    pub charged: bool,
    /// The bucket is empty after so many microseconds; full when that is the window of its quota.
    pub drains_in: i64,
}

/// Charges a bucket and answers its level, as of now by the clock of the database.
pub async fn charge(store: &Store, key: &str, quota: Quota, charge: Charge) -> Result<Level> {
    let (cost, most) = match charge {
        Charge::One => (quota.cost(1), quota.window()),
        Charge::Past(count) => (quota.cost(count), i64::MAX),
    };
    let mut tx = store.system_tx(SystemPurpose::Limits).await?;
    let drains_in = sqlx::query_scalar!(
        r#"insert into rate_buckets as b (key, empty_at)
        values ($1, clock_timestamp() + $2::bigint * interval '1 microsecond')
        on conflict (key) do update
        set empty_at = greatest(b.empty_at, clock_timestamp()) + $2::bigint * interval '1 microsecond'
        where (extract(epoch from greatest(b.empty_at - clock_timestamp(), interval '0')) * 1000000)::bigint
            <= $3::bigint - $2::bigint
        returning (extract(epoch from b.empty_at - clock_timestamp()) * 1000000)::bigint as "drains_in!""#,
        key,
        cost,
        most,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(drains_in) = drains_in {
        tx.commit(Exempt::RateBucket).await?;
        return Ok(Level { charged: true, drains_in });
    }
    let drains_in = sqlx::query_scalar!(
        r#"select (extract(epoch from empty_at - clock_timestamp()) * 1000000)::bigint as "drains_in!"
        from rate_buckets where key = $1"#,
        key,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(Level { charged: false, drains_in: drains_in.unwrap_or_else(|| quota.window()) })
}

/// Removes buckets that are empty again.
pub async fn remove_drained(tx: &mut crate::SystemTx) -> Result<()> {
    sqlx::query!("delete from rate_buckets where empty_at < now()").execute(tx.conn()).await?;
    Ok(())
}
