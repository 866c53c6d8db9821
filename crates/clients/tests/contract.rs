//! One contract for every provider, played through [`CloudProvider`] against the simulated clouds.
//!
//! The clouds' clock is frozen and moved by steps, so nothing here waits for a machine to boot.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use domain::ProviderId;
use domain::provider::{OperationState, PowerAction, Rejection, ServerRef, ServerState, UpstreamError};
use domain::vps::Power;
use simulator::{Fault, FaultKind};
use support::{World, contract, is_rejected};

contract! {
    the_token_says_whose_it_is,
    a_refused_token_is_unauthorized,
    the_catalogue_is_usable,
    a_server_is_made_found_read_and_listed,
    what_is_not_there_is_not_found,
    deleting_twice_is_success,
    stopping_and_starting_are_followed_to_their_end,
    starting_what_runs_is_success,
    a_second_operation_meanwhile_is_busy,
    a_failed_operation_shows,
    a_lost_answer_to_a_power_operation_is_found_by_the_marker,
    a_create_without_an_outcome_is_found_by_its_tag,
    a_create_that_was_turned_away_made_nothing,
    a_create_that_takes_too_long_is_found_by_its_tag,
    a_server_that_vanishes_is_not_found,
    a_sold_out_region_is_a_lack_of_capacity,
    nothing_listens_so_nothing_was_sent,
    reads_survive_passing_failures,
    reads_give_up_in_time,
    a_long_wait_is_handed_on,
    a_low_budget_holds_back_what_matters_least,
}

async fn the_token_says_whose_it_is(world: World) {
    let first = world.client("acme-1").validate().await.unwrap();
    let rotated = world.client("acme-2").validate().await.unwrap();
    let other = world.client("other-1").validate().await.unwrap();
    assert_eq!(first, rotated);
    assert_ne!(first.id, other.id);
    assert!(!first.label.is_empty());
}

async fn a_refused_token_is_unauthorized(world: World) {
    let client = world.client("bad-token");
    assert_eq!(client.validate().await, Err(UpstreamError::Unauthorized));
    assert_eq!(client.create(&world.spec()).await.map(|_| ()), Err(UpstreamError::Unauthorized));
    assert_eq!(client.delete(&ServerRef("1".to_owned())).await, Err(UpstreamError::Unauthorized));
}

async fn the_catalogue_is_usable(world: World) {
    let client = world.client("acme-1");
    let regions = client.regions().await.unwrap();
    let frankfurt = regions.iter().find(|region| region.city == "Frankfurt" && region.available).unwrap();
    assert_eq!(frankfurt.country, "DE");
    let sizes = client.sizes().await.unwrap();
    let small = sizes.iter().find(|size| size.id == world.small_size()).unwrap();
    let price = small.prices.iter().find(|price| price.region == frankfurt.id).unwrap();
    assert_eq!((price.hour.to_string().as_str(), price.month.to_string().as_str()), world.small_price());
    assert_eq!((small.vcpus, small.memory_mib, small.disk_gib, small.transfer_gb), (1, 1024, 25, 1000));
    assert!(sizes.iter().any(|size| size.dedicated) && !small.dedicated);
    let images = client.images().await.unwrap();
    let debian = images.iter().find(|image| image.family == "debian" && image.version == "13").unwrap();
    assert!(debian.available && debian.min_disk_gib > 0);
}

async fn a_server_is_made_found_read_and_listed(world: World) {
    let client = world.client("acme-1");
    let spec = world.spec();
    assert_eq!(client.find_by_tag(&spec.tag).await.unwrap().len(), 0);
    let other = client.create(&world.spec()).await.unwrap();

    let made = client.create(&spec).await.unwrap();
    assert_eq!((made.state, made.tag.as_ref()), (ServerState::Provisioning, Some(&spec.tag)));
    assert_eq!((&made.region, &made.size), (&spec.region, &spec.size));
    let found = client.find_by_tag(&spec.tag).await.unwrap();
    assert_eq!(found.iter().map(|server| &server.id).collect::<Vec<_>>(), [&made.id]);

    world.settle();
    let up = client.get(&made.id).await.unwrap();
    assert_eq!(up.state, ServerState::Up(Power::Running));
    assert!(up.ipv4.is_some_and(|ip| ip.is_ipv4()) && up.ipv6.is_some_and(|ip| ip.is_ipv6()));
    assert_eq!(up.created_at, made.created_at);
    let mut listed: Vec<_> = client.list().await.unwrap().into_iter().map(|server| server.id).collect();
    listed.sort();
    assert_eq!(listed, [other.id, made.id]);
}

