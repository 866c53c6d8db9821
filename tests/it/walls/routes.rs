//! Every route: at which thing of acme's it is called, and with what body.

use domain::catalog::Markup;
use serde_json::{Value, json};
use store::SystemPurpose;
use testkit::{IMAGE, PASSWORD, REGION};
use uuid::Uuid;
use web::Access;

use super::people::Person;
use super::scene::Scene;

/// A route of the pages or an operation of the API.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: String,
    /// With `{placeholders}`.
    pub(super) path: String,
    /// May everybody call it?
    pub(super) is_public: bool,
    /// What callers need, as the route itself says.
    pub(super) permission: Option<String>,
}

/// An address with ids of acme's, and the name of what is there if it has one.
pub(super) struct Target {
    pub(super) path: String,
    name: String,
}

/// What a browser sends.
const FORM: &str = "application/x-www-form-urlencoded";

/// All of them: pages and streams as the router lists them, operations as the API's document does.
pub(super) async fn all(scene: &Scene) -> Vec<Route> {
    let pages = web::routes().into_iter().map(|route| Route {
        method: route.method.to_owned(),
        path: route.path.to_owned(),
        is_public: route.access == Access::Public,
        permission: match route.access {
            Access::Member(permission) => Some(permission.to_string()),
            Access::Public | Access::SignedIn | Access::Operator | Access::Monitor => None,
        },
    });
    pages.chain(operations(scene).await).collect()
}

async fn operations(scene: &Scene) -> Vec<Route> {
    let document = scene.look("/api/openapi.json", Person::Nobody).await.text;
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push(Route {
                method: method.to_uppercase(),
                path: path.clone(),
                is_public: operation["security"].as_array().is_some_and(Vec::is_empty),
                permission: operation["security"][0]["api_key"][0].as_str().map(str::to_owned),
            });
        }
    }
    found
}

/// A key nobody else has.
fn public_key() -> String {
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO{}AAAAAAAAAA laptop", Uuid::new_v4().simple())
}

/// A name nothing has yet.
fn new_name() -> String {
    format!("new-{}", Uuid::new_v4().simple())
}

/// A digest nobody knows what of.
fn digest() -> String {
    format!("\\x{0}{0}", Uuid::new_v4().simple())
}

impl Route {
    pub(super) fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    pub(super) fn is_for_operators(&self) -> bool {
        self.path.starts_with("/operator") || self.path.starts_with("/api/v1/operator")
    }

    /// The path below `/api/v1`, or of the page.
    fn resource(&self) -> &str {
        self.path.strip_prefix("/api/v1").unwrap_or(&self.path)
    }

