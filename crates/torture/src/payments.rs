//! What becomes of payments, and money that is given: drawn from the seed like all steps.

use testkit::Random;

use crate::history::{Payer, Step, copies};

/// One thing that somebody does about payments. They are spoken of by the words of the steps that began them; one that
/// brought no money is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// An operator gives so many percent of a payment back, in `copies` requests at once: more than is there, too.
    Refund { payment: String, percent: u64, copies: usize },
    /// An operator does so at the gateway's own pages.
    RefundThere { payment: String, percent: u64 },
    /// The payer's bank takes money back.
    Reverse { payment: String, percent: u64 },
    /// The payer disputes a payment, which goes through stages to its end, if it comes to one.
    Dispute { payment: String, percent: u64, stages: Vec<&'static str>, end: Option<End> },
    /// An operator gives a credit of so many whole units that ends, or does not.
    Goodwill { amount: u64, days: Option<u64>, copies: usize },
    /// A code for everybody is redeemed in `copies` requests at once.
    Redeem { copies: usize },
    /// An operator corrects the wallet; if it is much, another one decides, in `copies` requests at once.
    Adjust { amount: i64, agreed: bool, copies: usize },
    /// The time of all credits that end is over.
    CreditsEnd,
}

/// How a dispute ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// In the gateway's words.
    Decided(&'static str),
    /// The operator gives in, at the gateway's pages.
    GivenIn,
}

/// What happens to a payment besides refunds. A bank that takes money back during a dispute would be another dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Disputed,
    Reversed,
}

/// Whether payments come, stay away for now or bounce: mostly they come.
const PAYERS: [Payer; 8] = [
    Payer::Pays,
    Payer::Pays,
    Payer::Pays,
    Payer::Forgets,
    Payer::Forgets,
    Payer::CheckArrives,
    Payer::CheckArrives,
    Payer::CheckBounces,
];
const STAGES: [&str; 3] = ["CHARGEBACK", "PRE_ARBITRATION", "ARBITRATION"];
const ENDS: [End; 8] = [
    End::Decided("RESOLVED_BUYER_FAVOUR"),
    End::Decided("RESOLVED_BUYER_FAVOUR"),
    End::Decided("ACCEPTED"),
    End::Decided("RESOLVED_SELLER_FAVOUR"),
    End::Decided("CANCELED_BY_BUYER"),
    End::Decided("RESOLVED_WITH_PAYOUT"),
    End::Decided("DENIED"),
    End::GivenIn,
];

/// One person's part: a few payments, and what comes of them.
pub(crate) fn steps(random: &mut Random, person: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..random.within(1..4) {
        let payment = format!("{person}-{}", steps.len());
        let (amount, payer) = (random.within(5..60), random.pick(&PAYERS));
        steps.push(Step::TopUp { amount, payer, returns: copies(random) });
        let fate = random.pick(&[Fate::Kept, Fate::Disputed, Fate::Disputed, Fate::Reversed]);
        for _ in 0..random.within(1..3) {
            push(&mut steps, random, |random| refund(random, &payment));
        }
        match fate {
            Fate::Kept => {}
            Fate::Disputed => push(&mut steps, random, |random| dispute(random, &payment)),
            Fate::Reversed => push(&mut steps, random, |random| Deed::Reverse {
                payment: payment.clone(),
                percent: random.pick(&[20, 50, 100, 100]),
            }),
        }
        push(&mut steps, random, given);
        if random.percent(40) {
            push(&mut steps, random, |random| refund(random, &payment));
        }
    }
    steps
}

fn push(steps: &mut Vec<Step>, random: &mut Random, deed: impl FnOnce(&mut Random) -> Deed) {
    let deed = deed(random);
    steps.push(Step::Deed(deed));
    if random.percent(50) {
        steps.push(Step::Pause(random.within(10..250)));
    }
}

fn refund(random: &mut Random, payment: &str) -> Deed {
    let (payment, percent) = (payment.to_owned(), random.pick(&[10, 33, 50, 100, 120]));
    match random.percent(65) {
        true => Deed::Refund { payment, percent, copies: copies(random) },
        false => Deed::RefundThere { payment, percent },
    }
}

fn dispute(random: &mut Random, payment: &str) -> Deed {
    let stages = STAGES[..random.index(STAGES.len() + 1)].to_vec();
    let end = random.percent(85).then(|| random.pick(&ENDS));
    Deed::Dispute { payment: payment.to_owned(), percent: random.pick(&[25, 60, 100]), stages, end }
}

fn given(random: &mut Random) -> Deed {
    match random.within(0..5) {
        0 => {
            let days = random.percent(60).then(|| random.within(1..40));
            Deed::Goodwill { amount: random.within(1..20), days, copies: copies(random) }
        }
        1 => Deed::Redeem { copies: copies(random) },
        2 => {
            let amount = i64::try_from(random.within(1..30)).unwrap_or(1);
            let amount = if random.percent(50) { -amount } else { amount };
            Deed::Adjust { amount, agreed: true, copies: 1 }
        }
        // Above what one operator alone may correct.
        3 => {
            let amount = i64::try_from(random.within(101..140)).unwrap_or(101);
            let amount = if random.percent(30) { -amount } else { amount };
            Deed::Adjust { amount, agreed: random.percent(75), copies: copies(random) }
        }
        _ => Deed::CreditsEnd,
    }
}
