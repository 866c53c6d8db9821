//! The job that tells people of price changes.

use store::job::{Job, queue};

use super::moves;
use crate::worker::{Context, Fail};

/// Telling commits its own batches; the job is only what starts it.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = store::billing::now(ctx.store()).await?;
    moves::tell(ctx.app(), now).await?;
    Ok(queue::done(ctx.store(), job).await?)
}
