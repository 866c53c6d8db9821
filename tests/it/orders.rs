//! What an order needs, and what happens when many come at once.

use app::identity::idempotency::remember;
use app::vps::{NewVps, create};
use app::{Done, Error, IdempotencyKey};
use domain::catalog::Markup;
use domain::{PlanId, PriceVersionId, SshKeyId, VpsId};
use serde_json::json;
use testkit::Panel;

#[tokio::test]
async fn of_a_hundred_orders_at_once_only_those_the_wallet_covers_are_accepted() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let new = panel.new_vps(&acme, "harbor", "web").await;
    let hour: i64 = panel
        .fetch(format!("select sell_hour_micros from price_versions where id = '{}'", new.price_version_id))
        .await;
    // The third order needs 72 hours, its first hour, and the first hours of the two before it.
    panel.fund(&acme, &domain::Money::from_micros(75 * hour).to_string()).await;

    let orders = (0..100).map(|n| {
        let (app, new) = (panel.app.clone(), NewVps { name: name(&format!("web-{n}")), ..new.clone() });
        tokio::spawn(async move { create(&app, &acme, new, None).await })
    });
    let (mut accepted, mut refused) = (0, 0);
    for order in orders.collect::<Vec<_>>() {
        match order.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(Error::InsufficientFunds { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, refused), (3, 97));
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.held, balances.burn), (72 * hour, 3 * hour, 3 * hour));
    panel.verify().await;
}

#[tokio::test]
async fn a_micro_less_than_needed_is_refused_and_told() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let new = panel.new_vps(&acme, "harbor", "web").await;
    panel.fund(&acme, "0.562499").await;
    match create(&panel.app, &acme, new.clone(), None).await {
        Err(Error::InsufficientFunds { needed, available }) => {
            assert_eq!((needed.micros(), available.micros()), (562_500, 562_499));
        }
        other => panic!("{other:?}"),
    }
    panel.fund(&acme, "0.000001").await;
    assert!(create(&panel.app, &acme, new, None).await.is_ok());
}

#[tokio::test]
async fn an_order_at_yesterdays_price_is_refused_and_nothing_is_held() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let new = panel.new_vps(&acme, "small", "web").await;
    let dearer = Markup { basis_points: 5_000, ..Markup::default() };
    app::catalog::publish_prices(&panel.app, &panel.operator().await, new.plan_id, dearer).await.unwrap();
    let refused = create(&panel.app, &acme, new, None).await.unwrap_err();
    assert_eq!(refused.code(), "price_changed");
    assert_eq!(panel.balances(&acme).await.held, 0);
    panel.order(&acme, "small", "web").await;
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let good = panel.new_vps(&acme, "small", "web").await;
    let cases = [
        ("invalid", NewVps { plan_id: PlanId::new(), ..good.clone() }),
        ("price_changed", NewVps { price_version_id: PriceVersionId::new(), ..good.clone() }),
        ("invalid", NewVps { ssh_keys: vec![], ..good.clone() }),
        ("invalid", NewVps { ssh_keys: vec![SshKeyId::new()], ..good.clone() }),
        ("invalid", NewVps { user_data: Some("x".repeat(60 * 1024 + 1)), ..good.clone() }),
    ];
    for (code, new) in cases {
        assert_eq!(create(&panel.app, &acme, new, None).await.unwrap_err().code(), code);
    }
    app::catalog::set_plan_active(&panel.app, &panel.operator().await, good.plan_id, false).await.unwrap();
    assert_eq!(create(&panel.app, &acme, good, None).await.unwrap_err().code(), "not_available");
    panel.order(&acme, "harbor", "web").await;
    let same_name = panel.new_vps(&acme, "harbor", "WEB").await;
    assert_eq!(create(&panel.app, &acme, same_name, None).await.unwrap_err().code(), "invalid");
    panel.verify().await;
}

#[tokio::test]
async fn a_repeated_order_is_one_order_with_one_answer() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let new = panel.new_vps(&acme, "small", "web").await;
    let key = IdempotencyKey::new("k-1", "POST", "/vps", b"web").unwrap();
    let orders = (0..10).map(|_| {
        let (app, new, key) = (panel.app.clone(), new.clone(), key.clone());
        tokio::spawn(async move { create(&app, &acme, new, Some(&key)).await.unwrap() })
    });
    let mut made: Vec<VpsId> = Vec::new();
    let mut first = 0;
    for order in orders.collect::<Vec<_>>() {
        let done = order.await.unwrap();
        first += usize::from(matches!(done, Done::Now(_)));
        made.push(done.effect());
    }
    made.dedup();
    assert_eq!((made.len(), first), (1, 1));

    let answer = json!({ "id": made[0] });
    let kept = remember(&panel.app, &acme, &key, 202, &answer).await.unwrap();
    assert_eq!(kept, (202, answer.clone()));
    let later = remember(&panel.app, &acme, &key, 500, &json!({})).await.unwrap();
    assert_eq!(later, (202, answer), "the first answer stands");
    let other = IdempotencyKey::new("k-1", "POST", "/vps", b"db").unwrap();
    assert_eq!(create(&panel.app, &acme, new, Some(&other)).await.unwrap_err().code(), "invalid");
    panel.verify().await;
}

fn name(text: &str) -> domain::vps::VpsName {
    domain::vps::VpsName::parse(text).unwrap()
}
