//! What its people do with VPSs.

use app::vps::NewVps;
use domain::vps::{PowerRequest, VpsName};

use super::{Offer, Ordered, Scene, Tenant};
use crate::model::cloud::SOLD_OUT;
use crate::model::oracle::{Event, Vps};
use crate::model::timeline::LOOK;

/// Longest list of VPSs of an organization.
pub(super) const MOST: usize = 4;

impl Tenant {
    pub(super) async fn order(&mut self, scene: &Scene<'_>) {
        let Offer { order, price } = &scene.offers[self.random.index(scene.offers.len())];
        let number = self.ordered.len();
        let minutes = self.random.pick(&[Some(0), Some(0), Some(0), Some(0), Some(45), Some(700), None]);
        let pace = minutes.map_or(SOLD_OUT.to_owned(), |minutes: i64| minutes.to_string());
        let name = VpsName::parse(&format!("vps-{number}-{pace}")).unwrap();
        let order = NewVps { name, ssh_keys: vec![self.ssh_key], ..order.clone() };
        let made = app::vps::create(&scene.panel.app, &self.caller, order, None).await;
        let accepted = match made {
            Ok(done) => Some(done.effect()),
            Err(app::Error::InsufficientFunds { .. }) => None,
            Err(error) => self.fails(&format!("an order was answered {error:?}")),
        };
        self.agree(scene.now, Event::Order(*price), accepted.is_some());
        let Some(id) = accepted else { return };
        let up_at = minutes.map(|minutes| scene.now + chrono::TimeDelta::minutes(minutes));
        self.ordered.push(Ordered { id, at: scene.now, up_at, existed: false, gone_at: None });
        if self.random.percent(5) {
            self.delete(scene, number).await;
        }
    }

    pub(super) async fn delete(&mut self, scene: &Scene<'_>, vps: Vps) {
        let before_active = self.books.is_ordered(vps);
        app::vps::delete(&scene.panel.app, &self.caller, self.ordered[vps].id).await.unwrap();
        self.agree(scene.now, Event::Delete(vps), true);
        let ordered = &mut self.ordered[vps];
        if before_active {
            // Deleted together with the order, it never reached a provider. Else its server has to go first.
            ordered.existed = ordered.at < scene.now;
            ordered.gone_at = Some(if ordered.existed { scene.now + LOOK * 2 } else { scene.now });
        }
    }

    pub(super) async fn power(&mut self, scene: &Scene<'_>, vps: Vps) {
        let request = self.random.pick(&[PowerRequest::Start, PowerRequest::Stop]);
        let done = app::vps::power(&scene.panel.app, &self.caller, self.ordered[vps].id, request).await;
        self.agree(scene.now, Event::Power(vps), done.is_ok());
    }
}