async fn what_is_not_there_is_not_found(world: World) {
    let client = world.client("acme-1");
    for id in ["4711", "", "no-number", "1/../2"] {
        let server = ServerRef(id.to_owned());
        assert_eq!(client.get(&server).await.map(|_| ()), Err(UpstreamError::NotFound), "{id}");
        assert_eq!(client.power(&server, PowerAction::Stop).await, Err(UpstreamError::NotFound), "{id}");
        assert_eq!(client.delete(&server).await, Ok(()), "{id}");
    }
}

async fn deleting_twice_is_success(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    client.delete(&server).await.unwrap();
    client.delete(&server).await.unwrap();
    world.settle();
    assert_eq!(client.get(&server).await.map(|_| ()), Err(UpstreamError::NotFound));
    assert!(world.alive().is_empty());
}

async fn stopping_and_starting_are_followed_to_their_end(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    let steps = [
        (PowerAction::Stop, Power::Stopped),
        (PowerAction::Start, Power::Running),
        (PowerAction::Reboot, Power::Running),
        (PowerAction::Cut, Power::Stopped),
    ];
    for (action, power) in steps {
        let marker = client.latest_operation(&server).await.unwrap();
        assert_eq!(client.operation_since(&server, action, &marker).await.unwrap(), None, "{action}");
        client.power(&server, action).await.unwrap();
        let state = client.operation_since(&server, action, &marker).await.unwrap();
        assert_eq!(state, Some(OperationState::Pending), "{action}");
        world.settle();
        let state = client.operation_since(&server, action, &marker).await.unwrap();
        assert_eq!(state, Some(OperationState::Done), "{action}");
        assert_eq!(client.get(&server).await.unwrap().state, ServerState::Up(power), "{action}");
        let marker = client.latest_operation(&server).await.unwrap();
        assert_eq!(client.operation_since(&server, action, &marker).await.unwrap(), None, "{action}");
    }
}

async fn starting_what_runs_is_success(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    client.power(&server, PowerAction::Start).await.unwrap();
    assert_eq!(client.get(&server).await.unwrap().state, ServerState::Up(Power::Running));
}

async fn a_second_operation_meanwhile_is_busy(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    client.power(&server, PowerAction::Reboot).await.unwrap();
    let second = client.power(&server, PowerAction::Stop).await;
    assert!(is_rejected(&second, Rejection::Busy), "{second:?}");
}

async fn a_failed_operation_shows(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    let marker = client.latest_operation(&server).await.unwrap();
    world.inject(Fault::new("*.action", FaultKind::Failed).once());
    client.power(&server, PowerAction::Reboot).await.unwrap();
    world.settle();
    let state = client.operation_since(&server, PowerAction::Reboot, &marker).await.unwrap();
    assert_eq!(state, Some(OperationState::Failed));
}

async fn a_lost_answer_to_a_power_operation_is_found_by_the_marker(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    let marker = client.latest_operation(&server).await.unwrap();
    for (kind, happened) in [(FaultKind::CutBefore, false), (FaultKind::CutAfter, true)] {
        world.inject(Fault::new("*.action", kind).once());
        let outcome = client.power(&server, PowerAction::Stop).await;
        assert!(matches!(outcome, Err(UpstreamError::OutcomeUnknown { .. })), "{kind:?}: {outcome:?}");
        let state = client.operation_since(&server, PowerAction::Stop, &marker).await.unwrap();
        assert_eq!(state.is_some(), happened, "{kind:?}");
    }
}

