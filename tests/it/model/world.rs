//! A panel in which many organizations live at once, on a clock that stands still between moments.

mod comparison;

use std::sync::Arc;
use std::time::Duration;

use app::Operator;
use app::billing::tax::publish_rate;
use app::vps::NewVps;
use app::wallet::{NewPromotion, NewVouchers, create_promotion, create_vouchers};
use chrono::{Days, NaiveTime};
use domain::billing::Party;
use domain::catalog::Product;
use domain::identity::Role;
use domain::vps::VpsName;
use domain::wallet::Code;
use domain::{Money, PlanId, PriceVersionId};
use futures_util::StreamExt as _;
use serde_json::Value;
use store::Store;
use testkit::{OPERATOR_EMAIL, Panel, Random, Tripwire};

use super::cloud::Cloud;
use super::gateway::Gateway;
use super::oracle::{Cost, Markup, PRICED_GIB, Price, Rules, Time};
use super::tally::Tally;
use super::tenant::{DAYS, Gift, Offer, Scene, Tenant, VOUCHERS};
use super::timeline::{Billing, CLIMB, LOOK, Moment, moments};

/// Organizations that act at once.
const AT_ONCE: usize = 6;

/// Which world, and who lives in it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) number: u64,
    /// Numbers of the histories that are lived.
    pub(crate) histories: std::ops::Range<u64>,
    pub(crate) tells: bool,
}

pub(crate) struct World {
    plan: Plan,
    rules: Rules,
    panel: Panel,
    cloud: Cloud,
    gateway: Gateway,
    operators: [Operator; 2],
    tenants: Vec<Tenant>,
    plans: Vec<OnSale>,
    offers: Vec<Offer>,
    /// What volumes cost: how often their price was published, and the last one.
    volumes: (usize, PriceVersionId, Price),
    /// Tax rates at home, and from when on each is in force.
    rates: Vec<(Time, i64)>,
    promotion: Gift,
}

/// A plan and what it costs us.
struct OnSale {
    slug: &'static str,
    id: PlanId,
    /// How often its prices were published.
    version: usize,
    cost: Cost,
    markup: Markup,
}

impl World {
    /// Lets the world run from its first moment to its last, and counts what happened. Panics at the first difference.
    pub(crate) async fn run(plan: Plan) -> Tally {
        let mut random = Random::new(plan.seed).fork_at(plan.number);
        let is_long = plan.number % 2 == 1;
        let moments = moments(&mut random, is_long, testkit::PLANS.len());
        let rules = Rules {
            notice_days: if is_long { 10 } else { 1 },
            retention_hours: if is_long { 48 } else { 3 },
            alone: 4_000_000,
        };
        let mut world = Self::begin(plan, rules, moments[0].at, &mut random).await;
        for moment in &moments {
            world.live(moment).await;
        }
        let books = store::wallet::verify::verify(&world.panel.store).await.unwrap();
        assert!(books.is_ok(), "the books are wrong while resizes are under way: {books:?}");
        world.give_up_resizes(moments[moments.len() - 1].at).await;
        world.compare_histories().await;
        world.panel.verify().await;
        world.panel.recompute().await;
        world.tenants.iter().map(|tenant| Tally::of(&tenant.books)).fold(Tally::default(), Tally::plus)
    }

