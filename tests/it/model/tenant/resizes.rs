//! Its people resize VPSs and volumes, and the provider takes its time.

use app::Error;
use app::billing::resize::Confirmed;
use chrono::TimeDelta;
use domain::billing::Subject;
use domain::{PriceVersionId, ResizeId, ResourceId, VpsId};

use super::{Scene, Tenant};
use crate::model::oracle::{Event, Price, Time, Vps};

/// Hours after which the provider answers; `None`: never.
const HOURS: [Option<i64>; 7] = [Some(0), Some(0), Some(0), Some(2), Some(20), Some(100), None];

/// A resize that waits for the provider.
pub(super) struct UnderWay {
    id: ResizeId,
    /// Its number in the oracle.
    number: usize,
    vps: Vps,
    answered_at: Option<Time>,
    fails: bool,
}

impl Tenant {
    /// After the hours are billed: what waited for that is told, and somebody may ask for another size of what runs.
    pub(crate) async fn after_billing(&mut self, scene: &Scene<'_>) {
        self.hear_of_resizes(scene).await;
        if self.random.percent(15) {
            let running = self.all().into_iter().filter(|&vps| self.books.is_running(vps)).collect();
            self.resize(scene, running).await;
        }
    }

    /// VPSs and volumes, whatever their state.
    pub(super) fn all(&self) -> Vec<Vps> {
        [self.books.living(), self.books.volumes()].concat()
    }

    /// Somebody asks for another size of one of these, perhaps of one that cannot be resized now.
    pub(super) async fn resize(&mut self, scene: &Scene<'_>, of: Vec<Vps>) {
        if of.is_empty() {
            return;
        }
        let vps = of[self.random.index(of.len())];
        let Some(mut resize) = self.order_a_resize(scene, vps).await else { return };
        resize.answered_at = self.random.pick(&HOURS).map(|hours| scene.now + TimeDelta::hours(hours));
        resize.fails = self.random.percent(20);
        self.under_way.push(resize);
        self.hear_of_resizes(scene).await;
    }

    /// One that the provider does at once, if it was accepted.
    async fn order_a_resize(&mut self, scene: &Scene<'_>, vps: Vps) -> Option<UnderWay> {
        let (of, version, quantity, to) = self.another_size(scene, vps);
        let ordered = scene.panel.order_resize(&self.caller, of, (version, quantity)).await;
        let accepted = match ordered {
            Ok(id) => Some(id),
            Err(Error::InsufficientFunds { .. } | Error::Invalid { .. } | Error::Conflict { .. }) => None,
            Err(error) => self.fails(&format!("a resize was answered {error:?}")),
        };
        let number = self.books.resizes();
        self.agree(scene.now, Event::Resize { vps, to }, accepted.is_some());
        let answered_at = Some(scene.now);
        accepted.map(|id| UnderWay { id, number, vps, answered_at, fails: false })
    }

    /// Any plan or size, the present one among them.
    fn another_size(&mut self, scene: &Scene<'_>, vps: Vps) -> (Subject, PriceVersionId, i64, Price) {
        let id = self.ordered[vps].id;
        if self.books.volumes().contains(&vps) {
            let (version, price) = scene.volumes;
            let gib = self.random.pick(&[1, 13, 250, 999, 4_000]);
            return (Subject::Resource(ResourceId(id)), version, gib, price.of_volume(gib));
        }
        let offer = &scene.offers[self.random.index(scene.offers.len())];
        (Subject::Vps(VpsId(id)), offer.order.price_version_id, 1, offer.price)
    }

    /// What the provider has done by now is told, or told again when an hour was not charged.
    pub(super) async fn hear_of_resizes(&mut self, scene: &Scene<'_>) {
        for resize in std::mem::take(&mut self.under_way) {
            let is_answered = resize.answered_at.is_some_and(|at| at <= scene.now);
            if is_answered && self.is_over(scene, &resize).await {
                self.resize_again(scene, &resize).await;
            } else {
                self.under_way.push(resize);
            }
        }
    }

    /// What was resized may be resized again within its hour, up after down.
    async fn resize_again(&mut self, scene: &Scene<'_>, done: &UnderWay) {
        while self.books.is_running(done.vps) && self.random.percent(65) {
            if let Some(next) = self.order_a_resize(scene, done.vps).await
                && !self.is_over(scene, &next).await
            {
                self.under_way.push(next);
            }
        }
    }

    /// The provider's answer. Is it told once and for all?
    async fn is_over(&mut self, scene: &Scene<'_>, resize: &UnderWay) -> bool {
        let UnderWay { id, number, .. } = *resize;
        if resize.fails {
            self.fail_resize(scene, resize).await;
            self.count("resizes that failed");
            return true;
        }
        let confirmed = scene.panel.confirm_resize(&self.caller, id).await;
        let raised = match &confirmed {
            Confirmed::Done(raised) => Some(raised.micros()),
            Confirmed::Behind | Confirmed::Over => None,
        };
        self.agree(scene.now, Event::Resized(number), raised.is_some());
        let rules = self.books.raised(number);
        if raised.is_some_and(|raised| raised != rules) {
            self.fails(&format!("the hour was raised by {raised:?}, by the rules {rules}"));
        }
        !matches!(confirmed, Confirmed::Behind)
    }

    /// The provider cannot do it.
    async fn fail_resize(&mut self, scene: &Scene<'_>, resize: &UnderWay) {
        let waited_for = scene.panel.fail_resize(&self.caller, resize.id).await;
        self.agree(scene.now, Event::NotResized(resize.number), waited_for);
    }

    /// The world ends, and money is held for nothing that nobody works on.
    pub(crate) async fn give_up_resizes(&mut self, scene: &Scene<'_>) {
        for resize in std::mem::take(&mut self.under_way) {
            self.fail_resize(scene, &resize).await;
        }
    }
}
