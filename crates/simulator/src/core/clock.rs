//! The virtual clock: simulated machines take minutes, tests and demos do not have them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Changes;

/// Virtual time. It starts at the real time, runs `speed` times as fast, can be frozen and stepped.
///
/// It moves the simulated clouds only; rate limits and HTTP delays stay in real time, because the client on
/// the other side of the wire waits in real time.
pub(crate) struct Clock {
    reading: Mutex<Reading>,
    initial_speed: f64,
    changes: Changes,
}

/// Where the clock stood at one moment of real time, for the state file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedClock {
    real: DateTime<Utc>,
    virtual_time: DateTime<Utc>,
    /// 0 when frozen.
    speed: f64,
}

/// The virtual time at one real instant, and how it goes on from there.
struct Reading {
    real: Instant,
    virtual_time: DateTime<Utc>,
    speed: f64,
    frozen: bool,
}

impl Reading {
    fn now(&self) -> DateTime<Utc> {
        if self.frozen {
            return self.virtual_time;
        }
        let seconds = self.real.elapsed().as_secs_f64() * self.speed;
        later(self.virtual_time, seconds)
    }

    /// Makes the present the new base, so that a change of speed does not rewrite the past.
    fn rebase(&mut self) {
        self.virtual_time = self.now();
        self.real = Instant::now();
    }
}

impl Clock {
    /// A running clock that shows the real time. A `speed` that is not positive and finite counts as 1,
    /// the highest is a million.
    pub(crate) fn new(speed: f64, changes: Changes) -> Self {
        let initial_speed = sane(speed);
        Self { reading: Mutex::new(start(initial_speed)), initial_speed, changes }
    }

    /// The virtual time, to the microsecond.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.lock().now().trunc_subsecs(6)
    }

    pub(crate) fn speed(&self) -> f64 {
        self.lock().speed
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.lock().frozen
    }

    /// Virtual seconds per real second from now on.
    pub(crate) fn set_speed(&self, speed: f64) {
        self.change(|reading| reading.speed = sane(speed));
    }

    /// Stops the clock, or lets it run again from where it stood.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.change(|reading| reading.frozen = frozen);
    }

    /// Jumps ahead, a century at most. A negative step is ignored: state never moves backwards.
    pub(crate) fn step(&self, by: TimeDelta) {
        self.change(|reading| reading.virtual_time += by.clamp(TimeDelta::zero(), TimeDelta::days(36_500)));
    }

    /// Back to the real time and the first speed.
    pub(crate) fn reset(&self) {
        self.change(|reading| *reading = start(self.initial_speed));
    }

    fn change(&self, apply: impl FnOnce(&mut Reading)) {
        let mut reading = self.lock();
        reading.rebase();
        apply(&mut reading);
        self.changes.mark();
    }

    pub(super) fn saved(&self) -> SavedClock {
        let reading = self.lock();
        let speed = if reading.frozen { 0.0 } else { reading.speed };
        SavedClock { real: Utc::now(), virtual_time: reading.now(), speed }
    }

    /// Goes on after a restart, at this clock's own speed and not frozen.
    ///
    /// Virtual time never goes back. A killed process ran on for a while after it had saved its clock, so the
    /// saved clock counts as running on, too, for the time since then but no longer than `unsaved`, the longest
    /// that a process goes without saving. The real time counts where it is later.
    pub(super) fn resume(&self, saved: &SavedClock, unsaved: TimeDelta) {
        let ran_on = (Utc::now() - saved.real).clamp(TimeDelta::zero(), unsaved).as_seconds_f64();
        let reached = later(saved.virtual_time, ran_on * saved.speed);
        self.change(|reading| reading.virtual_time = reading.virtual_time.max(reached));
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many seconds later, or at the end of time.
fn later(time: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    let by = TimeDelta::microseconds((seconds * 1e6) as i64);
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn start(speed: f64) -> Reading {
    Reading { real: Instant::now(), virtual_time: Utc::now(), speed, frozen: false }
}

/// At the highest speed a real day is 2700 virtual years, which a date can still hold.
fn sane(speed: f64) -> f64 {
    if speed.is_finite() && speed > 0.0 { speed.min(1e6) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_by_steps_only() {
        // at this speed a running clock moves between any two readings
        let clock = Clock::new(1e6, Changes::default());
        clock.freeze(true);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.step(TimeDelta::seconds(65));
        assert_eq!(clock.now() - before, TimeDelta::seconds(65));
        clock.step(TimeDelta::seconds(-5));
        assert_eq!(clock.now() - before, TimeDelta::seconds(65));
    }

    #[test]
    fn nonsense_speeds_count_as_real_time() {
        let clock = Clock::new(f64::NAN, Changes::default());
        assert_eq!(clock.speed(), 1.0);
        clock.set_speed(-3.0);
        assert_eq!(clock.speed(), 1.0);
    }
}
