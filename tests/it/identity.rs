//! Signing up and in, keys, roles, and the limits on guessing.

use std::net::IpAddr;

use app::identity::{
    Credential, NewOrganization, SignIn, by_session, create_api_key, identify, resume, revoke_api_key,
    revoke_session, sign_in, sign_out, sign_up, suspend,
};
use app::{Caller, Error};
use domain::billing::Party;
use domain::identity::Role;
use domain::payment::{AutoTerms, Threshold};
use domain::vps::PowerRequest;
use secrecy::{ExposeSecret as _, SecretString};
use store::billing::profile::Profile;
use testkit::{OPERATOR_EMAIL, PASSWORD, PUBLIC_KEY, Panel};

fn form<'a>(email: &'a str, password: &'a SecretString) -> NewOrganization<'a> {
    NewOrganization {
        organization: "Acme",
        name: "Ann",
        email,
        password,
        address: None,
        user_agent: Some("test"),
    }
}

async fn attempt(panel: &Panel, email: &str, password: &str, from: &str) -> Result<SecretString, Error> {
    let address: Option<IpAddr> = Some(from.parse().unwrap());
    let attempt = SignIn { email, password: &password.into(), address, user_agent: None };
    sign_in(&panel.app, attempt).await.map(|session| session.token)
}

async fn by_api_key(panel: &Panel, key: &SecretString) -> Option<store::identity::Known> {
    let found = identify(&panel.app, Credential::ApiKey(key.expose_secret())).await.unwrap();
    found.map(|(known, _)| known)
}

#[tokio::test]
async fn a_sign_up_makes_organization_owner_wallet_and_session() {
    let panel = Panel::start().await;
    let session = sign_up(&panel.app, form(" Ann@Example.com", &PASSWORD.into())).await.unwrap();
    let known = by_session(&panel.app, session.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!((known.email.as_str(), known.organization_name.as_str()), ("ann@example.com", "Acme"));
    assert_eq!((known.identity.role, known.identity.platform_role), (Role::Owner, None));
    let caller = Caller::new(&known, None);
    assert_eq!(panel.balances(&caller).await.available, 0);
    let trail = format!(
        "select count(*) from activity_logs where action = 'organization.created' and organization_id = '{}'",
        caller.organization_id()
    );
    assert_eq!(panel.fetch::<i64>(trail).await, 1);
    assert!(matches!(caller.operator(), Err(Error::NotFound)), "customers are no operators");
    let kept = "select count(*) from users where password_hash like '%correct horse%'";
    assert_eq!(panel.fetch::<i64>(kept).await, 0);
}

#[tokio::test]
async fn a_sign_up_with_a_taken_address_or_nonsense_is_refused_and_leaves_nothing() {
    let panel = Panel::start().await;
    let good = SecretString::from(PASSWORD);
    sign_up(&panel.app, form("ann@example.com", &good)).await.unwrap();
    let organizations: i64 = panel.fetch("select count(*) from organizations").await;
    for (email, password) in [("ANN@example.com", PASSWORD), ("ann", PASSWORD), ("bob@example.com", "short")]
    {
        let refused = sign_up(&panel.app, form(email, &password.into())).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{email}");
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from organizations").await, organizations);
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited() {
    let panel = Panel::start().await;
    for n in 0..10 {
        let refused = sign_up(&panel.app, form(&format!("no-{n}"), &PASSWORD.into())).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "email", .. })));
    }
    let refused = sign_up(&panel.app, form("ann@example.com", &PASSWORD.into())).await;
    assert!(matches!(refused, Err(Error::TooManyRequests { .. })));
}

#[tokio::test]
async fn the_right_password_signs_in_and_the_wrong_one_says_no_more_than_no() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    assert!(attempt(&panel, "acme@example.com", PASSWORD, "192.0.2.1").await.is_ok());
    for (email, password) in [("acme@example.com", "wrong horse"), ("nobody@example.com", PASSWORD), ("", "")]
    {
        let refused = attempt(&panel, email, password, "192.0.2.1").await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{email}");
    }
    let noted =
        "select count(*) from activity_logs where action = 'user.sign_in_refused' and address = '192.0.2.1'";
    assert_eq!(panel.fetch::<i64>(noted).await, 1);
}