    /// What kind of body it takes.
    pub(super) fn content_type(&self) -> &'static str {
        if self.is_api() && self.method != "GET" { "application/json" } else { FORM }
    }

    /// Its address at everything that acme has.
    pub(super) async fn addresses(&self, scene: &Scene) -> Vec<String> {
        let table = match self.resource().split_once("/{") {
            None => return vec![self.path.clone()],
            Some(("/problems", _)) => return vec!["/problems/not_found".to_owned()],
            Some(("/vps", _)) if self.path.contains("{action_id}") => "vps_actions",
            Some(("/vps", _)) => "vps_instances",
            Some(("/ssh-keys", _)) => "ssh_keys",
            Some(("/wallet/top-ups" | "/top-ups", _)) => "top_ups",
            Some(("/billing/documents" | "/receipts" | "/credit-notes" | "/statements", _)) => "documents",
            Some(("/credits", _)) => "credits",
            Some(("/wallet/transactions", _)) => "ledger_transactions",
            Some((other, _)) => panic!("say in which table {other}/{{id}} is"),
        };
        let (id, action) = match table {
            "vps_actions" => ("vps_id", "id"),
            _ => ("id", "null"),
        };
        let organization = scene.acme.organization_id();
        let path = &self.path;
        scene
            .panel
            .fetch_all(format!(
                "select replace(replace('{path}', '{{id}}', {id}::text), '{{action_id}}', coalesce({action}::text, ''))
                from {table} where organization_id = '{organization}'"
            ))
            .await
    }

    /// The address of a thing of acme's that was made just now.
    pub(super) async fn target(&self, scene: &Scene) -> Target {
        let name = format!("acme-{}", Uuid::new_v4().simple());
        if !self.path.contains('{') {
            return Target { path: self.path.clone(), name };
        }
        let resource = self.resource();
        let (below, _) = resource.split_once("/{").unwrap();
        let of_nobody = match below {
            "/problems" => Some("not_found".to_owned()),
            "/operator/jobs" => Some(scene.dead_job().await.to_string()),
            "/operator/campaigns" => {
                scene.voucher().await;
                Some(
                    scene
                        .panel
                        .fetch::<Uuid>("select id from campaigns order by id desc limit 1")
                        .await
                        .to_string(),
                )
            }
            _ => None,
        };
        if let Some(id) = of_nobody {
            let placeholder = self.path.find('{').unwrap()..=self.path.find('}').unwrap();
            let mut path = self.path.clone();
            path.replace_range(placeholder, &id);
            return Target { path, name };
        }
        let id = match below {
            "/vps" => {
                scene.copy_of_acme("vps_instances", json!({ "name": name, "provider_server_id": name })).await
            }
            "/ssh-keys" => scene.copy_of_acme("ssh_keys", json!({ "fingerprint": name })).await,
            "/wallet/top-ups" | "/top-ups" => {
                let awaiting = json!({ "state": "awaiting_approval", "order_ref": name, "capture_ref": null,
                    "approve_url": "https://pay.example/approve" });
                scene.copy_of_acme("top_ups", awaiting).await
            }
            "/credits" => scene.of_acme("credits").await,
            "/operator/adjustments" => {
                let pending =
                    json!({ "state": "pending", "decided_at": null, "requested_by": Uuid::new_v4() });
                scene.copy_of_acme("adjustments", pending).await
            }
            "/settings/api-keys" | "/api-keys" => {
                scene.copy_of_acme("api_keys", json!({ "digest": digest() })).await
            }
            "/settings/sessions" => scene.copy_of_acme("sessions", json!({ "digest": digest() })).await,
            "/billing/documents" | "/operator/documents" | "/receipts" => scene.document("receipt").await,
            "/credit-notes" => scene.document("credit_note").await,
            "/statements" => scene.document("statement").await,
            "/operator/organizations" => scene.acme.organization_id().0,
            "/wallet/transactions" | "/operator/transactions" => scene.of_acme("ledger_transactions").await,
            "/operator/people" => {
                scene.copy_of_acme("users", json!({ "email": format!("{name}@example.com") })).await
            }
            "/operator/providers" => {
                let harbor = scene.panel.fetch("select id from providers where name = 'Harbor'").await;
                scene.panel.copy("providers", harbor, json!({ "name": name })).await
            }
            "/operator/plans" => scene.panel.fetch("select id from plans where slug = 'large'").await,
            "/operator/mails" => {
                scene
                    .copy_of_acme(
                        "mails",
                        json!({ "dedupe": name, "message_id": name, "state": "failed",
                    "sent_at": null, "context_sealed": "sealed" }),
                    )
                    .await
            }
            other => panic!("say what of acme's {other}/{{id}} is"),
        };
        let mut path = self.path.replace("{id}", &id.to_string());
        if path.contains("{action_id}") {
            let action = scene.copy_of_acme("vps_actions", json!({ "vps_id": id })).await;
            path = path.replace("{action_id}", &action.to_string());
        }
        assert!(!path.contains('{'), "say what else of acme's {path} is about");
        Target { path, name }
    }

    /// What the route takes, so that nothing but the person can be wrong with it. Things named in it are acme's.
    pub(super) async fn body(
        &self,
        scene: &Scene,
        person: Person,
        target: &Target,
    ) -> (&'static str, String) {
        let body = match (self.method.as_str(), self.is_api()) {
            ("GET" | "DELETE", _) => String::new(),
            (_, true) => self.json(scene).await.to_string(),
            (_, false) => self.form(scene, person, target).await,
        };
        (self.content_type(), body)
    }

    async fn json(&self, scene: &Scene) -> Value {
        match self.resource() {
            "/vps" => json!({ "name": new_name(), "plan": "small", "region": REGION, "image": IMAGE,
                "ssh_keys": [scene.of_acme("ssh_keys").await] }),
            "/vps/{id}/actions" => json!({ "type": "reboot" }),
            "/ssh-keys" => json!({ "public_key": public_key() }),
            "/top-ups" => json!({ "amount": "25.00" }),
            "/billing-profile" => json!({ "name": "Example GmbH", "address": "Hauptstr. 1", "country": "DE",
                "vat_number": "DE123456789", "email": "books@example.com" }),
            "/auto-top-up" => {
                json!({ "threshold_hours": 72, "amount": "25.00", "monthly_ceiling": "100.00" })
            }
            "/credits" => json!({ "code": scene.voucher().await.to_string() }),
            "/top-ups/{id}/capture" | "/auto-top-up/confirm" => json!({}),
            "/api-keys" => json!({ "name": "ci" }),
            other => panic!("say what {} {other} takes", self.method),
        }
    }

    async fn form(&self, scene: &Scene, person: Person, target: &Target) -> String {
        let word = Uuid::new_v4().simple().to_string();
        let password = PASSWORD.replace(' ', "+");
        match self.path.as_str() {
            "/sign-in" => format!("email={}&password={password}", person.email()),
            "/sign-up" => format!("name=New&organization=New&email={word}@example.com&password={password}"),
            "/theme" => "theme=dark".to_owned(),
            "/settings/api-keys" => "name=ci".to_owned(),
            "/vps" => {
                let price = "select c.id from current_prices c join plans p on p.id = plan_id
                    join regions r on r.id = region_id where p.slug = 'small' and r.slug = ";
                let price: Uuid = scene.panel.fetch(format!("{price} '{REGION}'")).await;
                let key = scene.of_acme("ssh_keys").await;
                format!(
                    "region={REGION}&image={IMAGE}&plan=small&name={}&ssh_key={key}&price_version={price}&order_key={word}",
                    new_name()
                )
            }
            "/vps/{id}/power" => "action=reboot".to_owned(),
            "/vps/{id}/delete" => format!("confirm={}", target.name),
            "/ssh-keys" => format!("public_key={}", public_key().replace(' ', "+")),
            "/wallet/top-ups" => "amount=25.00".to_owned(),
            "/wallet/auto-top-up" => "by=hours&threshold=72&amount=25.00&monthly_ceiling=100.00".to_owned(),
            "/billing/details" => {
                "name=Example+GmbH&address=Hauptstr.+1&country=DE&vat_number=&email=".to_owned()
            }
            "/operator/taxes" => {
                format!("country=DE&percent=19&effective_on={}", chrono::Utc::now().date_naive())
            }
            "/wallet/credits" => format!("code={}", scene.voucher().await),
            "/operator/organizations/{id}/credits" => format!("amount=1.00&reason=test&form_key={word}"),
            "/operator/organizations/{id}/adjustments" => format!("amount=1.00&reason=test&form_key={word}"),
            "/operator/campaigns" => format!("name={word}&amount=1.00&code={word}"),
            "/operator/campaigns/vouchers" => format!("name={word}&amount=1.00&count=2"),
            "/webhooks/payments" => format!(r#"{{"id":"WH-{word}"}}"#),
            "/operator/organizations/{id}/refunds" => {
                let organization = scene.acme.organization_id();
                let paid = "select id from top_ups where state = 'completed' and order_ref is not null and organization_id = ";
                let paid: Uuid =
                    scene.panel.fetch(format!("{paid} '{organization}' order by id limit 1")).await;
                format!("top_up={paid}&amount=1.00&reason=test")
            }
            "/operator/providers" => {
                format!(
                    "kind=linode&name={word}&token={word}-1&base_url={}",
                    scene.panel.simulator.linode_url()
                )
            }
            "/operator/providers/{id}/rotate" => "token=harbor-2".to_owned(),
            "/operator/plans" => format!("size=1-1024-25-shared&name={word}&markup_percent=25"),
            "/operator/plans/{id}/prices" => {
                let plan = target.path.split('/').nth(3).unwrap().parse().unwrap();
                let markup = Markup { basis_points: 3_000, ..Markup::default() };
                let mut db = scene.panel.store.system_read(SystemPurpose::Operator).await.unwrap();
                let seen = app::catalog::draft(&mut db, plan, markup).await.unwrap().seen;
                format!("markup_percent=30&seen={seen}")
            }
            "/operator/plans/{id}/prices/withdraw" => format!("version={}", scene.scheduled_price().await),
            "/operator/plans/{id}/moves" => scene.wish_to_move().await,
            "/operator/plans/{id}/moves/cancel" => format!("move={}", scene.announced_move().await),
            "/operator/plans/{id}/active" => "active=true".to_owned(),
            "/operator/organizations/{id}/limits" => {
                "subject=organization&requests=100&seconds=60&days=7&reason=test".to_owned()
            }
            "/operator/organizations/{id}/terms" => "credit_limit=0&retention_hours=100".to_owned(),
            "/operator/organizations/{id}/limits/restore" => {
                let limits: Vec<Uuid> = scene.panel.fetch_all("select id from limit_overrides").await;
                format!("limit={}", limits.first().copied().unwrap_or_default())
            }
            "/confirm-email" => format!("token={word}"),
            "/sign-out"
            | "/settings/confirm-email"
            | "/wallet/auto-top-up/off"
            | "/operator/campaigns/{id}/disable"
            | "/operator/adjustments/{id}/approve"
            | "/operator/adjustments/{id}/reject"
            | "/operator/mails/{id}/resend"
            | "/operator/jobs/{id}/retry"
            | "/operator/jobs/{id}/discard"
            | "/settings/api-keys/{id}/revoke"
            | "/settings/sessions/{id}/revoke"
            | "/ssh-keys/{id}/delete"
            | "/operator/people/{id}/suspend"
            | "/operator/people/{id}/resume"
            | "/operator/providers/{id}/validate"
            | "/operator/providers/{id}/disable"
            | "/operator/providers/{id}/enable" => String::new(),
            other => panic!("say what {} {other} takes", self.method),
        }
    }
}