async fn a_create_without_an_outcome_is_found_by_its_tag(world: World) {
    let client = world.client("acme-1");
    let cases = [
        (Fault::new("*.create", FaultKind::Error), 0),
        (Fault::new("*.create", FaultKind::Error).with_status(504), 0),
        (Fault::new("*.create", FaultKind::HtmlError), 0),
        (Fault::new("*.create", FaultKind::HtmlError).with_status(400), 0),
        (Fault::new("*.create", FaultKind::CutBefore), 0),
        (Fault::new("*.create", FaultKind::CutAfter), 1),
        (Fault::new("*.create", FaultKind::MalformedJson), 1),
    ];
    for (fault, made) in cases {
        let (spec, sent) = (world.spec(), world.sent("create"));
        world.inject(fault.clone().once());
        let outcome = client.create(&spec).await;
        assert!(matches!(outcome, Err(UpstreamError::OutcomeUnknown { .. })), "{fault:?}: {outcome:?}");
        assert_eq!(world.sent("create") - sent, 1, "{fault:?}: a create is sent once");
        assert_eq!(client.find_by_tag(&spec.tag).await.unwrap().len(), made, "{fault:?}");
    }
}

async fn a_create_that_was_turned_away_made_nothing(world: World) {
    let cases = [
        (Fault::new("*.create", FaultKind::RateLimited).with_retry_after(7), Some(7)),
        (Fault::new("*.create", FaultKind::RateLimited), None),
        (Fault::new("*.create", FaultKind::Error).with_status(503).with_retry_after(7), Some(7)),
        (Fault::new("*.create", FaultKind::HtmlError).with_status(503), None),
    ];
    for (fault, seconds) in cases {
        let client = world.client("acme-1");
        let (spec, sent) = (world.spec(), world.sent("create"));
        world.inject(fault.clone().once());
        let outcome = client.create(&spec).await;
        let Err(UpstreamError::Transient { retry_after, .. }) = outcome else {
            panic!("{fault:?}: {outcome:?}");
        };
        assert_eq!(retry_after.map(|wait| wait.as_secs()), seconds, "{fault:?}");
        assert_eq!(world.sent("create") - sent, 1, "{fault:?}: a create is sent once");
        assert_eq!(client.find_by_tag(&spec.tag).await.unwrap().len(), 0, "{fault:?}");
    }
}

async fn a_create_that_takes_too_long_is_found_by_its_tag(world: World) {
    let (client, spec) = (world.hasty_client(), world.spec());
    world.inject(Fault::new("*.create", FaultKind::Slow).with_delay_ms(2_000).once());
    let outcome = client.create(&spec).await;
    assert!(matches!(outcome, Err(UpstreamError::OutcomeUnknown { .. })), "{outcome:?}");
    let found = async {
        loop {
            match client.find_by_tag(&spec.tag).await.unwrap().as_slice() {
                [] => tokio::time::sleep(support::MOMENT).await,
                found => return found.len(),
            }
        }
    };
    let found = tokio::time::timeout(support::PATIENCE, found).await;
    assert_eq!(found, Ok(1));
}

async fn a_server_that_vanishes_is_not_found(world: World) {
    let client = world.client("acme-1");
    let spec = world.spec();
    world.inject(Fault::new("*.create", FaultKind::Vanish).once());
    let server = client.create(&spec).await.unwrap();
    assert_eq!(client.get(&server.id).await.map(|_| ()), Err(UpstreamError::NotFound));
    assert_eq!(client.find_by_tag(&spec.tag).await.unwrap().len(), 0);
}

async fn a_sold_out_region_is_a_lack_of_capacity(world: World) {
    let client = world.client("acme-1");
    world.inject(Fault::new("*.create", FaultKind::SoldOut).once());
    let outcome = client.create(&world.spec()).await.map(|_| ());
    assert!(is_rejected(&outcome, Rejection::Capacity), "{outcome:?}");
}

async fn nothing_listens_so_nothing_was_sent(world: World) {
    let client = world.client_at(&support::closed_port(), "acme-1", ProviderId::new());
    let server = ServerRef("4711".to_owned());
    for outcome in [client.delete(&server).await, client.power(&server, PowerAction::Stop).await] {
        assert!(matches!(outcome, Err(UpstreamError::Transient { .. })), "{outcome:?}");
    }
}

