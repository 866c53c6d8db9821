//! What operators do for it and to it: credits, corrections, other prices, terms.

use app::Error;
use app::catalog::moves::{Wish, announce, cancel};
use app::wallet::{NewGoodwill, adjust, approve, grant, redeem};
use chrono::TimeDelta;
use domain::Money;
use store::wallet::terms;

use super::{Gift, Scene, Tenant};
use crate::model::oracle::{Event, Terms, Time, Vps};

/// Days after which credits end.
pub(crate) const DAYS: [Option<i32>; 5] = [None, Some(1), Some(1), Some(3), Some(20)];

const CENT: i64 = 10_000;

fn ends(now: Time, days: Option<i32>) -> Option<Time> {
    days.map(|days| now + TimeDelta::days(days.into()))
}

/// Was it done? What was refused for want of the conditions is not; anything else is no answer.
fn was_done<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(Error::Invalid { .. } | Error::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Tenant {
    /// Cents up to an amount, one at least.
    pub(super) fn cents(&mut self, most: i64) -> i64 {
        let cents = u64::try_from(most / CENT).unwrap().max(1);
        i64::try_from(self.random.within(0..cents) + 1).unwrap() * CENT
    }

    pub(super) fn answer<T>(&self, outcome: Result<T, Error>) -> Option<T> {
        was_done(outcome).unwrap_or_else(|error| self.fails(&format!("the answer was {error:?}")))
    }

    /// An operator gives a credit.
    pub(super) async fn give(&mut self, scene: &Scene<'_>) {
        let (amount, days) = (self.cents(scene.rules.alone), self.random.pick(&DAYS));
        let new = NewGoodwill { amount: Money::from_micros(amount), reason: "slow disks", days };
        let whose = self.caller.organization_id();
        let done = grant(&scene.panel.app, &scene.operators[0], whose, new, None).await;
        let done = self.answer(done).is_some();
        self.agree(scene.now, Event::Given { amount, ends: ends(scene.now, days) }, done);
    }

    /// Somebody redeems a code, perhaps one that was redeemed before.
    pub(super) async fn redeem(&mut self, scene: &Scene<'_>) {
        let is_promotion = self.vouchers.is_empty() || self.random.percent(40);
        let is_good = !is_promotion || !self.has_redeemed;
        let gift = if is_promotion { scene.promotion.clone() } else { self.vouchers.remove(0) };
        let Gift { code, amount, days } = gift;
        let done = redeem(&scene.panel.app, &self.caller, code.as_str(), None).await;
        let done = self.answer(done).is_some();
        if done != is_good {
            self.fails(&format!("a code was redeemed: {done}, by the rules: {is_good}"));
        }
        self.has_redeemed |= is_promotion;
        self.count(if done { "codes redeemed" } else { "codes refused" });
        if done {
            self.happens(scene.now, Event::Given { amount, ends: ends(scene.now, days) });
        }
    }

    /// An operator corrects the wallet, asks another one, or that one agrees.
    pub(super) async fn correct(&mut self, scene: &Scene<'_>) {
        let app = &scene.panel.app;
        if !self.asked.is_empty() && self.random.percent(60) {
            let number = self.random.index(self.asked.len());
            let done = approve(app, &scene.operators[1], self.asked[number]).await;
            let done = self.answer(done).is_some();
            return self.agree(scene.now, Event::Agree(number), done);
        }
        let most = if self.random.percent(40) { scene.rules.alone * 2 } else { scene.rules.alone / 3 };
        let micros = self.cents(most) + i64::try_from(self.random.within(0..9_999)).unwrap();
        let amount = if self.random.percent(50) { micros } else { -micros };
        let (whose, money) = (self.caller.organization_id(), Money::from_micros(amount));
        let done = adjust(app, &scene.operators[0], whose, money, "charged twice", None).await;
        let done = self.answer(done);
        if let Some(done) = &done
            && micros > scene.rules.alone
        {
            self.asked.push(done.effect().0);
        }
        self.agree(scene.now, Event::Correct(amount), done.is_some());
    }

    /// The operator announces that VPSs of a plan have the price in force from some time on, or takes that back.
    pub(super) async fn move_price(&mut self, scene: &Scene<'_>, vps: Vps) {
        let (app, operator) = (&scene.panel.app, &scene.operators[0]);
        let plan = self.books.price(vps).plan;
        let offer = &scene.offers[plan];
        if let Some(&last) = self.moves.last()
            && self.random.percent(15)
        {
            let number = self.moves.len() - 1;
            let (plan, id) = last;
            let done = cancel(app, operator, plan, id).await;
            let done = self.answer(done).is_some();
            return self.agree(scene.now, Event::TakeBack(number), done);
        }
        let notice = TimeDelta::days(scene.rules.notice_days);
        let ahead = self.random.pick(&[
            TimeDelta::minutes(1),
            TimeDelta::minutes(150),
            notice - TimeDelta::microseconds(1),
            notice,
            notice + TimeDelta::minutes(200),
        ]);
        let at = scene.now + ahead;
        let wish = Wish {
            version: offer.order.price_version_id,
            moves_at: Some(at),
            organizations: vec![self.caller.organization_id()],
        };
        let done = announce(app, operator, offer.order.plan_id, &wish).await;
        let done = self.answer(done);
        match done {
            Some(id) => self.moves.push((offer.order.plan_id, id)),
            None => self.count("announcements refused"),
        }
        self.agree(scene.now, Event::Announce { to: offer.price, at }, done.is_some());
    }

    /// The operator agrees on other terms with it.
    pub(super) async fn agree_on_terms(&mut self, scene: &Scene<'_>) {
        let terms = Terms {
            credit_limit: self.random.pick(&[0, 0, 500_000, 4_000_000]),
            retention_hours: self.random.pick(&[None, None, Some(1), Some(30)]),
            never_destroyed: self.random.percent(15),
        };
        let new = terms::Terms {
            credit_limit: Money::from_micros(terms.credit_limit),
            retention_hours: terms.retention_hours.map(|hours| i32::try_from(hours).unwrap()),
            never_destroyed: terms.never_destroyed,
        };
        let whose = self.caller.organization_id();
        app::billing::set_terms(&scene.panel.app, &scene.operators[0], whose, new).await.unwrap();
        self.agree(scene.now, Event::Agreed(terms), true);
    }
}
