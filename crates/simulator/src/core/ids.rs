//! Seeded identifiers: the same seed and the same order of requests give the same ids.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// How far rising ids jump at a restart: beyond all that could be given out after the state was last saved.
const LEAP: u64 = 10_000;

/// A source of ids and of the small randomness of the simulated clouds.
///
/// Every `stream` (a word such as `"linode.instance"`) is independent, so traffic to one vendor does not change
/// the ids of another. The generator is SplitMix64 by hand: a library's generator may change between releases,
/// and ids written into tests would change with it.
pub(crate) struct Ids {
    initial_seed: u64,
    state: Mutex<IdState>,
}

/// How far the streams are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct IdState {
    seed: u64,
    streams: BTreeMap<Cow<'static, str>, Stream>,
    ordinals: BTreeMap<Cow<'static, str>, u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Stream {
    random: u64,
    counter: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { initial_seed: seed, state: Mutex::new(IdState { seed, ..IdState::default() }) }
    }

    /// Starts all streams again.
    pub(crate) fn reset(&self) {
        *self.lock() = IdState { seed: self.initial_seed, ..IdState::default() };
    }

    pub(super) fn state(&self) -> IdState {
        self.lock().clone()
    }

    /// Goes on after a restart. What was given out after `saved` was written is unknown, so every stream leaves
    /// its course: rising ids leap, random ones are drawn from another place. Ordinals stay dense, what they
    /// number is lost with the rest.
    pub(super) fn resume(&self, mut saved: IdState) {
        saved.seed = mix(saved.seed, "restart");
        for stream in saved.streams.values_mut() {
            stream.random = mix(stream.random, "restart");
            stream.counter = stream.counter.saturating_add(LEAP);
        }
        *self.lock() = saved;
    }

    /// The next id of a stream: above `base`, always rising, with small gaps like a busy cloud's.
    pub(crate) fn next(&self, stream: &'static str, base: u64) -> u64 {
        self.with(stream, |s| {
            let gap = if s.counter == 0 { s.draw() % 1_000_000 } else { 1 + s.draw() % 7 };
            s.counter += gap.max(1);
            base + s.counter
        })
    }

    /// 1, 2, 3 … for things that must be dense, such as addresses.
    pub(crate) fn ordinal(&self, stream: &'static str) -> u64 {
        let mut state = self.lock();
        let ordinal = state.ordinals.entry(stream.into()).or_default();
        *ordinal += 1;
        *ordinal
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub(crate) fn below(&self, stream: &'static str, bound: u64) -> u64 {
        self.with(stream, |s| s.draw().checked_rem(bound).unwrap_or_default())
    }

    /// True with this probability.
    pub(crate) fn chance(&self, stream: &'static str, probability: f64) -> bool {
        (self.below(stream, 1 << 32) as f64) < probability * 4_294_967_296.0
    }

    /// `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&self, stream: &'static str, length: usize) -> String {
        self.text(stream, length, b"0123456789abcdef")
    }

    /// `length` digits and capital letters, as in PayPal's ids.
    pub(crate) fn code(&self, stream: &'static str, length: usize) -> String {
        self.text(stream, length, b"0123456789ABCDEFGHJKLMNPRSTUVWXY")
    }

    fn text(&self, stream: &'static str, length: usize, alphabet: &[u8]) -> String {
        self.with(stream, |s| {
            (0..length).map(|_| char::from(alphabet[(s.draw() >> 7) as usize % alphabet.len()])).collect()
        })
    }

    fn with<T>(&self, stream: &'static str, draw: impl FnOnce(&mut Stream) -> T) -> T {
        let mut state = self.lock();
        let seed = state.seed;
        draw(
            state
                .streams
                .entry(stream.into())
                .or_insert_with(|| Stream { random: mix(seed, stream), counter: 0 }),
        )
    }

    fn lock(&self) -> MutexGuard<'_, IdState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A number that depends on the text alone (FNV-1a): the same account name gives the same upstream account.
pub(crate) fn stable_hash(text: &str) -> u64 {
    mix(0, text)
}

fn mix(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_ids_and_streams_do_not_disturb_each_other() {
        let (one, two, other) = (Ids::new(7), Ids::new(7), Ids::new(8));
        two.next("b", 0);
        two.hex("b", 9);
        let ids: Vec<u64> = (0..5).map(|_| one.next("a", 1000)).collect();
        assert_eq!(ids, (0..5).map(|_| two.next("a", 1000)).collect::<Vec<_>>());
        assert_ne!(ids, (0..5).map(|_| other.next("a", 1000)).collect::<Vec<_>>());
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[0] > 1000);
        one.reset();
        assert_eq!(one.next("a", 1000), ids[0]);
    }
}
