//! Queries confine themselves: with row security taken down, an organization reads what it read before and
//! changes nothing of another, whatever ids it comes by.

use app::Caller;
use app::wallet::{NewPromotion, create_promotion, redeem};
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use domain::billing::document::DocumentKind;
use domain::billing::{HeldFor, Meter, Party, Sold, Subject, Tariff, Tax, VatNumber};
use domain::catalog::{Price, Product};
use domain::identity::{Actor, Role};
use domain::payment::{AutoTerms, DisputeState, OffReason, RefundState, Threshold, TopUpState};
use domain::vps::{ActionKind, ActionState, Power, VpsState, Wanted};
use domain::wallet::{AdjustmentState, HoldState};
use domain::{
    AdjustmentId, ApiKeyId, AutoTopUpId, CreditId, DisputeId, DocumentId, LimitOverrideId, MeterId, Money,
    PriceMoveId, PriceVersionId, ProviderId, RefundId, RegionId, ResizeId, ResourceId, SessionId, SshKeyId,
    TopUpId, TransactionId, UserId, VpsActionId, VpsId,
};
use serde_json::json;
use store::billing::recompute::recompute;
use store::billing::resize::{self, Open, Raise, Running};
use store::billing::{NewMeter, document, hours, profile, resource, statement, tax, vat};
use store::catalog::moves::NewMove;
use store::vps::read as vps_read;
use store::wallet::explain::{self, Explained};
use store::{Exempt, SystemPurpose, activity, billing, catalog, identity, notify, payment, vps, wallet};
use testkit::Panel;
use uuid::Uuid;

use crate::tenancy::{TENANT_TABLES, two_full_organizations};

/// What belongs to the other organization, in the states in which a stray statement would find it.
struct Theirs {
    caller: Caller,
    user: UserId,
    session: SessionId,
    api_key: ApiKeyId,
    ssh_key: SshKeyId,
    limit: LimitOverrideId,
    /// Agreements about automatic top-ups: in force, just asked for, and over with the leave to charge still there.
    auto: AutoTopUpId,
    asked: AutoTopUpId,
    over: AutoTopUpId,
    top_up: TopUpId,
    /// Paid, with a receipt.
    paid: TopUpId,
    /// Just begun, by itself.
    begun: TopUpId,
    /// A receipt that a credit note corrects.
    document: DocumentId,
    credit: CreditId,
    /// Waits for a second operator.
    adjustment: AdjustmentId,
    /// Digest of a promotion's code that they redeemed and acme did not.
    code: identity::Digest,
    /// Something went back of it, and it is disputed.
    disputed: TopUpId,
    refund: RefundId,
    dispute: DisputeId,
    /// Ordered: nothing was done yet, money is held.
    ordered: VpsId,
    /// Its action, queued.
    action: VpsActionId,
    /// Active and paid.
    active: VpsId,
    /// Active, suspended for want of money.
    suspended: VpsId,
    /// A volume: active, active and unpaid, ordered, and active until their active VPS ends.
    volume: ResourceId,
    unpaid_volume: ResourceId,
    ordered_volume: ResourceId,
    /// The volume grows.
    resize: ResizeId,
    volume_meter: MeterId,
    larger_plan: PriceVersionId,
    provider: ProviderId,
    region: RegionId,
    /// The movement that paid its first hour.
    captured: Explained,
    /// Digest of the request of the idempotency key `k`, which both organizations used.
    request: identity::Digest,
}

