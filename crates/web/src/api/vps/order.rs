//! Ordering a VPS.

use app::vps::NewVps;
use axum::response::Response;
use domain::vps::VpsName;
use domain::{ImageId, PlanId, PriceVersionId, RegionId, SshKeyId};
use serde::Deserialize;
use store::catalog::read::{self, Chosen};
use utoipa::ToSchema;
use uuid::Uuid;

use super::instance::Vps;
use crate::access::may;
use crate::api::Problem;
use crate::api::access::{Allowed, Client};
use crate::api::catalog::Price;
use crate::api::idempotency::created;
use crate::api::input::{IdempotencyHeader, Keyed};
use crate::api::problem::{Details, PROBLEM_JSON};
use crate::form::sentence;

/// A VPS to order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = NewVps)]
pub(crate) struct Order {
    /// A host name that no other VPS of the organization has: letters, digits, dots and hyphens.
    #[schema(min_length = 1, max_length = 63, example = "web-1")]
    name: String,
    /// Slug of a plan.
    #[schema(example = "small")]
    plan: String,
    /// Slug of a region the plan is sold in.
    #[schema(example = "de-frankfurt")]
    region: String,
    /// Slug of an image.
    #[schema(example = "debian-13")]
    image: String,
    /// `price_version` of the price agreed to. If another one is in force now, the order is refused
    /// and the answer tells the new price. Without it, the price in force is taken.
    price_version: Option<Uuid>,
    /// Ids of the SSH keys that may sign in as root.
    #[schema(min_items = 1)]
    ssh_keys: Vec<Uuid>,
    /// cloud-init user data, at most 60 KiB.
    user_data: Option<String>,
}

/// What an order's slugs stand for.
struct Found {
    plan_id: PlanId,
    region_id: RegionId,
    image_id: ImageId,
    price_version_id: PriceVersionId,
}

impl Order {
    async fn chosen(&self, client: &Client) -> Result<Chosen, Problem> {
        Ok(read::choose(&mut client.read().await?, &self.plan, &self.region, &self.image).await?)
    }

    /// The order for the use case, or everything that is wrong with it at once.
    fn checked(self, chosen: &Chosen) -> Result<NewVps, Problem> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: &str| wrong.push((field.to_owned(), message.to_owned()));
        let name =
            VpsName::parse(&self.name).map_err(|error| say("name", &sentence(&error.to_string()))).ok();
        let found = self.find(chosen, say);
        match (name, found) {
            (Some(name), Some(found)) if wrong.is_empty() => Ok(NewVps {
                name,
                plan_id: found.plan_id,
                region_id: found.region_id,
                image_id: found.image_id,
                price_version_id: found.price_version_id,
                ssh_keys: self.ssh_keys.into_iter().map(SshKeyId).collect(),
                user_data: self.user_data,
            }),
            _ => Err(Problem::all_invalid(wrong)),
        }
    }

    fn find(&self, chosen: &Chosen, mut say: impl FnMut(&str, &str)) -> Option<Found> {
        let Chosen { plan_id, region_id, image_id, price_version_id, .. } = *chosen;
        for (field, missing) in
            [("plan", plan_id.is_none()), ("region", region_id.is_none()), ("image", image_id.is_none())]
        {
            if missing {
                say(field, "There is none with this slug.");
            }
        }
        let (plan_id, region_id) = (plan_id?, region_id?);
        if price_version_id.is_none() {
            say("plan", "This plan is not sold in this region.");
        }
        let agreed = self.price_version.map(PriceVersionId);
        Some(Found {
            plan_id,
            region_id,
            image_id: image_id?,
            price_version_id: agreed.or(price_version_id)?,
        })
    }
}

/// Create a VPS
///
/// Needs money for the first hour, and for the wallet's `reserve_hours` of everything that then
/// runs. The first hour is held now and charged when the VPS is ready; if it cannot be made, the
/// hold is given back. Follow it with `GET /api/v1/vps/{id}` until its status is no longer
/// `provisioning`.
#[utoipa::path(post, path = "/vps", operation_id = "create_vps", tag = "vps",
    params(IdempotencyHeader), request_body = Order,
    responses(
        (status = 201, description = "Ordered; it is being made.", body = Vps,
            headers(("Location" = String, description = "Address of the VPS."))),
        (status = 402, description = "`insufficient_funds`: `needed` must be available in the wallet.",
            body = Details, content_type = PROBLEM_JSON),
        (status = 409, description = "`price_changed`: `price` is in force now. `not_available`: this \
            combination cannot be ordered at the moment.", body = Details, content_type = PROBLEM_JSON),
    ))]
pub(super) async fn create(
    client: Allowed<may::VpsCreate>,
    order: Keyed<Order>,
) -> Result<Response, Problem> {
    let Keyed { input: order, key } = order;
    let chosen = order.chosen(&client).await?;
    let new = order.checked(&chosen)?;
    match app::vps::create(client.app(), &client.caller, new, key.as_ref()).await {
        Ok(done) => {
            let id = done.effect();
            created(&client, key.as_ref(), done, "/vps", Vps::find(&client, id)).await
        }
        Err(error @ app::Error::InsufficientFunds { .. }) => {
            Err(Problem::from(error).in_currency(client.currency()))
        }
        Err(error @ app::Error::StalePrice) => {
            Err(Problem::from(error).in_currency(client.currency()).with_price(Price::of(&chosen)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use domain::Money;

    use super::*;

    fn order(name: &str) -> Order {
        Order {
            name: name.into(),
            plan: "cloud-1".into(),
            region: "frankfurt".into(),
            image: "debian-13".into(),
            price_version: None,
            ssh_keys: vec![Uuid::nil()],
            user_data: None,
        }
    }

    fn chosen() -> Chosen {
        let amount = Some(Money::from_micros(8_900));
        Chosen {
            plan_id: Some(PlanId::new()),
            region_id: Some(RegionId::new()),
            image_id: Some(ImageId::new()),
            price_version_id: Some(PriceVersionId::new()),
            sell_hour: amount,
            sell_month: amount,
            sell_minimum: amount,
        }
    }

    fn wrong_fields(order: Order, chosen: &Chosen) -> Vec<String> {
        let problem = order.checked(chosen).expect_err("refused").shown();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| e["field"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn without_a_price_the_one_in_force_is_taken() {
        let chosen = chosen();
        let taken = order("web").checked(&chosen).expect("complete");
        assert_eq!(Some(taken.price_version_id), chosen.price_version_id);
        let seen = Uuid::now_v7();
        let agreed = Order { price_version: Some(seen), ..order("web") }.checked(&chosen).expect("complete");
        assert_eq!(agreed.price_version_id.0, seen, "the use case decides whether it is stale");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let nothing =
            Chosen { plan_id: None, region_id: None, image_id: None, price_version_id: None, ..chosen() };
        assert_eq!(wrong_fields(order("-"), &nothing), ["name", "plan", "region", "image"]);
        assert_eq!(wrong_fields(order("web"), &Chosen { price_version_id: None, ..chosen() }), ["plan"]);
    }
}