    async fn begin(plan: Plan, rules: Rules, at: Time, random: &mut Random) -> Self {
        let mut panel = Panel::start().await;
        panel.stop_the_clock(at).await;
        panel.app = panel.process(|settings| {
            settings.watch_every = LOOK.to_std().unwrap();
            settings.mail = false;
            settings.top_up_min = Money::from_micros(500_000);
            // Servers that come up late are waited for.
            settings.create_deadline = Duration::from_secs(7 * 86_400);
            settings.tax = true;
            settings.seller = Party { country: "DE".parse().ok(), ..settings.seller.clone() };
            settings.notice_days = i32::try_from(rules.notice_days).unwrap();
            settings.retention_hours = rules.retention_hours;
            settings.adjustment_limit = Money::from_micros(rules.alone);
        });
        let operators = [panel.operator().await, second_operator(&panel).await];
        let histories = random.fork();
        let count = usize::try_from(plan.histories.end - plan.histories.start).unwrap();
        let (promotion, mut vouchers) = codes(&panel, &operators[0], count, random).await;
        let mut tenants = Vec::new();
        for (number, caller) in plan.histories.clone().zip(panel.crowd(count).await) {
            let own = vouchers.split_off(vouchers.len() - VOUCHERS);
            tenants.push(Tenant::new(&panel, caller, histories.clone().fork_at(number), own, rules).await);
        }
        let volumes = publish_volumes(&panel, 0, 2_000).await;
        let mut world = Self {
            plan,
            rules,
            panel,
            cloud: Cloud::new(at),
            gateway: Gateway::new(at),
            operators,
            tenants,
            plans: Vec::new(),
            offers: Vec::new(),
            volumes,
            rates: Vec::new(),
            promotion,
        };
        world.set_rate(at, 1_900, 0).await;
        for slug in ["small", "harbor", "meadow", "large"] {
            let on_sale = world.on_sale(slug).await;
            world.plans.push(on_sale);
        }
        world.read_offers().await;
        world
    }

    /// One moment: everybody acts, the workers look three times, the hours are billed, and resizes are done that
    /// waited for it.
    async fn live(&mut self, moment: &Moment) {
        if moment.expire {
            self.expire(moment.at).await;
        }
        self.look(moment.at).await;
        if let Some((plan, markup)) = moment.publish {
            self.publish(plan, markup).await;
        }
        if let Some((rate, days)) = moment.tax {
            self.set_rate(moment.at, rate, days).await;
        }
        let (scene, tenants) = self.scene(moment.at);
        let acting = futures_util::stream::iter(tenants);
        acting.for_each_concurrent(AT_ONCE, |tenant| tenant.act(&scene)).await;
        self.look(moment.at).await;
        let (scene, tenants) = self.scene(moment.at);
        let paying = futures_util::stream::iter(tenants);
        paying.for_each_concurrent(AT_ONCE, |tenant| tenant.pay(&scene)).await;
        self.look_and_capture(moment.at + LOOK).await;
        self.look(moment.at + LOOK * 2).await;
        if let Some(billing) = moment.bill {
            let now = moment.at + LOOK * 2;
            self.bill(billing, now).await;
            for tenant in &mut self.tenants {
                tenant.billed(now);
            }
            self.look(moment.at + LOOK * 3).await;
            self.after_billing(moment.at + LOOK * 3).await;
        }
        for number in 0..moment.climbs {
            self.climb(moment.at + LOOK * 4 + CLIMB * i32::try_from(number).unwrap()).await;
        }
        self.compare(moment).await;
    }

    /// What everybody finds at a moment, and everybody.
    fn scene(&mut self, now: Time) -> (Scene<'_>, &mut Vec<Tenant>) {
        let Self { panel, gateway, offers, rates, operators, promotion, rules, tenants, .. } = self;
        let (operators, rules, volumes) = (*operators, *rules, (self.volumes.1, self.volumes.2));
        (Scene { panel, gateway, now, offers, volumes, rates, operators, promotion, rules }, tenants)
    }

    /// Moves the clock and lets workers do everything that is due.
    async fn look(&mut self, now: Time) {
        self.work(now).await;
        for tenant in &mut self.tenants {
            tenant.workers_looked(now);
        }
    }

    /// Like [`Self::look`], when payers have come back.
    async fn look_and_capture(&mut self, now: Time) {
        self.work(now).await;
        for tenant in &mut self.tenants {
            tenant.captured(now);
            tenant.workers_looked(now);
        }
    }

    /// Resizes, while the hours that run are charged.
    async fn after_billing(&mut self, now: Time) {
        let (scene, tenants) = self.scene(now);
        let resizing = futures_util::stream::iter(tenants);
        resizing.for_each_concurrent(AT_ONCE, |tenant| tenant.after_billing(&scene)).await;
    }

    /// The provider does nothing any more of what it was asked for.
    async fn give_up_resizes(&mut self, now: Time) {
        let (scene, tenants) = self.scene(now);
        for tenant in tenants {
            tenant.give_up_resizes(&scene).await;
        }
    }

