//! What its people do with VPSs and volumes.

use app::vps::NewVps;
use domain::catalog::Product;
use domain::vps::{PowerRequest, VpsName};
use domain::{ResourceId, VpsId};

use super::{Offer, Ordered, Scene, Tenant};
use crate::model::cloud::SOLD_OUT;
use crate::model::oracle::{Event, Vps};
use crate::model::timeline::LOOK;

/// Longest list of VPSs of an organization.
pub(super) const MOST: usize = 4;

/// Most volumes.
pub(super) const MOST_VOLUMES: usize = 2;

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
        self.ordered.push(Ordered { id: id.0, at: scene.now, up_at, existed: false, gone_at: None });
        if self.random.percent(5) {
            self.delete(scene, number).await;
        }
    }

    pub(super) async fn delete(&mut self, scene: &Scene<'_>, vps: Vps) {
        let before_active = self.books.is_ordered(vps);
        app::vps::delete(&scene.panel.app, &self.caller, VpsId(self.ordered[vps].id)).await.unwrap();
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
        let done =
            app::vps::power(&scene.panel.app, &self.caller, VpsId(self.ordered[vps].id), request).await;
        self.agree(scene.now, Event::Power(vps), done.is_ok());
    }

    /// Orders a volume, which is made at once, or cannot be made, or is no longer wanted.
    pub(super) async fn order_volume(&mut self, scene: &Scene<'_>) {
        let (version, price) = scene.volumes;
        let gib = self.random.pick(&[1, 13, 250, 999, 4_000]);
        let (panel, number) = (scene.panel, self.ordered.len());
        let made = panel.order_resource(&self.caller, Product::Volume, (None, gib), version).await;
        let accepted = match made {
            Ok(id) => Some(id),
            Err(app::Error::InsufficientFunds { .. }) => None,
            Err(error) => self.fails(&format!("an order of a volume was answered {error:?}")),
        };
        self.agree(scene.now, Event::Order(price.of_volume(gib)), accepted.is_some());
        let Some(id) = accepted else { return };
        self.ordered.push(Ordered { id: id.0, at: scene.now, up_at: None, existed: false, gone_at: None });
        match self.random.within(0..10) {
            0 => {
                assert!(panel.fail_resource(&self.caller, id).await);
                self.happens(scene.now, Event::SoldOut(number));
            }
            1 => {
                assert!(panel.end_resource(&self.caller, id).await.unwrap());
                self.agree(scene.now, Event::Delete(number), true);
                let existed = self.random.percent(50);
                assert!(panel.conclude_resource(&self.caller, id, existed).await);
                self.happens(scene.now, Event::Gone { vps: number, existed });
            }
            _ => {
                assert!(panel.confirm_resource(&self.caller, id).await.is_some());
                self.happens(scene.now, Event::Active(number));
            }
        }
    }

    pub(super) async fn delete_a_volume(&mut self, scene: &Scene<'_>) {
        let volumes = self.books.volumes();
        if volumes.is_empty() {
            return;
        }
        let number = volumes[self.random.index(volumes.len())];
        let id = ResourceId(self.ordered[number].id);
        let ended = scene.panel.end_resource(&self.caller, id).await.unwrap();
        self.agree(scene.now, Event::Delete(number), ended);
    }
}
