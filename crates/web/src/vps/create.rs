//! Ordering a VPS.

use app::IdempotencyKey;
use app::vps::NewVps;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::SshKeyId;
use domain::vps::VpsName;
use serde::{Deserialize, Serialize};
use store::vps::read;
use uuid::Uuid;

use super::offer::{Offer, Rules};
use super::view::NewVpsPage;
use crate::access::{Member, Session, may};
use crate::error::{Failure, Result};
use crate::form::{invalid, refused, sentence};
use crate::link;
use crate::show::Reading;
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

/// The form, as sent and as kept in the page's address.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    pub(super) region: String,
    pub(super) image: String,
    pub(super) plan: String,
    pub(super) name: String,
    pub(super) ssh_key: Vec<String>,
    pub(super) price_version: String,
    #[serde(skip_serializing)]
    pub(super) order_key: String,
    /// Sent by the form itself: what is not in it was left out on purpose.
    pub(super) chosen: String,
}

impl Order {
    /// The address of the form with these choices.
    pub(super) fn link(&self) -> String {
        let mut pairs = vec![
            ("region", &self.region),
            ("image", &self.image),
            ("plan", &self.plan),
            ("name", &self.name),
        ];
        pairs.extend(self.ssh_key.iter().map(|key| ("ssh_key", key)));
        let pairs: Vec<(&str, &str)> =
            pairs.into_iter().map(|(name, value)| (name, value.as_str())).collect();
        link::with_query("/vps/new", &pairs)
    }

    /// Reads the address; what is unknown in it is left out.
    fn from_query(query: &str) -> Self {
        let mut order = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "region" => order.region = value.into_owned(),
                "image" => order.image = value.into_owned(),
                "plan" => order.plan = value.into_owned(),
                "name" => order.name = value.into_owned(),
                "ssh_key" => order.ssh_key.push(value.into_owned()),
                "chosen" => order.chosen = value.into_owned(),
                _ => {}
            }
        }
        order
    }

    /// The same form, the same order: a second click makes no second VPS.
    fn idempotency_key(&self) -> Result<IdempotencyKey> {
        let body = serde_json::to_vec(self).map_err(|error| Failure::Internal(error.into()))?;
        Ok(IdempotencyKey::new(&self.order_key, "POST", "/vps", &body)?)
    }
}

/// The form, with what the address says already chosen.
pub(crate) async fn form(member: Member<may::VpsCreate>, RawQuery(query): RawQuery) -> Result {
    let order = Order::from_query(&query.unwrap_or_default());
    page(&member, order, StatusCode::OK, Refusal::default()).await
}

/// Why the form is shown again.
#[derive(Default)]
struct Refusal {
    errors: Errors,
    stale_price: bool,
}

async fn page(session: &Session, mut order: Order, status: StatusCode, refusal: Refusal) -> Result {
    let mut db = session.read().await?;
    let offer = Offer::read(&mut db, &order).await?;
    offer.prefill(&mut order);
    if order.chosen.is_empty() && order.name.is_empty() {
        order.name = default_name(&mut db).await?;
    }
    let settings = session.state.app.settings();
    let rules = Rules { reserve_hours: settings.reserve_hours, top_up_min: settings.top_up_min };
    let page = NewVpsPage {
        order_key: Uuid::new_v4().to_string(),
        regions: offer.regions(&order),
        images: offer.images(&order),
        plans: offer.plans(&order),
        keys: offer.keys(&order),
        summary: offer.summary(&order, db.balance, rules)?,
        stale_price: refusal.stale_price,
        errors: refusal.errors,
        here: order.link(),
        name: order.name,
    };
    db.show_with(status, &page)
}

async fn default_name(db: &mut Reading<'_>) -> Result<String> {
    Ok(format!("vps-{}", read::count_ever(db).await? + 1))
}

/// Takes the order, or shows the form again with what is wrong.
pub(crate) async fn create(member: Member<may::VpsCreate>, Form(order): Form<Order>) -> Result {
    let new = match read_order(&member, &order).await? {
        Ok(new) => new,
        Err((status, errors)) => {
            return page(&member, order, status, Refusal { errors, stale_price: false }).await;
        }
    };
    let key = order.idempotency_key()?;
    match app::vps::create(&member.state.app, &member.caller, new, Some(&key)).await {
        Ok(done) => {
            let to = format!("/vps/{}", done.effect());
            Ok(see_other_saying(&member.state, &to, Said::VpsOrdered))
        }
        Err(app::Error::StalePrice) => {
            let refusal = Refusal { stale_price: true, errors: Errors::new() };
            page(&member, order, StatusCode::CONFLICT, refusal).await
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&member, order, status, Refusal { errors, stale_price: false }).await
        }
    }
}

type Refused = (StatusCode, Errors);

/// Finds what the form names in the present catalogue.
async fn read_order(session: &Session, order: &Order) -> Result<Result<NewVps, Refused>> {
    let mut db = session.read().await?;
    let offer = Offer::read(&mut db, order).await?;
    Ok((|| {
        let region = offer.region(order).ok_or_else(|| invalid("region", "Choose a region."))?;
        let plan =
            offer.plan(order).ok_or_else(|| invalid("plan", "This plan cannot be ordered here now."))?;
        let image = offer.image(order).ok_or_else(|| invalid("image", "Choose a system."))?;
        let name = VpsName::parse(&order.name).map_err(|e| invalid("name", sentence(&e.to_string())))?;
        let price = order.price_version.parse().map_err(|_| invalid("plan", "Choose a plan."))?;
        Ok(NewVps {
            name,
            plan_id: plan.id,
            region_id: region.id,
            image_id: image.id,
            price_version_id: price,
            ssh_keys: order.ssh_key.iter().filter_map(|key| key.parse::<SshKeyId>().ok()).collect(),
            user_data: None,
        })
    })())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_the_whole_form() {
        let order = Order {
            region: "frankfurt".into(),
            name: "a b&c".into(),
            ssh_key: vec!["1".into(), "2".into()],
            ..Default::default()
        };
        let link = order.link();
        let back = Order::from_query(link.split_once('?').map_or("", |(_, query)| query));
        assert_eq!((back.region, back.name, back.ssh_key), (order.region, order.name, order.ssh_key));
    }
}