#[tokio::test]
async fn guessing_at_one_account_is_throttled_wherever_it_comes_from() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    for n in 0..10 {
        let refused = attempt(&panel, "acme@example.com", "wrong horse", &format!("192.0.2.{n}")).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)));
    }
    let refused = attempt(&panel, "ACME@example.com", PASSWORD, "192.0.2.99").await;
    let Err(Error::TooManyRequests { retry_after }) = refused else { panic!("{refused:?}") };
    assert!((1..=30).contains(&retry_after.as_secs()), "{retry_after:?}");
    assert!(
        attempt(&panel, OPERATOR_EMAIL, PASSWORD, "192.0.2.99").await.is_ok(),
        "others are not concerned"
    );
}

#[tokio::test]
async fn guessing_from_one_address_is_throttled_whatever_the_account() {
    let panel = Panel::start().await;
    panel
        .execute(
            "insert into rate_buckets values ('sign-in:address:192.0.2.1', now() + interval '87 seconds')",
        )
        .await;
    let first = attempt(&panel, "a@example.com", "wrong horse", "192.0.2.1").await;
    assert!(matches!(first, Err(Error::Unauthenticated)), "the 30th");
    let refused = attempt(&panel, "b@example.com", "wrong horse", "192.0.2.1").await;
    assert!(matches!(refused, Err(Error::TooManyRequests { .. })), "the 31st");
    let elsewhere = attempt(&panel, "b@example.com", "wrong horse", "192.0.2.2").await;
    assert!(matches!(elsewhere, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn a_session_ends_when_it_is_revoked_unused_or_its_person_is_suspended() {
    let panel = Panel::start().await;
    let endings = [
        "update sessions set last_used_at = now() - interval '8 days'",
        "update sessions set expires_at = now()",
        "update users set suspended_at = now()",
    ];
    for (n, ending) in endings.into_iter().enumerate() {
        panel.customer(&format!("c{n}")).await;
        let token = attempt(&panel, &format!("c{n}@example.com"), PASSWORD, "192.0.2.1").await.unwrap();
        assert!(by_session(&panel.app, token.expose_secret()).await.unwrap().is_some());
        panel.execute(ending).await;
        assert!(by_session(&panel.app, token.expose_secret()).await.unwrap().is_none(), "{ending}");
    }
    assert!(
        attempt(&panel, "c0@example.com", PASSWORD, "192.0.2.1").await.is_err(),
        "suspended people stay out"
    );
}

#[tokio::test]
async fn whom_an_operator_suspends_is_out_until_they_are_let_in_again() {
    let panel = Panel::start().await;
    let (owner, operator) = (panel.customer("acme").await, panel.operator().await);
    panel.member(&owner, "mia", Role::Owner).await;
    let token = attempt(&panel, "mia@example.com", PASSWORD, "192.0.2.1").await.unwrap();
    let known = by_session(&panel.app, token.expose_secret()).await.unwrap().unwrap();
    let (_, key) = create_api_key(&panel.app, &Caller::new(&known, None), "ci").await.unwrap();
    let mia = known.identity.user_id;
    let is_in = async || {
        let session = by_session(&panel.app, token.expose_secret()).await.unwrap().is_some();
        let program = by_api_key(&panel, &key).await.is_some();
        let password = attempt(&panel, "mia@example.com", PASSWORD, "192.0.2.1").await.is_ok();
        (session, program, password)
    };

    for _ in 0..2 {
        assert_eq!(suspend(&panel.app, &operator, mia).await.unwrap(), owner.organization_id());
    }
    assert_eq!(is_in().await, (false, false, false));
    assert!(attempt(&panel, "acme@example.com", PASSWORD, "192.0.2.1").await.is_ok(), "others stay");
    resume(&panel.app, &operator, mia).await.unwrap();
    assert_eq!(is_in().await, (false, true, true), "the old session is over");

    let trail = "select array_agg(action order by id) from activity_logs
        where action in ('user.suspended', 'user.resumed') and organization_id is not null and actor_kind = 'user'";
    assert_eq!(panel.fetch::<Vec<String>>(trail).await, ["user.suspended", "user.resumed"], "once each");
    let olga = panel.sign_in(OPERATOR_EMAIL).await.identity.user_id;
    assert_eq!(suspend(&panel.app, &operator, olga).await.unwrap_err().code(), "operator");
    assert!(matches!(suspend(&panel.app, &operator, domain::UserId::new()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn signing_out_ends_that_session_alone() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let token = attempt(&panel, "acme@example.com", PASSWORD, "192.0.2.1").await.unwrap();
        sessions.push((by_session(&panel.app, token.expose_secret()).await.unwrap().unwrap(), token));
    }
    let caller = Caller::new(&sessions[0].0, None);
    sign_out(&panel.app, &caller, sessions[0].0.session_id.unwrap()).await.unwrap();
    revoke_session(&panel.app, &caller, sessions[1].0.session_id.unwrap()).await.unwrap();
    let mut open = Vec::new();
    for (_, token) in &sessions {
        open.push(by_session(&panel.app, token.expose_secret()).await.unwrap().is_some());
    }
    assert_eq!(open, [false, false, true]);
}

#[tokio::test]
async fn an_api_key_works_until_it_is_revoked_and_is_no_operator() {
    let panel = Panel::start().await;
    let owner = panel.sign_in(OPERATOR_EMAIL).await;
    let (id, key) = create_api_key(&panel.app, &owner, "ci").await.unwrap();
    let known = by_api_key(&panel, &key).await.unwrap();
    assert!(Caller::new(&known, None).operator().is_err());
    assert!(by_session(&panel.app, key.expose_secret()).await.unwrap().is_none(), "a key is no session");
    let kept: i64 = panel
        .fetch(format!("select count(*) from api_keys k where k::text like '%{}%'", key.expose_secret()))
        .await;
    assert_eq!(kept, 0, "only the digest is kept");
    revoke_api_key(&panel.app, &owner, id).await.unwrap();
    assert!(by_api_key(&panel, &key).await.is_none());
    assert!(matches!(revoke_api_key(&panel.app, &owner, id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_member_may_look_and_switch_and_nothing_else() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let owner = panel.customer("acme").await;
    panel.fund(&owner, "20.00").await;
    let web = panel.active(&owner, "harbor", "web").await;
    let (key, _) = create_api_key(&panel.app, &owner, "ci").await.unwrap();
    let ssh_key = panel.ssh_key(&owner).await;
    let order = panel.new_vps(&owner, "small", "db").await;
    let member = panel.member(&owner, "mia", Role::Member).await;
    assert_eq!(member.organization_id(), owner.organization_id());

    app::vps::power(&panel.app, &member, web, PowerRequest::Stop).await.unwrap();
    let (app, password) = (&panel.app, PASSWORD.into());
    let amount = "25.00".parse().unwrap();
    let terms = AutoTerms { threshold: Threshold::Hours(72), amount, ceiling: amount };
    let nobody = Profile { party: Party::default(), email: None };
    let refused = [
        ("set automatic top-ups", app::payment::set_auto_top_up(app, &member, terms).await),
        ("ask for the payer's answer", app::payment::ask_for_answer(app, &member).await),
        ("turn automatic top-ups off", app::payment::turn_off_auto_top_up(app, &member).await),
        ("redeem a code", app::wallet::redeem(app, &member, "AUTUMN10", None).await.map(drop)),
        ("billing details", app::billing::set_profile(app, &member, &nobody).await),
        ("create", app::vps::create(app, &member, order, None).await.map(drop)),
        ("delete", app::vps::delete(app, &member, web).await),
        ("top up", app::payment::begin_top_up(app, &member, amount, None).await.map(drop)),
        ("add key", app::vps::ssh_key::add(app, &member, "k", PUBLIC_KEY).await.map(drop)),
        ("delete key", app::vps::ssh_key::delete(app, &member, ssh_key).await),
        ("make api key", create_api_key(app, &member, "k").await.map(drop)),
        ("revoke api key", revoke_api_key(app, &member, key).await),
        (
            "add member",
            app::identity::add_member(app, &member, "x", "x@example.com", &password, Role::Member)
                .await
                .map(drop),
        ),
    ];
    for (what, outcome) in refused {
        assert!(matches!(outcome, Err(Error::Forbidden)), "{what}: {outcome:?}");
    }
    assert!(member.operator().is_err());
}