    /// What has ended of credits is taken.
    async fn expire(&mut self, now: Time) {
        self.panel.enqueue("credit.sweep", &Value::Null).await;
        self.work(now).await;
        for tenant in &mut self.tenants {
            tenant.expired(now);
        }
    }

    /// Those who do not pay are looked after.
    async fn climb(&mut self, now: Time) {
        self.set_clock(now).await;
        app::billing::climb(&self.panel.app, now).await.unwrap();
        for tenant in &mut self.tenants {
            tenant.climbed(now);
        }
        self.look(now).await;
    }

    async fn set_clock(&self, now: Time) {
        self.panel.set_clock(now).await;
        self.cloud.set_clock(now);
        self.gateway.set_clock(now);
    }

    async fn work(&self, now: Time) {
        self.set_clock(now).await;
        if self.panel.fetch(NOTHING_IS_DUE).await {
            return;
        }
        let (cloud, gateway) = (Arc::new(self.cloud.clone()), Arc::new(self.gateway.clone()));
        let worker = self.panel.worker_between(cloud, gateway);
        self.panel.until(NOTHING_IS_DUE).await;
        worker.stop().await;
    }

    async fn bill(&self, billing: Billing, now: Time) {
        let url = self.panel.database().login_url();
        match billing {
            Billing::Once => {}
            Billing::AtOnce => {
                let (one, other) = (store(&url), store(&url));
                tokio::try_join!(app::billing::run(&one, now), app::billing::run(&other, now)).unwrap();
            }
            Billing::Cut(commit, cut) => {
                let wire = Tripwire::lay(&url, Some((commit, cut))).await;
                let store = store(&wire.url(&url));
                tokio::select! {
                    done = app::billing::run(&store, now) => { done.unwrap(); }
                    () = wire.tripped() => {}
                }
                wire.hang_up();
            }
            Billing::GivenUp(milliseconds) => {
                let patience = Duration::from_millis(milliseconds);
                drop(tokio::time::timeout(patience, app::billing::run(&store(&url), now)).await);
            }
        }
        // What was cut off is rolled back before the next run, or that would leave its wallets for a later one.
        self.panel.until(NO_TRANSACTION_IS_OPEN).await;
        app::billing::run(&self.panel.store, now).await.unwrap();
    }

    async fn on_sale(&self, slug: &'static str) -> OnSale {
        let id = self.panel.fetch(format!("select id from plans where slug = '{slug}'")).await;
        let figures: Vec<i64> = self
            .panel
            .fetch(format!(
                "select array[cost_hour_micros, cost_month_micros, cost_minimum_micros, markup_basis_points,
                    markup_hour_micros, markup_month_micros]
                from price_versions v join regions r on r.id = v.region_id
                where plan_id = '{id}' and r.slug = '{}'",
                testkit::REGION
            ))
            .await;
        OnSale {
            slug,
            id: PlanId(id),
            version: 0,
            cost: Cost { hour: figures[0], month: figures[1], minimum: figures[2] },
            markup: Markup { basis_points: figures[3], fixed_hour: figures[4], fixed_month: figures[5] },
        }
    }

    async fn publish(&mut self, plan: usize, markup: Markup) {
        let published = domain::catalog::Markup {
            basis_points: i32::try_from(markup.basis_points).unwrap(),
            fixed_hour: Money::from_micros(markup.fixed_hour),
            fixed_month: Money::from_micros(markup.fixed_month),
        };
        self.plans[plan].markup = markup;
        self.plans[plan].version += 1;
        let operator = Operator::command_line();
        let id = self.plans[plan].id;
        app::catalog::publish_prices(&self.panel.app, &operator, id, published).await.unwrap();
        self.volumes = publish_volumes(&self.panel, self.volumes.0 + 1, markup.basis_points).await;
        self.read_offers().await;
    }

    /// What orders say from now on.
    async fn read_offers(&mut self) {
        let caller = &self.tenants[0].caller;
        let mut offers = Vec::new();
        for (number, on_sale) in self.plans.iter().enumerate() {
            let mut db = self.panel.store.org_read(&caller.scope).await.unwrap();
            let found =
                store::catalog::orderable(&mut db, on_sale.slug, testkit::REGION, testkit::IMAGE).await;
            let found = found.unwrap().expect("it can be ordered");
            offers.push(Offer {
                order: NewVps {
                    name: VpsName::parse("web").unwrap(),
                    plan_id: found.plan_id,
                    region_id: found.region_id,
                    image_id: found.image_id,
                    price_version_id: found.price_version_id,
                    ssh_keys: Vec::new(),
                    user_data: None,
                },
                price: Price::of(number, on_sale.version, on_sale.cost, on_sale.markup),
            });
        }
        self.offers = offers;
    }

    /// Another tax rate at home, from so many days later on.
    async fn set_rate(&mut self, now: Time, rate: i32, days: u64) {
        let day = now.date_naive() + Days::new(days);
        let country = "DE".parse().unwrap();
        publish_rate(&self.panel.app, &self.operators[0], country, Some(rate), day).await.unwrap();
        self.rates.push((day.and_time(NaiveTime::MIN).and_utc(), rate.into()));
    }

    fn histories(&self) -> impl Iterator<Item = (u64, &Tenant)> {
        self.plan.histories.clone().zip(&self.tenants)
    }

    fn differs(&self, history: u64, what: &str) -> ! {
        let Plan { seed, number, .. } = self.plan;
        let story = &self.tenants[usize::try_from(history - self.plan.histories.start).unwrap()].story;
        panic!("{story}\nMODEL_REPLAY={seed}/{number}/{history} plays this again.\n{what}")
    }
}

