//! What an answer's headers say about waiting.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Longer waits than this are not believed.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// The vendor's own count of our requests, from `X-RateLimit-*` or `RateLimit-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Until the count goes down.
    pub(super) resets_in: Duration,
}

/// The standing, when all three headers are there. `now` is the wall clock, as resets are epoch seconds.
pub(super) fn standing(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Standing> {
    let number = |suffix: &str| {
        let names = [format!("x-ratelimit-{suffix}"), format!("ratelimit-{suffix}")];
        names.iter().find_map(|name| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok())
    };
    let resets_in = Duration::from_secs(u64::try_from(number("reset")? - now.timestamp()).unwrap_or(0));
    Some(Standing {
        limit: u32::try_from(number("limit")?).ok().filter(|limit| *limit > 0)?,
        remaining: u32::try_from(number("remaining")?).unwrap_or(0),
        resets_in: resets_in.min(MAX_WAIT),
    })
}

/// `Retry-After`, in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            at.signed_duration_since(now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000, 0).unwrap()
    }

    #[test]
    fn both_spellings_are_read() {
        let linode = headers(&[
            ("x-ratelimit-limit", "1840"),
            ("x-ratelimit-remaining", "1839"),
            ("x-ratelimit-reset", "1060"),
        ]);
        let expected = Standing { limit: 1840, remaining: 1839, resets_in: Duration::from_secs(60) };
        assert_eq!(standing(&linode, now()), Some(expected));
        let past =
            headers(&[("ratelimit-limit", "5"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "1")]);
        assert_eq!(standing(&past, now()).unwrap().resets_in, Duration::ZERO);
    }

    #[test]
    fn missing_or_odd_headers_mean_nothing() {
        assert_eq!(standing(&headers(&[("x-ratelimit-limit", "20")]), now()), None);
        let odd =
            headers(&[("ratelimit-limit", "0"), ("ratelimit-remaining", "x"), ("ratelimit-reset", "9")]);
        assert_eq!(standing(&odd, now()), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let wait = |text: &str| retry_after(&headers(&[("retry-after", text)]), now());
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Thu, 01 Jan 1970 00:16:50 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(wait("999999"), Some(MAX_WAIT));
        assert_eq!(wait("soon"), None);
    }
}
