//! Payments, and how money of them goes back.

use std::collections::VecDeque;
use std::fmt::Write as _;

use app::payment::{ask_for_capture, begin_top_up, refund};
use domain::payment::{DisputeVerdict, RefundKind};
use domain::{Money, RefundId};

use super::{Scene, Tenant};
use crate::model::gateway::{About, Fate};
use crate::model::oracle::{Event, Kind, Time};

const CENT: i64 = 10_000;

/// A refund that waits at the gateway: which one, by its number in the oracle, and since when.
pub(super) struct Waiting {
    back: usize,
    id: RefundId,
    since: Time,
}

/// A step of what payers, their banks and the gateway do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A dispute is opened, and heard of.
    Open,
    OpenUnheard,
    /// The opening is heard of.
    HearOpen,
    /// The money is taken back, and heard of.
    Reverse,
    /// A part of it is.
    ReversePart,
    ReverseUnheard,
    /// The reversal is heard of.
    HearReverse,
    Win,
    Lose,
    LoseUnheard,
    /// A dispute is heard of for the first time when it is lost.
    HearLost,
    /// What was lost, and not taken before, is paid out, and heard of.
    PayOut,
    Appeal,
    /// Somebody gives money back at the gateway's own pages.
    Refund,
}

/// How payers get their money back, or do not.
const STORIES: [&[Step]; 11] = [
    &[Step::Open, Step::Win],
    &[Step::Open, Step::Lose, Step::PayOut],
    &[Step::Open, Step::Reverse, Step::Lose, Step::PayOut],
    &[Step::Open, Step::ReversePart, Step::Lose, Step::PayOut],
    &[Step::Open, Step::Lose, Step::PayOut, Step::Appeal, Step::Win],
    &[Step::Open, Step::Reverse, Step::Win],
    &[Step::Reverse],
    &[Step::OpenUnheard, Step::ReverseUnheard, Step::HearReverse, Step::HearOpen, Step::Win],
    &[Step::OpenUnheard, Step::LoseUnheard, Step::HearLost, Step::PayOut],
    &[Step::Open, Step::ReverseUnheard, Step::Win, Step::HearReverse],
    &[Step::Refund],
];

/// A payer who wants money of a payment back.
pub(super) struct Case {
    payment: usize,
    gross: i64,
    steps: VecDeque<Step>,
    /// The dispute at the gateway, and its number in the oracle once it is heard of.
    dispute: usize,
    number: usize,
    began: Time,
    decided: Time,
    /// What was taken and not heard of: number at the gateway, amount and time.
    unheard: Option<(usize, i64, Time)>,
}

impl Tenant {
    pub(super) async fn begin_top_up(&mut self, scene: &Scene<'_>) {
        let most = if self.random.percent(25) { 9_000 } else { 700 };
        let cents = self.random.within(50..most);
        let amount = i64::try_from(cents).unwrap() * CENT;
        let begun = begin_top_up(&scene.panel.app, &self.caller, Money::from_micros(amount), None);
        let rate = self.rate(scene);
        self.top_up = Some((begun.await.unwrap().effect(), amount, rate));
        writeln!(self.story, "{} begins to pay {amount}", scene.now).unwrap();
    }

    /// Approves what was begun and comes back.
    pub(crate) async fn pay(&mut self, scene: &Scene<'_>) {
        if let Some((id, ..)) = self.top_up {
            scene.gateway.approve(id);
            ask_for_capture(&scene.panel.app, &self.caller, id).await.unwrap();
        }
    }

    /// What was begun is in the wallet at this look.
    pub(crate) fn captured(&mut self, now: Time) {
        if let Some((id, gross, rate)) = self.top_up.take() {
            self.payments.push(id);
            self.happens(now, Event::Paid { gross, rate });
        }
    }

    /// An operator gives money back, or what waited is decided.
    pub(super) async fn refund(&mut self, scene: &Scene<'_>) {
        if let Some(Waiting { back, id, since }) = self.waiting.take() {
            let is_paid = self.random.percent(60);
            let number = scene.gateway.settle(id, is_paid);
            scene.gateway.tell(scene.panel, About::Returned { number, kind: RefundKind::Refund }).await;
            self.count("refunds that waited");
            self.at_next_look.push(match is_paid {
                true => Event::Refunded { back, at: since },
                false => Event::NotRefunded { back },
            });
            return;
        }
        if self.payments.is_empty() {
            return;
        }
        let payment = self.random.index(self.payments.len());
        let most = self.books.refundable(payment);
        let gross = match self.random.within(0..10) {
            0..2 => most + CENT,
            2..5 if most > 0 => most,
            _ => self.cents(most),
        };
        let mut fate = self.random.pick(&[Fate::Paid, Fate::Paid, Fate::Waits, Fate::Waits, Fate::Refused]);
        if gross > scene.gateway.left(self.payments[payment]).micros() {
            // It went back there already, and nobody has heard of it.
            fate = Fate::Refused;
        }
        scene.gateway.set_fate(self.payments[payment], fate);
        let (whose, id) = (self.caller.organization_id(), self.payments[payment]);
        let (operator, money) = (&scene.operators[0], Money::from_micros(gross));
        let asked = refund(&scene.panel.app, operator, whose, id, money, "asked for").await;
        let asked = self.answer(asked);
        let back = self.books.backs();
        self.agree(scene.now, Event::Refund { payment, gross }, asked.is_some());
        let Some(id) = asked else { return };
        match fate {
            Fate::Paid => self.at_next_look.push(Event::Refunded { back, at: scene.now }),
            Fate::Refused => self.at_next_look.push(Event::NotRefunded { back }),
            Fate::Waits => self.waiting = Some(Waiting { back, id, since: scene.now }),
        }
    }

