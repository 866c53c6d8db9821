//! Kinds of histories, by what disturbs them.

use crate::disturbance::{Disturbance, PROCESSES, WORKERS, fault, payment_fault, webhook_fault};
use testkit::Random;

/// What a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Nothing goes wrong: people alone, many at once.
    Calm,
    /// Processes are killed, and others start in their place.
    Kill,
    /// Processes stand still for longer than their lease, and go on as if nothing had been.
    Stop,
    /// The database crashes and recovers.
    Database,
    /// Clouds and gateway fail in every way they can.
    Faults,
    /// Payments of every kind, long hours, empty wallets, and a gateway that fails.
    Money,
    /// Money that goes back and forth, and what the gateway tells of it, badly.
    Payments,
    /// Everything at once.
    Storm,
}

impl Profile {
    pub(crate) const ALL: [Self; 8] = [
        Self::Storm,
        Self::Kill,
        Self::Stop,
        Self::Faults,
        Self::Money,
        Self::Database,
        Self::Calm,
        Self::Payments,
    ];

    /// The word for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Database => "database",
            Self::Faults => "faults",
            Self::Money => "money",
            Self::Payments => "payments",
            Self::Storm => "storm",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The profile that a seed has unless one is asked for.
    pub(crate) fn of(seed: u64) -> Self {
        let count = Self::ALL.len() as u64;
        Self::ALL[usize::try_from(seed % count).unwrap_or(0)]
    }

    /// Are steps mostly about payments and hours?
    pub(crate) fn is_about_money(self) -> bool {
        matches!(self, Self::Money | Self::Payments)
    }

    /// Does money go back, is it disputed and given?
    pub(crate) fn has_deeds(self) -> bool {
        matches!(self, Self::Payments | Self::Storm)
    }

    /// What goes wrong when, in milliseconds from the beginning.
    pub(crate) fn disturbances(self, random: &mut Random) -> Vec<(u64, Disturbance)> {
        let mut all = Vec::new();
        let mut add = |count: u64, make: &mut dyn FnMut(&mut Random) -> Disturbance| {
            for _ in 0..count {
                let at = random.within(100..2_500);
                all.push((at, make(random)));
            }
        };
        match self {
            Self::Calm => {}
            Self::Kill => add(5, &mut kill),
            Self::Stop => add(3, &mut stop),
            Self::Database => {
                add(2, &mut |_| Disturbance::DatabaseCrash);
                add(1, &mut kill);
            }
            Self::Faults => add(14, &mut |random| fault(random, false)),
            Self::Money => {
                add(5, &mut |random| fault(random, true));
                add(2, &mut kill);
            }
            Self::Payments => {
                add(10, &mut webhook_fault);
                add(5, &mut payment_fault);
                add(2, &mut kill);
            }
            Self::Storm => {
                add(6, &mut |random| fault(random, false));
                add(3, &mut kill);
                add(1, &mut stop);
                add(1, &mut |_| Disturbance::DatabaseCrash);
                add(4, &mut webhook_fault);
                add(2, &mut payment_fault);
            }
        }
        all.sort_by_key(|(at, _)| *at);
        all
    }
}

/// Workers twice as often as the others.
fn victim(random: &mut Random) -> usize {
    if random.percent(60) { random.index(WORKERS) } else { random.index(PROCESSES) }
}

fn kill(random: &mut Random) -> Disturbance {
    Disturbance::Kill { process: victim(random), down_ms: random.within(0..400) }
}

fn stop(random: &mut Random) -> Disturbance {
    Disturbance::Stop { process: victim(random), for_ms: random.within(3_200..4_500) }
}