async fn reads_survive_passing_failures(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    let faults = [
        Fault::new("*.get", FaultKind::RateLimited).with_retry_after(1),
        Fault::new("*.get", FaultKind::Error),
        Fault::new("*.get", FaultKind::Error).with_status(503),
        Fault::new("*.get", FaultKind::HtmlError),
        Fault::new("*.get", FaultKind::HtmlError).with_status(400),
        Fault::new("*.get", FaultKind::CutBefore),
        Fault::new("*.get", FaultKind::MalformedJson),
    ];
    for fault in faults {
        let sent = world.sent("get");
        world.inject(fault.clone().once());
        assert_eq!(client.get(&server).await.map(|found| found.id), Ok(server.clone()), "{fault:?}");
        assert_eq!(world.sent("get") - sent, 2, "{fault:?}");
    }
}

async fn reads_give_up_in_time(world: World) {
    let patient = world.client("acme-1");
    let server = world.running_server(&patient).await;
    world.inject(Fault::new("*.get", FaultKind::HtmlError));
    let sent = world.sent("get");
    let outcome = patient.get(&server).await;
    assert!(matches!(outcome, Err(UpstreamError::Transient { .. })), "{outcome:?}");
    assert_eq!(world.sent("get") - sent, 3, "asked once and repeated twice");

    world.simulator.clear_faults();
    world.inject(Fault::new("*.get", FaultKind::Slow).with_delay_ms(60_000));
    let outcome = tokio::time::timeout(support::PATIENCE, world.hasty_client().get(&server)).await.unwrap();
    assert!(matches!(outcome, Err(UpstreamError::Transient { .. })), "{outcome:?}");
}

async fn a_long_wait_is_handed_on(world: World) {
    let client = world.client("acme-1");
    let server = world.running_server(&client).await;
    world.inject(Fault::new("*.get", FaultKind::RateLimited).with_retry_after(600));
    let sent = world.sent("get");
    let outcome = client.get(&server).await;
    let Err(UpstreamError::Transient { retry_after: Some(wait), .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((wait.as_secs(), world.sent("get") - sent), (600, 1));
    let next = client.get(&server).await;
    assert!(matches!(next, Err(UpstreamError::Transient { retry_after: Some(_), .. })), "{next:?}");
    assert_eq!(world.sent("get") - sent, 1, "the vendor is left alone meanwhile");
}

async fn a_low_budget_holds_back_what_matters_least(world: World) {
    let client = world.client("acme-1");
    let spec = world.spec();
    world.simulator.set_rate_limit(world.general_limit(), 10);
    let mut admitted = 0;
    let held_back = loop {
        match client.list().await {
            Ok(_) => admitted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(held_back, UpstreamError::Transient { retry_after: Some(_), .. }), "{held_back:?}");
    assert_eq!((admitted, world.sent("list")), (8, 8), "held back without being sent");
    assert_eq!(client.find_by_tag(&spec.tag).await.unwrap().len(), 0, "a person's wish goes through");
    let other = world.client_at(&world.url(), "other-1", ProviderId::new());
    assert!(other.list().await.is_ok(), "accounts have budgets of their own");
}

/// Labels are unique at Linode: the same order twice is the same server.
#[tokio::test]
async fn linode_answers_a_repeated_create_with_the_first_server() {
    let world = World::start(domain::provider::ProviderKind::Linode).await;
    let client = world.client("acme-1");
    let spec = world.spec();
    let first = client.create(&spec).await.unwrap();
    let second = client.create(&spec).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(world.alive().len(), 1);
}

/// Names may repeat at DigitalOcean: twins are found by the tag, the oldest first.
#[tokio::test]
async fn digitalocean_twins_are_found_oldest_first() {
    let world = World::start(domain::provider::ProviderKind::DigitalOcean).await;
    let client = world.client("acme-1");
    let spec = world.spec();
    let first = client.create(&spec).await.unwrap();
    world.settle();
    let second = client.create(&spec).await.unwrap();
    let found: Vec<_> =
        client.find_by_tag(&spec.tag).await.unwrap().into_iter().map(|server| server.id).collect();
    assert_eq!(found, [first.id, second.id]);
    assert_eq!(world.sent("key_create"), 1, "a key is registered once");
}