/// Publishes a price of volumes: a month of every other one is full after a day.
async fn publish_volumes(panel: &Panel, version: usize, basis_points: i64) -> (usize, PriceVersionId, Price) {
    let hour = 148_810;
    let cost = Cost { hour, month: if version % 2 == 1 { 24 * hour } else { 100_000_000 }, minimum: 0 };
    let share = i32::try_from(basis_points).unwrap();
    let id = panel.publish_resource(Product::Volume, None, (hour, cost.month, PRICED_GIB), share).await;
    let markup = Markup { basis_points, fixed_hour: 0, fixed_month: 0 };
    (version, id, Price::of(0, version, cost, markup))
}

/// Another operator than the first.
async fn second_operator(panel: &Panel) -> Operator {
    let first = panel.sign_in(OPERATOR_EMAIL).await;
    panel.member(&first, "second", Role::Owner).await;
    panel.execute("update users set platform_role = 'operator' where name = 'second'").await;
    panel.sign_in("second@example.com").await.operator().unwrap()
}

/// A code for everybody, and some for each.
async fn codes(panel: &Panel, operator: &Operator, count: usize, random: &mut Random) -> (Gift, Vec<Gift>) {
    let mut gift = |code: Code| {
        let amount = i64::try_from(random.within(20..400)).unwrap() * 10_000;
        Gift { code, amount, days: random.pick(&DAYS) }
    };
    let promotion = gift(Code::parse("WELCOME10").unwrap());
    let new = NewPromotion {
        name: "Welcome",
        code: promotion.code.as_str(),
        amount: Money::from_micros(promotion.amount),
        valid_from: None,
        valid_until: None,
        days: promotion.days,
        redemptions_max: None,
        new_only: false,
    };
    create_promotion(&panel.app, operator, new).await.unwrap();
    let voucher = gift(promotion.code.clone());
    let (amount, days) = (Money::from_micros(voucher.amount), voucher.days);
    let new = NewVouchers { name: "Fair", count: count * VOUCHERS, amount, valid_until: None, days };
    let (_, codes) = create_vouchers(&panel.app, operator, new).await.unwrap();
    (promotion, codes.into_iter().map(|code| Gift { code, ..voucher.clone() }).collect())
}

fn store(url: &str) -> Store {
    Store::connect_lazy(url, 4).unwrap()
}

/// Jobs that wait for an older one of their key are not due.
const NOTHING_IS_DUE: &str = "
    select not exists (select from jobs j, stopped.clock where state = 'running' or (state = 'ready' and run_at <= at
        and not exists (select from jobs o where o.key = j.key and o.id < j.id and o.state = 'ready' and o.run_at > at)))";

const NO_TRANSACTION_IS_OPEN: &str = "
    select not exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and xact_start is not null and backend_type = 'client backend')";
