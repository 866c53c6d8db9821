//! What people do and what goes wrong: drawn from the seed alone, so that a seed can be played again.

use std::fmt;

use crate::disturbance::Disturbance;
use crate::operators::COUNTRIES;
use crate::payments::{self, Deed};
use crate::profile::Profile;
use testkit::Random;

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) organizations: Vec<Organization>,
    /// Milliseconds from the beginning, and what happens then.
    pub(crate) disturbances: Vec<(u64, Disturbance)>,
}

/// People who share a wallet. Each goes through the own steps; all at the same time.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    /// Sign-in name of the owner: `name@example.com`.
    pub(crate) name: String,
    /// Where its payments are taxed.
    pub(crate) country: &'static str,
    pub(crate) first_top_up: u64,
    pub(crate) people: Vec<Vec<Step>>,
}

/// One thing a person does. VPSs are spoken of by name; one that is not there is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Pays in so many whole units of money, and comes back `returns` times at once.
    TopUp { amount: u64, payer: Payer, returns: usize },
    /// Orders a VPS with `copies` of one request at once.
    Create { name: String, plan: &'static str, copies: usize },
    /// Waits until a VPS is made, or cannot be.
    Await { name: String },
    /// `start`, `stop` or `reboot`, in `copies` requests at once.
    Power { name: String, action: &'static str, copies: usize },
    /// In `copies` requests at once.
    Delete { name: String, copies: usize },
    /// So many hours pass for this organization and are billed, and then one more.
    Hours(u64),
    /// Milliseconds.
    Pause(u64),
    /// Something about payments.
    Deed(Deed),
}

/// How a payer behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    /// Pays.
    Pays,
    /// Pays and never comes back to the panel.
    Forgets,
    /// Closes the approval page.
    Leaves,
    /// With a card that is declined.
    Declined,
    /// By e-check that arrives.
    CheckArrives,
    /// By e-check that bounces.
    CheckBounces,
    /// By e-check that is still on its way in the end.
    CheckOnItsWay,
}

const PLANS: [&str; 5] = ["small", "small", "harbor", "meadow", "large"];
const DEAR_PLANS: [&str; 3] = ["large", "large", "small"];
const PAYERS: [Payer; 9] = [
    Payer::Pays,
    Payer::Pays,
    Payer::Pays,
    Payer::Forgets,
    Payer::Leaves,
    Payer::Declined,
    Payer::CheckArrives,
    Payer::CheckBounces,
    Payer::CheckOnItsWay,
];

impl History {
    pub(crate) fn draw(seed: u64, profile: Profile) -> Self {
        let mut random = Random::new(seed);
        let (mut people, mut trouble) = (random.fork(), random.fork());
        let count = people.within(2..4);
        let mut organizations: Vec<Organization> =
            (0..count).map(|n| organization(&mut people, profile, seed, n)).collect();
        let disturbances = profile.disturbances(&mut trouble);
        let mut payments = random.fork();
        for organization in &mut organizations {
            add_payments(&mut payments, profile, organization);
        }
        Self { seed, organizations, disturbances }
    }

    /// May a server be made twice, to be destroyed again? Only by a process that stood still between its last
    /// look at the lease and its request.
    pub(crate) fn excuses_twins(&self) -> bool {
        self.disturbances.iter().any(|(_, d)| matches!(d, Disturbance::Stop { .. }))
    }

    /// May a request be answered with a failure of ours? Only while the database is away.
    pub(crate) fn excuses_failures(&self) -> bool {
        self.disturbances.iter().any(|(_, d)| matches!(d, Disturbance::DatabaseCrash))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for organization in &self.organizations {
            let Organization { name, country, first_top_up, .. } = organization;
            writeln!(f, "{name} ({country}) pays in {first_top_up}")?;
            for (number, steps) in organization.people.iter().enumerate() {
                writeln!(f, "  person {number}")?;
                steps.iter().try_for_each(|step| writeln!(f, "    {step:?}"))?;
            }
        }
        self.disturbances.iter().try_for_each(|(at, what)| writeln!(f, "after {at} ms {what:?}"))
    }
}

fn organization(random: &mut Random, profile: Profile, seed: u64, number: u64) -> Organization {
    let poor = profile.is_about_money() && random.percent(60);
    let first_top_up = if poor { random.within(5..9) } else { random.within(20..90) };
    let people = random.within(1..4);
    let mut names = Vec::new();
    let people = (0..people).map(|person| steps(random, profile, person, &mut names)).collect();
    Organization { name: format!("org-{seed}-{number}"), country: "US", first_top_up, people }
}

