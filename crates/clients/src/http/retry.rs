//! When a safe call is asked again, and after which pause.

use std::time::Duration;

use domain::provider::UpstreamError;

use super::call::Effect;

/// Attempts after the first.
const MAX_RETRIES: u32 = 2;
/// Longest pause spent waiting here; longer ones go to the job queue, which survives a restart.
const MAX_PAUSE: Duration = Duration::from_secs(3);
/// Pause before the first retry, doubled for the next, of which a random half is really waited.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Too little time left to be worth another attempt.
const LEAST_USEFUL: Duration = Duration::from_secs(1);

/// The pause before attempt `attempt + 1`; `None` when the error stands.
pub(super) fn pause(
    effect: Effect,
    attempt: u32,
    error: &UpstreamError,
    time_left: Duration,
) -> Option<Duration> {
    let UpstreamError::Transient { retry_after, .. } = error else { return None };
    if effect != Effect::Safe || attempt >= MAX_RETRIES {
        return None;
    }
    let pause = retry_after.unwrap_or_default().max(jittered(FIRST_PAUSE * 2_u32.pow(attempt)));
    (pause <= MAX_PAUSE && pause + LEAST_USEFUL <= time_left).then_some(pause)
}

/// Between half of it and all of it, so that callers who failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    rand::random_range(pause / 2..=pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Duration = Duration::from_secs(20);

    fn asked_to_wait(seconds: u64) -> UpstreamError {
        UpstreamError::Transient { retry_after: Some(Duration::from_secs(seconds)), detail: String::new() }
    }

    #[test]
    fn safe_calls_are_repeated_twice_with_growing_pauses() {
        let error = UpstreamError::transient("");
        let first = pause(Effect::Safe, 0, &error, PLENTY).unwrap();
        let second = pause(Effect::Safe, 1, &error, PLENTY).unwrap();
        assert!(first >= FIRST_PAUSE / 2 && first <= FIRST_PAUSE && second >= FIRST_PAUSE);
        assert_eq!(pause(Effect::Safe, 2, &error, PLENTY), None);
    }

    #[test]
    fn changes_and_final_errors_are_not_repeated() {
        assert_eq!(pause(Effect::Change, 0, &UpstreamError::transient(""), PLENTY), None);
        assert_eq!(pause(Effect::Safe, 0, &UpstreamError::NotFound, PLENTY), None);
    }

    #[test]
    fn short_waits_are_honoured_and_long_ones_handed_on() {
        assert_eq!(pause(Effect::Safe, 0, &asked_to_wait(2), PLENTY), Some(Duration::from_secs(2)));
        assert_eq!(pause(Effect::Safe, 0, &asked_to_wait(30), PLENTY), None);
        assert_eq!(pause(Effect::Safe, 0, &asked_to_wait(2), Duration::from_secs(2)), None);
    }
}
