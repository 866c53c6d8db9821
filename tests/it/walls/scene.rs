//! An installation in which the organization *acme* has one of everything, and a door to knock at.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use app::Caller;
use app::identity::{create_api_key, suspend};
use app::wallet::{NewVouchers, create_vouchers};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::Utc;
use domain::identity::Role;
use domain::payment::{AutoTerms, Threshold};
use domain::wallet::Code;
use domain::{Money, UserId};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use testkit::{Panel, RunningWorker};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;
use uuid::Uuid;
use web::{Options, WebState};

use super::people::{By, Person};
use super::routes::Route;

/// The installation.
pub(super) struct Scene {
    pub(super) panel: Panel,
    pub(super) acme: Caller,
    router: Router,
    _stop: DropGuard,
}

/// What was said in words: a PDF is compressed, and its page says the same.
fn text_of(headers: &HeaderMap, bytes: Vec<u8>) -> String {
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if kind == "application/pdf" && bytes.starts_with(b"%PDF") => String::new(),
        _ => String::from_utf8(bytes).unwrap(),
    }
}

/// What was said. The body of an event stream, which has no end, is left out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Scene {
    /// Acme has ordered, paid and connected; nobody works on what is asked from here on.
    pub(super) async fn set() -> Self {
        let (scene, worker) = Self::at_work().await;
        worker.stop().await;
        scene
    }

    /// The same, with a worker that goes on.
    pub(super) async fn at_work() -> (Self, RunningWorker) {
        let panel = Panel::start().await;
        let worker = panel.worker();
        let acme = panel.customer("acme").await;
        panel.member(&acme, "mia", Role::Member).await;
        panel.member(&acme, "sue", Role::Owner).await;
        let sue = UserId(panel.fetch("select id from users where name = 'sue'").await);
        suspend(&panel.app, &panel.operator().await, sue).await.unwrap();
        let other = panel.customer("other").await;
        panel.fund(&acme, "5000.00").await;
        panel.fund(&other, "500.00").await;
        panel.top_up(&acme, "50.00").await;
        let threshold = Threshold::Amount("0.01".parse().unwrap());
        let (amount, ceiling) = ("25.00".parse().unwrap(), "100.00".parse().unwrap());
        panel.agree(&acme, AutoTerms { threshold, amount, ceiling }).await;
        create_api_key(&panel.app, &acme, "acme ci").await.unwrap();
        panel.give_and_take(&acme).await;
        panel.active(&acme, "harbor", "acme-web").await;
        panel.documents(&acme).await;
        panel.until_idle().await;
        // Copies of a VPS are not in the books; what deleting them takes off must be there.
        panel.execute("update wallets set burn_micros = burn_micros + 10000000 where sequence > 1").await;
        let stop = CancellationToken::new();
        let options = Options { metrics_token: Some("known to nobody".into()), ..Options::default() };
        let router = web::router(WebState::new(panel.app.clone(), options, stop.clone()));
        (Self { panel, acme, router, _stop: stop.drop_guard() }, worker)
    }

    /// Knocks as somebody: at a thing of acme's made for this one knock, with what the route takes.
    pub(super) async fn knock(&self, route: &Route, person: Person, by: By) -> Answer {
        let target = route.target(self).await;
        let (content_type, body) = route.body(self, person, &target).await;
        self.send(
            route.method.as_str(),
            &target.path,
            Some(person.shows(by, &self.panel).await),
            content_type,
            body,
        )
        .await
    }

    /// Sends a form of one's own.
    pub(super) async fn tell(&self, route: &Route, person: Person, form: String) -> Answer {
        let target = route.target(self).await;
        let shown = Some(person.shows(By::Session, &self.panel).await);
        self.send(&route.method, &target.path, shown, route.content_type(), form).await
    }

    /// Knocks as the owner with a body that makes no sense.
    pub(super) async fn nonsense(&self, route: &Route, body: &str) -> Answer {
        let target = route.target(self).await;
        let shown = Some(Person::Owner.shows(By::Session, &self.panel).await);
        self.send(&route.method, &target.path, shown, route.content_type(), body.to_owned()).await
    }

    /// What the stream of acme's events tells after a position, up to the newest.
    pub(super) async fn events(&self, after: &str, person: Person) -> String {
        let newest = "select xid::text || '-' || id from events where organization_id = '{}' order by xid desc, id desc limit 1";
        let newest: String =
            self.panel.fetch(newest.replace("{}", &self.acme.organization_id().to_string())).await;
        let (name, value) = person.shows(By::Session, &self.panel).await;
        let request = Request::get(format!("/events?after={after}")).header(name, value).body(Body::empty());
        let mut body =
            self.router.clone().oneshot(request.unwrap()).await.unwrap().into_body().into_data_stream();
        let mut told = String::new();
        while !told.contains(&newest) {
            told += std::str::from_utf8(&body.next().await.expect("the stream goes on").unwrap()).unwrap();
        }
        told
    }

    /// Looks at an address as somebody with a session.
    pub(super) async fn look(&self, path: &str, person: Person) -> Answer {
        self.send("GET", path, Some(person.shows(By::Session, &self.panel).await), "text/html", String::new())
            .await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        shown: Option<(header::HeaderName, String)>,
        content_type: &str,
        body: String,
    ) -> Answer {
        // From somewhere else each time: the limits per address are not what is looked at.
        let from: IpAddr = Ipv6Addr::from(Uuid::new_v4().as_u128()).into();
        let mut request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content_type);
        if let Some((name, value)) = shown {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((from, 4711))));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let is_stream =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let bytes = if is_stream { Vec::new() } else { to_bytes(body, 1 << 24).await.unwrap().to_vec() };
        let text = text_of(&parts.headers, bytes);
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A document of acme's.
    pub(super) async fn document(&self, kind: &str) -> Uuid {
        let organization = self.acme.organization_id();
        self.panel
            .fetch(format!("select id from documents where kind = '{kind}' and organization_id = '{organization}' limit 1"))
            .await
    }

    /// A job that was given up.
    pub(super) async fn dead_job(&self) -> i64 {
        let id = self.panel.enqueue("housekeeping", &Value::Null).await;
        self.panel
            .execute(format!("update jobs set state = 'dead', finished_at = now() where id = {id}"))
            .await;
        id
    }

    /// A price of the plan *large* that is to come.
    pub(super) async fn scheduled_price(&self) -> Uuid {
        let present = self.panel.price_in_force("large").await;
        let then = json!({ "created_at": Utc::now(), "effective_at": "2099-01-01T00:00:00Z" });
        self.panel.copy("price_versions", present.0, then).await
    }

    /// A form that moves a VPS of acme's, which was sold the plan *large* earlier, to the price in force.
    pub(super) async fn wish_to_move(&self) -> String {
        let present = self.panel.price_in_force("large").await;
        self.panel.execute("delete from vps_price_moves where state = 'announced'").await;
        let old = json!({ "created_at": "2020-01-01T00:00:00Z", "effective_at": "2020-01-01T00:00:00Z" });
        let old = self.panel.copy("price_versions", present.0, old).await;
        let name = Uuid::new_v4().simple().to_string();
        let plan = self.panel.plan("large").await;
        let vps =
            json!({ "name": name, "provider_server_id": name, "plan_id": plan, "price_version_id": old });
        self.copy_of_acme("vps_instances", vps).await;
        format!("version={present}&moves_at=")
    }

    /// A move of the plan *large* to another price that is to come.
    pub(super) async fn announced_move(&self) -> Uuid {
        let present = self.panel.price_in_force("large").await;
        self.panel
            .fetch(format!(
                "insert into price_moves (id, plan_id, region_id, price_version_id, moves_at, created_by)
                select gen_random_uuid(), plan_id, region_id, id, now() + interval '40 days', '{{\"kind\": \"system\"}}'
                from price_versions where id = '{present}' returning id"
            ))
            .await
    }

    /// Vouchers of which each is worth something once.
    pub(super) async fn voucher(&self) -> Code {
        let amount = Money::from_micros(1_000_000);
        let new = NewVouchers { name: "Fair", count: 1, amount, valid_until: None, days: None };
        create_vouchers(&self.panel.app, &self.panel.operator().await, new).await.unwrap().1.remove(0)
    }

    /// The oldest row of acme's in a table.
    pub(super) async fn of_acme(&self, table: &str) -> Uuid {
        let organization = self.acme.organization_id();
        let oldest = format!(
            "select id from {table} where organization_id = '{organization}' order by created_at, id limit 1"
        );
        self.panel.fetch(oldest).await
    }

    /// The oldest row of acme's in a table, once more, with another id and these changes.
    pub(super) async fn copy_of_acme(&self, table: &str, changes: Value) -> Uuid {
        let template = self.of_acme(table).await;
        self.panel.copy(table, template, changes).await
    }
}