    /// A payer wants money back, or the next thing comes of it.
    pub(super) async fn go_on_with_a_case(&mut self, scene: &Scene<'_>) {
        let mut case = match self.case.take() {
            Some(case) => case,
            None => match self.begin_a_case(scene) {
                Some(case) => case,
                None => return,
            },
        };
        let step = case.steps.pop_front().unwrap();
        writeln!(self.story, "{} {step:?} of payment {}, {}", scene.now, case.payment, case.gross).unwrap();
        self.take_step(scene, &mut case, step).await;
        if !case.steps.is_empty() {
            self.case = Some(case);
        }
    }

    fn begin_a_case(&mut self, scene: &Scene<'_>) -> Option<Case> {
        let payment = (!self.payments.is_empty()).then(|| self.random.index(self.payments.len()))?;
        let left = scene.gateway.left(self.payments[payment]).micros();
        // A part of it must be possible.
        let gross = if self.random.percent(50) { left } else { self.cents(left) };
        if left < 2 * CENT || gross < 2 * CENT {
            return None;
        }
        let steps = STORIES[self.random.index(STORIES.len())].iter().copied().collect();
        let (began, decided) = (scene.now, scene.now);
        Some(Case { payment, gross, steps, dispute: 0, number: 0, began, decided, unheard: None })
    }

    async fn take_step(&mut self, scene: &Scene<'_>, case: &mut Case, step: Step) {
        let (now, payment, gross) = (scene.now, case.payment, case.gross);
        match step {
            Step::Open | Step::OpenUnheard => {
                let (id, money) = (self.payments[payment], Money::from_micros(gross));
                case.dispute = scene.gateway.open_dispute(id, money);
                case.began = now;
                if step == Step::Open {
                    self.hear_open(scene, case, None).await;
                }
            }
            Step::HearOpen => self.hear_open(scene, case, None).await,
            Step::Reverse | Step::ReversePart => {
                let amount = if step == Step::Reverse { gross } else { gross / 2 / CENT * CENT };
                self.reverse(scene, case, amount);
                self.hear_back(scene, case, Kind::Reversal).await;
            }
            Step::ReverseUnheard => self.reverse(scene, case, gross),
            Step::HearReverse => self.hear_back(scene, case, Kind::Reversal).await,
            Step::PayOut => {
                let lost = self.books.lost_and_not_paid_out(payment);
                if lost <= scene.gateway.left(self.payments[payment]).micros() {
                    self.reverse(scene, case, lost);
                    self.hear_back(scene, case, Kind::Reversal).await;
                }
            }
            Step::Refund => {
                self.reverse(scene, case, gross);
                self.hear_back(scene, case, Kind::Refund).await;
            }
            Step::Win => {
                scene.gateway.decide(case.dispute, DisputeVerdict::ForUs);
                scene.gateway.tell(scene.panel, About::Dispute(case.dispute)).await;
                self.at_next_look.push(Event::Won { dispute: case.number, at: now });
            }
            Step::Appeal => {
                scene.gateway.decide(case.dispute, DisputeVerdict::Open);
                scene.gateway.tell(scene.panel, About::Dispute(case.dispute)).await;
                self.at_next_look.push(Event::Appealed { dispute: case.number });
            }
            Step::Lose => {
                scene.gateway.decide(case.dispute, DisputeVerdict::ForPayer);
                scene.gateway.tell(scene.panel, About::Dispute(case.dispute)).await;
                self.at_next_look.push(Event::Lost { dispute: case.number, gross, at: now });
            }
            Step::LoseUnheard => {
                scene.gateway.decide(case.dispute, DisputeVerdict::ForPayer);
                case.decided = now;
            }
            Step::HearLost => {
                self.hear_open(scene, case, Some(case.decided)).await;
                self.at_next_look.push(Event::Lost { dispute: case.number, gross, at: case.decided });
            }
        }
    }

    /// A dispute is heard of for the first time.
    async fn hear_open(&mut self, scene: &Scene<'_>, case: &mut Case, decided: Option<Time>) {
        scene.gateway.tell(scene.panel, About::Dispute(case.dispute)).await;
        case.number = self.disputes;
        self.disputes += 1;
        let Case { payment, gross, began, .. } = *case;
        self.at_next_look.push(Event::Disputed { payment, gross, began, decided });
    }

    /// Money goes back at the gateway, as far as it is there; nobody hears of it yet.
    fn reverse(&self, scene: &Scene<'_>, case: &mut Case, amount: i64) {
        let id = self.payments[case.payment];
        let amount = amount.min(scene.gateway.left(id).micros());
        if amount > 0 {
            let number = scene.gateway.send_back(id, Money::from_micros(amount));
            case.unheard = Some((number, amount, scene.now));
        }
    }

    /// It is heard of.
    async fn hear_back(&mut self, scene: &Scene<'_>, case: &mut Case, kind: Kind) {
        let Some((number, gross, at)) = case.unheard.take() else { return };
        let theirs = match kind {
            Kind::Refund => RefundKind::Refund,
            Kind::Reversal => RefundKind::Reversal,
        };
        scene.gateway.tell(scene.panel, About::Returned { number, kind: theirs }).await;
        self.at_next_look.push(Event::WentBack { payment: case.payment, gross, kind, at });
    }
}
