//! The vendors' own count of our requests, as workers saw it last.

use domain::ProviderId;
use domain::provider::RequestBudget;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemTx};

/// Writes down what is left of the accounts' budgets. Accounts that are gone meanwhile are skipped.
pub async fn note(tx: &mut SystemTx, budgets: &[(ProviderId, RequestBudget)]) -> Result<()> {
    let ids: Vec<_> = budgets.iter().map(|(id, _)| id.0).collect();
    let column = |f: fn(&RequestBudget) -> i64| budgets.iter().map(|(_, b)| f(b)).collect::<Vec<i64>>();
    sqlx::query!(
        "insert into provider_budgets (provider_id, request_limit, remaining, resets_at)
        select p.id, b.request_limit, b.remaining, now() + b.wait * interval '1 millisecond'
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) as b (id, request_limit, remaining, wait)
        join providers p on p.id = b.id
        order by p.id
        on conflict (provider_id) do update set request_limit = excluded.request_limit,
            remaining = excluded.remaining, resets_at = excluded.resets_at, noted_at = now()",
        &ids,
        &column(|b| i64::from(b.limit)),
        &column(|b| i64::from(b.remaining)),
        &column(|b| i64::try_from(b.resets_in.as_millis()).unwrap_or(i64::MAX)),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