impl Theirs {
    async fn of(panel: &Panel, caller: Caller) -> Self {
        let organization = caller.organization_id();
        let first = |table: &str| {
            panel.fetch::<Uuid>(format!(
                "select id from {table} where organization_id = '{organization}' order by id limit 1"
            ))
        };
        let active = first("vps_instances").await;
        let ordered = panel.order(&caller, "small", "bolt-new").await;
        let unpaid = json!({ "name": "bolt-unpaid", "provider_server_id": "x", "suspended_by": "unpaid",
            "suspended_at": "2020-01-01T00:00:00Z", "kept_until": "2020-01-08T00:00:00Z", "kept_told": 1 });
        let suspended = panel.copy("vps_instances", active, unpaid).await;
        let behind =
            json!({ "vps_id": suspended, "tariff": "at_cost", "paid_until": "2020-01-01T00:00:00Z" });
        panel.copy("meters", first("meters").await, behind).await;
        let volume = first("resources").await;
        let its = json!({ "name": "bolt-its", "vps_id": active });
        panel.copy("resources", volume, its).await;
        let unpaid = json!({ "name": "bolt-unpaid", "unpaid_at": "2020-01-01T00:00:00Z" });
        let unpaid_volume = panel.copy("resources", volume, unpaid).await;
        let price = format!("select price_version_id from resources where id = '{volume}'");
        let price = domain::PriceVersionId(panel.fetch(price).await);
        let ordered_volume = panel.order_resource(&caller, Product::Volume, (None, 7), price).await.unwrap();
        let larger = (Subject::Resource(ResourceId(volume)), (price, 30));
        let resize = panel.order_resize(&caller, larger.0, larger.1).await.unwrap();
        panel.publish_resource(Product::Backups, Some(panel.plan("small").await), (90, 60_000, 1), 0).await;
        let awaiting = json!({ "state": "awaiting_approval", "order_ref": "x", "capture_ref": null });
        let top_up = panel.copy("top_ups", first("top_ups").await, awaiting).await;
        let receipts = "select id, top_up_id from documents where kind = 'receipt' and organization_id =";
        let (document, paid): (Uuid, Uuid) =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{receipts} '{organization}' limit 1")))
                .fetch_one(panel.superuser())
                .await
                .unwrap();
        let auto = first("auto_top_ups").await;
        // They are there at once, which cannot be otherwise.
        panel.execute("drop index auto_top_ups_one").await;
        let asked =
            json!({ "state": "preparing", "token_sealed": null, "token_digest": null, "setup_ref": null });
        let asked = panel.copy("auto_top_ups", auto, asked).await;
        let over = json!({ "state": "off", "off_reason": "customer", "off_at": "2020-01-01T00:00:00Z",
            "setup_ref": null, "token_digest": format!("\\x{}", "01".repeat(32)) });
        let over = panel.copy("auto_top_ups", auto, over).await;
        let begun =
            json!({ "state": "created", "order_ref": "b", "capture_ref": null, "auto_top_up_id": auto });
        let begun = panel.copy("top_ups", first("top_ups").await, begun).await;
        panel.execute(format!("insert into idempotency_keys (organization_id, key, request_digest, effect)
            select organization_id, 'open', request_digest, effect from idempotency_keys where organization_id = '{organization}'")).await;
        let request: Vec<u8> =
            panel.fetch("select request_digest from idempotency_keys where key = 'k' limit 1").await;
        let action = format!("select id from vps_actions where vps_id = '{ordered}'");
        let pending = json!({ "state": "pending", "decided_at": null });
        let adjustment = panel.copy("adjustments", first("adjustments").await, pending).await;
        let offer = NewPromotion {
            name: "Autumn",
            code: "AUTUMN10",
            amount: Money::from_micros(1_000_000),
            valid_from: None,
            valid_until: None,
            days: None,
            redemptions_max: None,
            new_only: false,
        };
        create_promotion(&panel.app, &panel.operator().await, offer).await.unwrap();
        redeem(&panel.app, &caller, "AUTUMN10", None).await.unwrap();
        let code: Vec<u8> = panel.fetch("select digest from campaign_codes").await;
        for other in [
            "update auto_top_ups set threshold_micros = 9000000000, amount_micros = 26000000",
            "update billing_profiles set name = 'bolt', email = 'pay@bolt.example', vat_number = 'DE123456789'",
            "update top_ups set tax_basis_points = 700, tax_reason = 'standard'",
        ] {
            panel.execute(format!("{other} where organization_id = '{organization}'")).await;
        }
        let captured = format!("select id from ledger_transactions where key = 'capture:{active}'");
        let captured = TransactionId(panel.fetch(captured).await);
        let mut db = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
        let captured = explain::any_movement(&mut db, captured).await.unwrap().unwrap();
        drop(db);
        Self {
            caller,
            user: UserId(first("users").await),
            session: SessionId(first("sessions").await),
            api_key: ApiKeyId(first("api_keys").await),
            ssh_key: SshKeyId(first("ssh_keys").await),
            limit: LimitOverrideId(first("limit_overrides").await),
            auto: AutoTopUpId(auto),
            asked: AutoTopUpId(asked),
            over: AutoTopUpId(over),
            top_up: TopUpId(top_up),
            paid: TopUpId(paid),
            begun: TopUpId(begun),
            document: DocumentId(document),
            credit: CreditId(first("credits").await),
            adjustment: AdjustmentId(adjustment),
            code: code.try_into().unwrap(),
            disputed: TopUpId(first("top_ups").await),
            refund: RefundId(first("refunds").await),
            dispute: DisputeId(first("disputes").await),
            ordered,
            action: VpsActionId(panel.fetch(action).await),
            active: VpsId(active),
            suspended: VpsId(suspended),
            volume: ResourceId(volume),
            unpaid_volume: ResourceId(unpaid_volume),
            ordered_volume,
            resize,
            larger_plan: panel.price_in_force("large").await,
            volume_meter: MeterId(
                panel.fetch(format!("select id from meters where resource_id = '{volume}'")).await,
            ),
            provider: ProviderId(panel.fetch("select id from providers limit 1").await),
            region: panel.region().await,
            captured,
            request: request.try_into().unwrap(),
        }
    }

    /// Everything they have, as one digest.
    async fn digest(&self, panel: &Panel) -> String {
        let tables: Vec<String> = panel.fetch_all(format!("select name from ({TENANT_TABLES}) t")).await;
        let organization = self.caller.organization_id();
        let rows = tables.iter().map(|table| {
            let column = if table == "organizations" { "id" } else { "organization_id" };
            format!("select '{table}' || t::text as row from {table} t where {column} = '{organization}'")
        });
        let rows = rows.collect::<Vec<_>>().join(" union all ");
        panel.fetch(format!("select md5(string_agg(row, ',' order by row)) from ({rows}) everything")).await
    }
}

/// Runs each statement in a transaction of its own and notes what it answered.
macro_rules! ask {
    ($told:ident, $begin:expr, $db:ident => $end:expr; $($name:literal: $call:expr,)+) => {$(
        let mut handle = $begin.await.unwrap();
        let $db = &mut handle;
        $told.push(($name, format!("{:?}", $call.await)));
        $end(handle).await;
    )+};
}

type Told = Vec<(&'static str, String)>;

async fn reads(panel: &Panel, acme: &Caller, of: &Theirs) -> Told {
    let mut told = Told::new();
    let all = vps_read::Filter { with_ended: true, ..Default::default() };
    let trail = activity::read::Filter::default();
    let start: notify::Position = "0-0".parse().unwrap();
    ask! { told, panel.store.org_read(&acme.scope), db => async |_| {};
        "people": identity::read::people(db),
        "API keys": identity::read::api_keys(db),
        "a page of API keys": identity::read::api_key_page(db, None, None, 100),
        "an API key": identity::read::api_key_page(db, Some(of.api_key), None, 100),
        "sessions": identity::read::sessions(db, of.user),
        "trail": activity::read::list(db, &trail, None, 500),
        "automatic top-ups": payment::auto::current(db),
        "top-up": payment::read::find(db, of.top_up),
        "top-ups": payment::read::list(db, None, 100),
        "refunds": payment::refund::list(db, None, 100),
        "refunds of a top-up": payment::refund::shown_of(db, of.disputed),
        "disputes": payment::dispute::list(db, None, 100),
        "disputes of a top-up": payment::dispute::shown_of(db, of.disputed),
        "VPSs": vps_read::list(db, &all, None, 100),
        "how many VPSs": vps_read::count_ever(db),
        "names": vps_read::names(db, 100),
        "VPS": vps_read::find(db, of.active),
        "SSH keys": vps_read::ssh_keys(db),
        "a page of SSH keys": vps_read::ssh_key_page(db, None, None, 100),
        "an SSH key": vps_read::ssh_key_page(db, Some(of.ssh_key), None, 100),
        "records": vps_read::records(db, vps_read::Wanted::Living, None, 100),
        "a record": vps_read::records(db, vps_read::Wanted::One(of.active), None, 100),
        "actions": vps_read::actions(db, of.ordered, None, None, 100),
        "announced prices": catalog::moves::announced(db),
        "billing profile": profile::find(db),
        "buyer": profile::buyer(db),
        "VAT number": vat::standing(db),
        "documents": document::list(db, DocumentKind::ALL, None, 100),
        "document": document::find(db, of.document),
        "document for a key": document::for_key(db, DocumentKind::Receipt, &of.paid.to_string()),
        "credited": document::credited(db, of.document),
        "receipt": document::receipt_of(db, of.paid),
        "tax of a top-up": tax::of_top_up(db, of.paid),
        "balance": wallet::read::balance(db),
        "charged": wallet::read::charged_this_month(db),
        "movements": wallet::read::movements(db, None, None, 100),
        "totals": wallet::read::totals_by_kind(db),
        "which money paid": async { wallet::attribution(db).await.map(|a| (a.lots().to_vec(), a.spendings().to_vec())) },
        "credits": wallet::credit::list(db, None, 100),
        "a credit": wallet::credit::find(db, of.credit),
        "a movement": explain::movement(db, of.captured.movement.id),
        "hours of a VPS": hours::of_vps(db, of.active, None, 100),
        "hours of a movement": hours::of_movement(db, &of.captured, 0, 100),
        "a statement": async {
            let from = chrono::DateTime::UNIX_EPOCH;
            let until = from + chrono::TimeDelta::days(100_000);
            let period = wallet::statement::period(db, from, until).await;
            period.map(|p| (p.organization, p.opening, p.closing, p.movements, p.hours))
        },
        "events of others": async {
            let events = notify::read_after(db, start).await.unwrap().events;
            events.iter().filter(|event| event.organization_id != Some(acme.organization_id())).count()
        },
    }
    told
}

fn auto_terms() -> AutoTerms {
    let one = Money::from_micros(1_000_000);
    AutoTerms { threshold: Threshold::Amount(one), amount: one, ceiling: one }
}

fn larger(of: &Theirs) -> Subject {
    Subject::Resource(of.volume)
}

/// A part of an hour that nobody paid.
fn raised() -> Raise {
    Raise { amount: Money::from_micros(1), transaction_id: TransactionId::new() }
}

/// A resize of theirs to another plan.
fn grown(of: &Theirs, subject: Subject) -> Open {
    let sold = Sold { hour: Money::ZERO, month: Money::ZERO };
    let to = (of.larger_plan, 30);
    Open { id: ResizeId::new(), subject, to, sold, difference: Money::ZERO, created_by: Actor::System }
}

/// The hours of their volume.
fn running(of: &Theirs, now: DateTime<Utc>) -> Running {
    Running { meter_id: of.volume_meter, meter: Meter::start(now), last: now, charged: Money::ZERO }
}

/// A version that nobody published, and a price.
fn started(vps: VpsId, meter: &Meter) -> NewMeter<'_> {
    const ONE: Money = Money::from_micros(1);
    const PRICE: Price = Price {
        cost_hour: ONE,
        cost_month: ONE,
        cost_minimum: ONE,
        sell_hour: ONE,
        sell_month: ONE,
        sell_minimum: ONE,
    };
    let nobody = Uuid::from_u128(9);
    let (subject, price_version_id) = (Subject::Vps(vps), PriceVersionId(nobody));
    NewMeter { id: MeterId(nobody), subject, quantity: 1, price_version_id, price: &PRICE, meter }
}

/// The number in the other's profile.
fn vat_number() -> VatNumber {
    VatNumber::parse("DE".parse().unwrap(), "DE123456789").unwrap()
}

/// A dispute as nobody left it.
fn decided(id: DisputeId) -> payment::dispute::Dispute {
    let now = chrono::DateTime::UNIX_EPOCH;
    payment::dispute::Dispute {
        id,
        dispute_ref: "y".into(),
        state: DisputeState::Lost,
        stage: "y".into(),
        disputed: Money::ZERO,
        frozen: Money::ZERO,
        returned: Money::ZERO,
        decisions: 9,
        began_at: now,
        decided_at: Some(now),
    }
}

async fn changes(panel: &Panel, acme: &Caller, of: &Theirs) -> Told {
    let mut told = Told::new();
    let now = chrono::Utc::now();
    let seen = vps::Seen { server: "y".into(), power: Power::Stopped, ipv4: None, ipv6: None };
    let before = of.digest(panel).await;
    let unchanged = async |tx: store::OrgTx| {
        // A refused statement has ended the transaction already; what it said was noted.
        drop(tx.commit(Exempt::NothingChanged).await);
        assert_eq!(of.digest(panel).await, before, "the last one asked changed what is theirs");
    };
    let done = ActionState::Done;
    ask! { told, panel.store.org_tx(&acme.scope), tx => unchanged;
        "claim": identity::claim(tx, "k", &of.request, &json!({})),
        "keep": identity::keep(tx, "open", 200, &json!({})),
        "keep again": identity::keep(tx, "k", 200, &json!({})),
        "addressee": identity::addressee(tx, of.user),
        "revoke session": identity::revoke_session(tx, of.user, of.session),
        "revoke API key": identity::revoke_api_key(tx, of.api_key),
        "delete SSH key": vps::ssh_key::delete(tx, of.ssh_key),
        "public keys": vps::ssh_key::public_keys(tx, &[of.ssh_key]),
        "live agreement": payment::auto::lock_live(tx),
        "an agreement": payment::auto::lock(tx, of.auto),
        "terms": payment::auto::terms(tx, of.auto),
        "set terms": payment::auto::set_terms(tx, of.auto, auto_terms()),
        "ask to agree": payment::auto::set_asked(tx, of.asked, "y", "https://pay.example"),
        "look": payment::auto::set_looked(tx, of.auto),
        "keep leave": payment::auto::keep_token(tx, of.auto, "y", &[9; 32]),
        "agreement off": payment::auto::set_off(tx, of.auto, OffReason::Customer),
        "forget leave": payment::auto::forget_token(tx, of.over),
        "retry": payment::auto::set_retry(tx, of.auto, Some(now)),
        "ceiling": payment::auto::set_ceiling_told(tx, of.auto),
        "standing": payment::auto::standing(tx),
        "charge sent": payment::auto::set_sent(tx, of.begun),
        "order of a charge": payment::auto::set_order(tx, of.begun, "y"),
        "charging": payment::auto::is_charging(tx, of.auto),
        "lock top-up": payment::lock(tx, of.top_up),
        "ordered": payment::set_ordered(tx, of.top_up, "y", "https://pay.example"),
        "captured": payment::set_captured(tx, of.top_up, TopUpState::Pending, "y", Money::ZERO),
        "over": payment::set_over(tx, of.top_up, TopUpState::Failed, "y"),
        "freeze tax": tax::freeze(tx, of.begun, Tax { basis_points: 5, ..Tax::OFF }, &Party::default()),
        "frozen tax": tax::frozen(tx, of.paid),
        "tax": tax::set_tax(tx, of.paid, Money::from_micros(1)),
        "VAT number is known": vat::record(tx, &vat_number(), true),
        "recipient": profile::recipient(tx, Some(of.user)),
        "recipient of a member": profile::recipient(tx, None),
        "what went back": payment::refund::of_top_up(tx, of.disputed),
        "set refund": payment::refund::set(tx, of.refund, RefundState::Pending, Some("y"), Some("y"), None),
        "refund of dispute": payment::refund::set_dispute(tx, of.refund, of.dispute),
        "refund of another amount": payment::refund::set_amount(tx, of.refund, Money::from_micros(1)),
        "disputes of": payment::dispute::of_top_up(tx, of.disputed),
        "set dispute": payment::dispute::update(tx, &decided(of.dispute)),
        "lock wallet": async { wallet::lock(tx).await.map(|wallet| (wallet.organization_id(), wallet.available())) },
        "members": notify::mail::members(tx, &[acme.organization_id()], Role::ALL),
        "ending": wallet::credit::ending_here(tx, now + TimeDelta::days(9)),
        "warned": wallet::credit::set_warned(tx, of.credit),
        "end": wallet::credit::end(tx, of.credit, Money::from_micros(1), true),
        "an offer": wallet::campaign::lock_offer(tx, &of.code),
        "lock adjustment": wallet::adjustment::lock(tx, of.adjustment),
        "decide": wallet::adjustment::decide(tx, of.adjustment, AdjustmentState::Rejected, of.user),
        "close hold": wallet::close_hold(tx, HeldFor::Start(Subject::Vps(of.ordered)), HoldState::Released),
        "insert meter": billing::insert_meter(tx, started(of.ordered, &Meter::start(now))),
        "close hold of a resource": wallet::close_hold(tx, HeldFor::Start(Subject::Resource(of.ordered_volume)), HoldState::Released),
        "close hold of a resize": wallet::close_hold(tx, HeldFor::Resize(of.resize, larger(of)), HoldState::Released),
        "before a resize": resize::present(tx, larger(of)),
        "lock resize": resize::lock_open(tx, of.resize),
        "lock resizes": resize::lock_open_of(tx, &[larger(of), Subject::Vps(of.active)]),
        "hours before a resize": resize::running(tx, larger(of)),
        "resize a volume": resize::apply(tx, &grown(of, larger(of)), &running(of, now), Some(raised())),
        "resize a VPS": resize::apply(tx, &grown(of, Subject::Vps(of.active)), &running(of, now), None),
        "end resize": resize::end(tx, of.resize, true),
        "lock resource": resource::lock(tx, of.volume),
        "resources of a VPS": resource::lock_of_vps(tx, of.active),
        "unpaid resources": resource::lock_unpaid(tx),
        "lift resources": resource::lift_unpaid(tx, &[of.unpaid_volume]),
        "backups of a VPS": resource::quote(tx, Product::Backups, of.region, Some(of.active), 1),
        "state of resources": resource::set_state(tx, &[of.volume], VpsState::Deleted, now),
        "end meter of a resource": billing::end_meters(tx, &[Subject::Resource(of.volume)], now),
        "tariff of a resource": billing::set_tariff(tx, &[Subject::Resource(of.volume)], Tariff::AtCost),
        "end meter": billing::end_meters(tx, &[Subject::Vps(of.active)], now),
        "tariff": billing::set_tariff(tx, &[Subject::Vps(of.active)], Tariff::AtCost),
        "due at cost": billing::at_cost_due(tx),
        "lock": vps::lock(tx, of.active),
        "unpaid": vps::lock_unpaid(tx),
        "lift": vps::lift_unpaid(tx, &[of.suspended]),
        "wanted": vps::set_wanted(tx, of.active, Wanted::Off),
        "failed": vps::set_failed(tx, of.active, "y"),
        "place": vps::place(tx, of.ordered, of.provider),
        "displace": vps::displace(tx, of.active),
        "forget": vps::forget_server(tx, of.active),
        "create sent": vps::set_create_sent(tx, of.ordered, true),
        "seen": vps::set_seen(tx, of.active, &seen),
        "active": vps::set_active(tx, of.ordered, now),
        "missing": vps::count_missing(tx, of.active),
        "open action": vps::open_action(tx, of.ordered),
        "action": vps::action(tx, of.action),
        "prepare": vps::prepare(tx, of.action, "y"),
        "asked": vps::asked(tx, of.action, true),
        "cut": vps::cut(tx, of.action),
        "finish": vps::finish_action(tx, of.ordered, ActionKind::Create, done, None),
        "cancel": vps::cancel_open_actions(tx, of.ordered),
        "state": vps::set_state(tx, of.active, VpsState::Deleting),
    }
    told
}

/// In the order of the rows, acme's would come first where only one is read: it is put last, or there is none.
async fn put_last(panel: &Panel, acme: &Caller) {
    let answer =
        "update idempotency_keys set status = 201, body = to_jsonb(organization_id::text) where key = 'k'";
    let own = format!("organization_id = '{}'", acme.organization_id());
    panel.execute(answer).await;
    panel.execute(format!("{answer} and {own}")).await;
    panel.execute(format!("update wallets set sequence = sequence where {own}")).await;
    let over = "update auto_top_ups set state = 'off', off_reason = 'customer', off_at = now()";
    panel.execute(format!("{over} where {own}")).await;
    panel.execute(format!("delete from billing_profiles where {own}")).await;
}

#[tokio::test]
async fn without_row_security_an_organization_still_reads_and_changes_its_own_alone() {
    let (panel, worker, [acme, bolt]) = two_full_organizations().await;
    worker.stop().await;
    let of = Theirs::of(&panel, bolt).await;
    put_last(&panel, &acme).await;
    let before = (reads(&panel, &acme, &of).await, changes(&panel, &acme, &of).await);
    panel.without_row_security().await;
    let foreign: i64 = rows_of_others(&panel, &acme).await;
    assert!(foreign > 0, "row security is still up: this proves nothing");
    let after = (reads(&panel, &acme, &of).await, changes(&panel, &acme, &of).await);
    for (before, after) in before.0.into_iter().chain(before.1).zip(after.0.into_iter().chain(after.1)) {
        assert_eq!(before, after);
    }
    // Of this one row is read, in no order. That it is of another organization is seen when both are asked.
    for caller in [&acme, &of.caller] {
        let name = format!("select name from organizations where id = '{}'", caller.organization_id());
        let name: String = panel.fetch(name).await;
        let mut db = panel.store.org_read(&caller.scope).await.unwrap();
        let (from, until) = (chrono::DateTime::UNIX_EPOCH, chrono::Utc::now());
        assert_eq!(wallet::statement::period(&mut db, from, until).await.unwrap().organization, name);
    }
}

/// Rows of others that a tenant of acme's sees when it does not ask for its own.
async fn rows_of_others(panel: &Panel, acme: &Caller) -> i64 {
    let mut connection = crate::tenancy::login(panel).await;
    let own = acme.organization_id().to_string();
    crate::tenancy::become_role(&mut connection, "skypanel_tenant", &own).await;
    let others = format!("select count(*) from vps_instances where organization_id <> '{own}'");
    sqlx::query_scalar(sqlx::AssertSqlSafe(others)).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn what_operators_and_the_panel_ask_of_one_organization_is_of_that_one() {
    let (panel, worker, [acme, bolt]) = two_full_organizations().await;
    worker.stop().await;
    panel.verify().await;
    panel.member(&bolt, "bolt-mia", Role::Member).await;
    let of = Theirs::of(&panel, bolt).await;
    put_last(&panel, &acme).await;
    let id = acme.organization_id();
    let mut told = Told::new();
    let vps_of = vps_read::AnyFilter { organization: Some(id), ..Default::default() };
    let trail_of = activity::read::AnyFilter { organization: Some(id), ..Default::default() };
    let price = panel.price_in_force("small").await;
    ask! { told, panel.store.system_read(SystemPurpose::Operator), db => async |_| {};
        "organization": identity::read::organization(db, id),
        "members": identity::read::members(db, id),
        "top-ups": payment::read::of_organization(db, id, 100),
        "paid in": payment::read::paid_in(db, id),
        "movements": wallet::read::any_movements(db, id, None, None, 100),
        "totals": wallet::read::any_totals_by_kind(db, id),
        "corrections": wallet::adjustment::list(db, Some(id), 100),
        "automatic top-ups": async { payment::auto::of_organization(db, id).await.map(|shown| shown.map(|shown| shown.terms)) },
        "refunds": payment::refund::of_organization(db, id, 100),
        "refundable": payment::refund::refundable(db, id),
        "paid for": payment::dispute::paid_for(db, id, chrono::DateTime::UNIX_EPOCH),
        "VPSs": vps_read::list_all(db, &vps_of, None, 100),
        "limits": identity::limits_of(db, id),
        "terms": wallet::terms::find(db, id),
        "whom limits can be for": identity::limit_subjects(db, id),
        "trail": activity::read::list_all(db, trail_of, None, 500),
        "effects of a move": catalog::moves::effects(db, price, Some(&[id]), 0, None, 100),
        "billing profile": profile::of_organization(db, id),
        "documents": document::of_organization(db, id, None, 100),
    }
    let month = chrono::Utc::now().date_naive().with_day(1).unwrap();
    // It is the first thing to be asked in its transaction.
    ask! { told, panel.store.system_tx(SystemPurpose::Billing), tx => async |tx: store::SystemTx| tx.commit(Exempt::NothingChanged).await.unwrap();
        "statement": statement::draft(tx, &[id], month, &Party::default(), "USD"),
    }
    let recounted = recompute(&panel.store, Some(id)).await.unwrap().unwrap();
    assert_eq!((recounted.meters, recounted.hours), (2, 2));
    // Their automatic top-up is due: the last one is over.
    panel
        .execute(
            "update top_ups set state = 'failed', created_at = '2020-01-01' where auto_top_up_id is not null",
        )
        .await;
    let before = of.digest(&panel).await;
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    ask! { told, panel.store.system_tx(SystemPurpose::Billing), tx => async |tx: store::SystemTx| tx.commit(Exempt::NothingChanged).await.unwrap();
        "wallets": wallet::try_lock(tx, &[id]),
        "meters": billing::open_meters(tx, &[id]),
        "transfer": billing::transfer::counts(tx, &[id], &[month]),
        "due moves": billing::moves::due(tx, &[id], chrono::Utc::now() + chrono::Days::new(50)),
        "flat hours": billing::flat_dues(tx, &[id], later),
        "charge flat": billing::charge_flat(tx, &[(id, Some(TransactionId::new()))], later),
        "suspend": vps::suspend_unpaid(tx, id),
        "resources at cost": resource::suspend_unpaid(tx, id),
        "unpaid": billing::ladder::lock_unpaid(tx, &[id]),
        "accounts": billing::ladder::accounts(tx, &[id]),
        "warned": billing::ladder::warned_at(tx, &[id], &["welcome"], chrono::Utc::now()),
        "who may pay": notify::mail::members(tx, &[id], &[Role::Owner]),
        "ask for a payment": payment::auto::ask(tx, &[id]),
        "ask to resume": wallet::ask_to_resume(tx, &[id]),
        "lock for terms": wallet::terms::lock_wallet(tx, id),
        "set terms": wallet::terms::set(tx, id, wallet::terms::Terms::default(), true),
        "their limit": identity::remove_limit(tx, id, of.limit),
    }
    assert_eq!(of.digest(&panel).await, before, "what is theirs was changed");
    // All VPSs could be moved now.
    panel.execute("update vps_price_moves set state = 'cancelled'").await;
    let before = of.digest(&panel).await;
    let chosen =
        NewMove { id: PriceMoveId::new(), version: price, moves_at: Some(later), organizations: Some(&[id]) };
    let mut tx = panel.store.system_tx(SystemPurpose::Operator).await.unwrap();
    let announced = catalog::moves::announce(&mut tx, chosen, Actor::System).await.unwrap();
    tx.commit(Exempt::NothingChanged).await.unwrap();
    assert_eq!((announced.vps, announced.organizations), (1, 1));
    assert_eq!(of.digest(&panel).await, before, "theirs is moved, too");
    let organization = of.caller.organization_id().0;
    let vps = [
        organization,
        of.volume.0,
        of.unpaid_volume.0,
        of.active.0,
        of.ordered.0,
        of.suspended.0,
        of.api_key.0,
        of.limit.0,
    ];
    let money = [of.top_up.0, of.paid.0, of.begun.0, of.disputed.0, of.refund.0, of.dispute.0, of.auto.0];
    let theirs: Vec<String> = vps.iter().chain(&money).map(Uuid::to_string).collect();
    for (what, answer) in &told {
        assert!(answer.starts_with("Ok("), "{what}: {answer}");
        let is_theirs = answer.contains("bolt") || theirs.iter().any(|id| answer.contains(id));
        assert!(!is_theirs, "{what} tells of another organization: {answer}");
    }
    let (_, paid) = told.iter().find(|(what, _)| *what == "paid in").unwrap();
    assert_eq!(*paid, format!("Ok({:?})", "50.00".parse::<Money>().unwrap()));
    let (_, terms) = told.iter().find(|(what, _)| *what == "terms").unwrap();
    assert!(terms.contains("Some(100)"), "{terms}");
    let (_, locked) = told.iter().find(|(what, _)| *what == "lock for terms").unwrap();
    assert_eq!(*locked, format!("Ok(Some({id:?}))"));
    let (_, organization) = told.iter().find(|(what, _)| *what == "organization").unwrap();
    assert!(organization.contains("acme@example.com"), "{organization}");
}
