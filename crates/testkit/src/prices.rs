//! Prices that change.

use app::Operator;
use app::catalog::moves::{Wish, announce};
use app::catalog::publish_prices;
use chrono::{DateTime, Utc};
use domain::catalog::Markup;
use domain::{PlanId, PriceMoveId, PriceVersionId};

use crate::{Panel, REGION};

impl Panel {
    /// A plan by its short name.
    pub async fn plan(&self, slug: &str) -> PlanId {
        PlanId(self.fetch(format!("select id from plans where slug = '{slug}'")).await)
    }

    /// Publishes a plan's prices with this markup, in force at once; the version of the usual region.
    pub async fn publish(&self, slug: &str, basis_points: i32) -> PriceVersionId {
        let plan = self.plan(slug).await;
        let markup = Markup { basis_points, ..Markup::default() };
        publish_prices(&self.app, &Operator::command_line(), plan, markup).await.unwrap();
        self.price_in_force(slug).await
    }

    /// The version of a plan in force in the usual region.
    pub async fn price_in_force(&self, slug: &str) -> PriceVersionId {
        let version = format!(
            "select c.id from current_prices c join plans p on p.id = c.plan_id join regions r on r.id = c.region_id
            where p.slug = '{slug}' and r.slug = '{REGION}'"
        );
        PriceVersionId(self.fetch(version).await)
    }

    /// Announces that all VPSs of a plan in the usual region move to the price in force there; `None` is at once.
    pub async fn announce_move(&self, slug: &str, moves_at: Option<DateTime<Utc>>) -> PriceMoveId {
        let version = self.price_in_force(slug).await;
        let wish = Wish { version, moves_at, organizations: Vec::new() };
        announce(&self.app, &Operator::command_line(), self.plan(slug).await, &wish).await.unwrap()
    }
}