/// People whose money goes back and forth, besides the others or in their place: then one is left who spends it.
fn add_payments(random: &mut Random, profile: Profile, organization: &mut Organization) {
    if !profile.has_deeds() {
        return;
    }
    organization.country = random.pick(&COUNTRIES);
    let count = if profile == Profile::Payments {
        organization.people = vec![spender(random, profile)];
        random.within(1..3)
    } else {
        1
    };
    for _ in 0..count {
        let person = organization.people.len();
        organization.people.push(payments::steps(random, person));
    }
}

/// Orders one VPS, which eats money for hours.
fn spender(random: &mut Random, profile: Profile) -> Vec<Step> {
    let mut names = Vec::new();
    if random.percent(40) {
        return Vec::new();
    }
    let order = create(random, profile, 0, 0, &mut names);
    let wait = names.iter().map(|name| Step::Await { name: name.clone() });
    let mut steps: Vec<Step> = std::iter::once(order).chain(wait).collect();
    steps.push(Step::Hours(random.within(20..400)));
    steps
}

fn steps(random: &mut Random, profile: Profile, person: u64, names: &mut Vec<String>) -> Vec<Step> {
    let count = random.within(3..8);
    let mut steps = Vec::new();
    for number in 0..count {
        let first_is_an_order = number == 0 && person == 0;
        let step = if first_is_an_order {
            create(random, profile, person, number, names)
        } else {
            step(random, profile, person, number, names)
        };
        // Now and then in a hurry.
        if let Step::Power { name, .. } | Step::Delete { name, .. } = &step
            && random.percent(75)
        {
            steps.push(Step::Await { name: name.clone() });
        }
        if let (Step::Hours(_), Some(name)) = (&step, names.last()) {
            steps.push(Step::Await { name: name.clone() });
        }
        steps.push(step);
        if random.percent(40) {
            steps.push(Step::Pause(random.within(20..500)));
        }
    }
    steps
}

fn step(random: &mut Random, profile: Profile, person: u64, number: u64, names: &mut Vec<String>) -> Step {
    // Shares in percent: top-up, create, power, delete; the rest are hours.
    let (top_up, order, power, delete) =
        if profile.is_about_money() { (35, 20, 8, 12) } else { (12, 30, 30, 18) };
    let dice = random.within(0..100);
    let name = (!names.is_empty()).then(|| names[random.index(names.len())].clone());
    match name {
        _ if dice < top_up => {
            Step::TopUp { amount: random.within(5..40), payer: random.pick(&PAYERS), returns: copies(random) }
        }
        Some(name) if dice >= top_up + order && dice < top_up + order + power => {
            Step::Power { name, action: random.pick(&["start", "stop", "reboot"]), copies: copies(random) }
        }
        Some(name) if dice >= top_up + order + power && dice < top_up + order + power + delete => {
            Step::Delete { name, copies: copies(random) }
        }
        Some(_) if dice >= top_up + order + power + delete => {
            Step::Hours(random.within(1..if profile.is_about_money() { 70 } else { 12 }))
        }
        _ => create(random, profile, person, number, names),
    }
}

fn create(random: &mut Random, profile: Profile, person: u64, number: u64, names: &mut Vec<String>) -> Step {
    let name = format!("vps-{person}-{number}");
    names.push(name.clone());
    let plans = if profile.is_about_money() { &DEAR_PLANS[..] } else { &PLANS[..] };
    Step::Create { name, plan: random.pick(plans), copies: copies(random) }
}

/// Mostly one request, now and then several at once.
pub(crate) fn copies(random: &mut Random) -> usize {
    if random.percent(70) { 1 } else { 2 + random.index(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_history() {
        for seed in 0..50 {
            let draw = || format!("{:?}", History::draw(seed, Profile::of(seed)));
            assert_eq!(draw(), draw());
        }
    }

    #[test]
    fn every_profile_and_every_kind_of_step_turns_up() {
        let all: Vec<History> = (0..70).map(|seed| History::draw(seed, Profile::of(seed))).collect();
        for profile in Profile::ALL {
            assert!((0..70).any(|seed| Profile::of(seed) == profile), "{profile:?}");
        }
        let steps = || all.iter().flat_map(|h| &h.organizations).flat_map(|o| o.people.iter().flatten());
        for payer in PAYERS {
            let is_it = |step: &Step| matches!(step, Step::TopUp { payer: p, .. } if *p == payer);
            assert!(steps().any(is_it), "{payer:?}");
        }
        assert!(steps().any(|step| matches!(step, Step::Power { copies: 2.., .. })));
        assert!(steps().any(|step| matches!(step, Step::Delete { .. })));
        assert!(steps().any(|step| matches!(step, Step::Hours(_))));
        let deeds = || steps().filter_map(|step| if let Step::Deed(deed) = step { Some(deed) } else { None });
        let kinds: std::collections::HashSet<_> = deeds().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 8);
    }
}
