//! What becomes of those who do not pay: a date, warnings before it, and the end.

use chrono::TimeDelta;

use super::hours::{Life, Machine, Vps};
use super::{Books, Terms, Time};

/// So many hours before the end, people are warned.
const WARNINGS: [i64; 3] = [72, 24, 1];

/// A warning may go out so many minutes early.
const EARLY: i64 = 10;

/// When nobody looked for more than so many minutes, payments may wait that were made in time.
const PAUSE: i64 = 10;

impl Books {
    /// One look at everything that is unpaid. Each VPS goes one step: a date is announced, a warning sent, or its end
    /// comes. Who is warned late has the hours of the warning all the same.
    pub(super) fn climb(&mut self, now: Time) {
        let hours = |hours: i64| TimeDelta::hours(hours);
        if self.climbed.is_none_or(|before| now > before + TimeDelta::minutes(PAUSE)) {
            for (until, _) in self.machines.iter_mut().filter_map(|m| m.kept.as_mut()) {
                *until = (*until).max(now + hours(1));
            }
        }
        self.climbed = Some(now);
        if self.terms.never_destroyed {
            return;
        }
        let retention = self.terms.retention_hours.unwrap_or(self.rules.retention_hours);
        let (mut over, mut news) = (false, Vec::new());
        let unpaid = |m: &&mut Machine| m.suspended && m.life == Life::Active && !m.is_volume();
        for machine in self.machines.iter_mut().filter(unpaid) {
            let Some((until, told)) = machine.kept else {
                let until = (machine.suspended_at + hours(retention)).max(now + hours(retention.min(72)));
                machine.kept = Some((until, (until - now).num_hours()));
                news.push("dates announced");
                continue;
            };
            match WARNINGS.into_iter().find(|warning| *warning < told) {
                Some(warning) if until - hours(warning) - TimeDelta::minutes(EARLY) <= now => {
                    machine.kept = Some((until.max(now + hours(warning)), warning));
                    news.push("warnings");
                }
                Some(_) => {}
                None => over |= until <= now,
            }
        }
        news.into_iter().for_each(|what| self.count(what));
        if over {
            self.destroy(now);
        }
    }

    /// What is over ends, the newest first, until the wallet covers what is left.
    fn destroy(&mut self, now: Time) {
        let is_over = |m: &Machine| {
            m.suspended
                && m.life == Life::Active
                && m.kept.is_some_and(|(until, told)| told <= 1 && until <= now)
        };
        while self.lacks_money() {
            let newest: Option<Vps> = (0..self.machines.len()).rfind(|&vps| is_over(&self.machines[vps]));
            let Some(vps) = newest else { break };
            self.not_resized_any_more(vps);
            self.machines[vps].life = Life::Deleted(now);
            self.destroyed.push((vps, now));
            self.count("destroyed");
        }
        self.may_resume = true;
    }

    /// Other terms. More credit may lift a suspension; dates that came of other terms are forgotten.
    pub(super) fn agreed(&mut self, terms: Terms) {
        let dates = |terms: Terms| (terms.retention_hours, terms.never_destroyed);
        if dates(terms) != dates(self.terms) {
            self.machines.iter_mut().for_each(|machine| machine.kept = None);
        }
        self.may_resume |= terms.credit_limit > self.terms.credit_limit;
        self.terms = terms;
        self.count("terms agreed");
    }
}
