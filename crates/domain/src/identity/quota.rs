//! How many requests somebody may make.

use std::fmt;
use std::str::FromStr;

/// So many requests may come at once; what was used comes back evenly over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Quota {
    requests: u32,
    seconds: u32,
}

/// Not a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit is REQUESTS/SECONDS, such as 600/60, of at most 10000 requests a second and a day")]
pub struct BadQuota;

impl Quota {
    /// Most requests per second: finer steps would be lost in microseconds.
    const MOST_PER_SECOND: u32 = 10_000;
    /// Longest window: a day.
    const LONGEST: u32 = 86_400;

    /// A quota of at least one request, over at most a day.
    pub const fn new(requests: u32, seconds: u32) -> Result<Self, BadQuota> {
        let fits = requests >= 1
            && seconds >= 1
            && seconds <= Self::LONGEST
            && requests <= seconds * Self::MOST_PER_SECOND;
        if fits { Ok(Self { requests, seconds }) } else { Err(BadQuota) }
    }

    /// So many requests a minute; at least one.
    pub const fn per_minute(requests: u16) -> Self {
        Self { requests: if requests == 0 { 1 } else { requests as u32 }, seconds: 60 }
    }

    /// How many may come at once.
    pub const fn requests(self) -> u32 {
        self.requests
    }

    /// After so many seconds all are there again.
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// The window in microseconds.
    pub const fn window(self) -> i64 {
        self.seconds as i64 * 1_000_000
    }

    /// The part of the window that `count` requests use up, in microseconds.
    pub fn cost(self, count: u32) -> i64 {
        let exact = i128::from(count) * i128::from(self.window()) / i128::from(self.requests);
        i64::try_from(exact).unwrap_or(i64::MAX)
    }
}

impl TryFrom<String> for Quota {
    type Error = BadQuota;

    fn try_from(text: String) -> Result<Self, BadQuota> {
        text.parse()
    }
}

impl FromStr for Quota {
    type Err = BadQuota;

    fn from_str(text: &str) -> Result<Self, BadQuota> {
        let (requests, seconds) = text.split_once('/').ok_or(BadQuota)?;
        let number = |text: &str| text.trim().parse().map_err(|_| BadQuota);
        Self::new(number(requests)?, number(seconds)?)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_and_shown_alike() {
        let quota: Quota = "600/60".parse().expect("valid");
        assert_eq!((quota.requests(), quota.seconds(), quota.to_string()), (600, 60, "600/60".to_owned()));
        assert_eq!(quota, Quota::per_minute(600));
        for bad in ["", "600", "0/60", "600/0", "-1/60", "600/60s", "10001/1", "1/86401", "4294967296/1"] {
            assert_eq!(bad.parse::<Quota>(), Err(BadQuota), "{bad}");
        }
        assert!("864000000/86400".parse::<Quota>().is_ok());
    }

    #[test]
    fn all_requests_together_use_up_the_window() {
        for text in ["1/86400", "600/60", "7/3", "864000000/86400"] {
            let quota: Quota = text.parse().expect("valid");
            assert_eq!(quota.cost(quota.requests()), quota.window(), "{text}");
            assert!(quota.cost(1) >= 100, "{text}");
        }
    }
}
