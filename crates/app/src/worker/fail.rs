//! What a handler can fail with, and what that does to its job.

use std::time::Duration;

use domain::ProviderId;
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::provider::{Health, Rejection, UpstreamError};
use serde_json::json;
use store::job::{Job, queue};
use store::{SystemPurpose, notify, provider};

use super::Context;
use crate::full;

/// Longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How long jobs of a paused account wait before they look again.
const PAUSE: Duration = Duration::from_secs(15);
const PAUSED: &str = "the provider account is paused";
/// How long a busy server is left alone.
const BUSY: Duration = Duration::from_secs(3);

/// A failed run of a handler.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The database failed, or the lease was lost.
    Store(store::Error),
    /// A provider or the gateway failed.
    Upstream {
        /// The provider account; `None` for the gateway.
        provider: Option<ProviderId>,
        /// How.
        error: UpstreamError,
    },
    /// The account's token is refused: wait.
    Paused,
    /// It can never succeed.
    GiveUp(String),
    /// The handler panicked.
    Crashed,
}

/// What a failure does to the job.
enum Verdict {
    /// Somebody else has the job: what we did was rolled back, and it is theirs now.
    TakenOver,
    /// The account is to be paused, and the job waits.
    Pause(ProviderId),
    /// It waits without spending an attempt.
    Wait(Duration, String),
    /// It spends an attempt and waits.
    Retry(Duration, String),
    /// It is given up.
    Bury(String),
}

impl Fail {
    pub(crate) fn give_up(why: impl Into<String>) -> Self {
        Self::GiveUp(why.into())
    }

    /// A failure of the payment gateway.
    pub(crate) fn gateway(error: UpstreamError) -> Self {
        Self::Upstream { provider: None, error }
    }

    /// Is the job given up now? Then its handler has the last word on what it was for.
    pub(crate) fn buries(&self, job: &Job) -> bool {
        matches!(self.verdict(job), Verdict::Bury(_))
    }

    fn verdict(&self, job: &Job) -> Verdict {
        use UpstreamError as E;
        let retry = |at_least: Option<Duration>, why: String| match job.attempts + 1 < job.max_attempts {
            true => Verdict::Retry(backoff(job.attempts).max(at_least.unwrap_or_default()), why),
            false => Verdict::Bury(why),
        };
        match self {
            Self::Store(store::Error::LeaseLost) => Verdict::TakenOver,
            Self::Store(error) => retry(None, full(error)),
            Self::Crashed => retry(None, "the handler panicked".into()),
            Self::Paused => Verdict::Wait(PAUSE, PAUSED.into()),
            Self::GiveUp(why) => Verdict::Bury(why.clone()),
            Self::Upstream { provider, error } => match (error, provider) {
                (E::Unauthorized, Some(id)) => Verdict::Pause(*id),
                (E::Rejected { reason: Rejection::Busy, detail }, _) => Verdict::Wait(BUSY, detail.clone()),
                (E::Transient { retry_after, detail }, _) => retry(*retry_after, detail.clone()),
                (E::OutcomeUnknown { .. }, _) => retry(None, error.to_string()),
                (E::Unauthorized | E::Rejected { .. } | E::NotFound, _) => Verdict::Bury(error.to_string()),
            },
        }
    }

    /// Delays, repeats or buries the job. Waits are kept in the database, so they outlive us.
    pub(super) async fn settle(self, ctx: &Context, job: &Job) {
        let outcome = match self.verdict(job) {
            Verdict::TakenOver => return,
            Verdict::Pause(id) => pause(ctx, job, id).await,
            Verdict::Wait(wait, why) => queue::again(ctx.store(), job, wait, &why).await,
            Verdict::Retry(wait, why) => spend(ctx, job, wait, &why, false).await,
            Verdict::Bury(why) => spend(ctx, job, Duration::ZERO, &why, true).await,
        };
        match outcome {
            Ok(()) | Err(store::Error::LeaseLost) => {}
            Err(error) => {
                tracing::warn!(job = job.id, error = full(&error), "cannot settle a job; its lease will end");
            }
        }
    }
}

/// Spends an attempt.
async fn spend(
    ctx: &Context,
    job: &Job,
    wait: Duration,
    why: &str,
    give_up: bool,
) -> Result<(), store::Error> {
    let dead = queue::fail(ctx.store(), job, wait, why, give_up).await?;
    if dead {
        tracing::error!(job = job.id, kind = job.kind, why, "a job is dead");
    } else {
        tracing::warn!(
            job = job.id,
            kind = job.kind,
            attempt = job.attempts + 1,
            why,
            "a job will be tried again"
        );
    }
    Ok(())
}

/// The token is refused: the account is paused, the operator told, and no attempt is spent.
async fn pause(ctx: &Context, job: &Job, id: ProviderId) -> Result<(), store::Error> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    if provider::set_health(&mut tx, id, Health::Unauthorized).await? {
        provider::set_error(&mut tx, id, Some("The provider does not accept the token.")).await?;
        notify::publish_system(&mut tx, None, Topic::Provider, &[id.0]).await?;
        let entry =
            Activity::platform(Actor::System, Action::ProviderUnauthorized).on(TargetKind::Provider, id);
        tx.commit(entry.with(json!({ "reason": "refused" }))).await?;
    }
    queue::again(ctx.store(), job, PAUSE, PAUSED).await
}

/// Doubles from one second to five minutes, a quarter more or less by chance.
fn backoff(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts.clamp(0, 20)).unwrap_or(20);
    let base = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(exponent)).min(WAIT_MAX);
    let percent = u32::from(rand::random::<u8>()) * 50 / 255 + 75;
    base * percent / 100
}

impl From<store::Error> for Fail {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}
impl From<domain::money::Overflow> for Fail {
    fn from(error: domain::money::Overflow) -> Self {
        Self::GiveUp(error.to_string())
    }
}
impl From<domain::wallet::Unbalanced> for Fail {
    fn from(error: domain::wallet::Unbalanced) -> Self {
        Self::GiveUp(error.to_string())
    }
}
impl From<crate::Error> for Fail {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Internal(source) => match source.downcast::<store::Error>() {
                Ok(error) => Self::Store(*error),
                Err(source) => Self::GiveUp(source.to_string()),
            },
            other => Self::GiveUp(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_jitter() {
        for attempt in 0..30 {
            let wait = backoff(attempt);
            let base = Duration::from_secs(1_u64 << attempt.min(20)).min(WAIT_MAX);
            assert!(wait >= base * 3 / 4 && wait <= base * 5 / 4, "{attempt}: {wait:?}");
        }
    }
}
