//! A panel in which many organizations live at once, on a clock that stands still between moments.

use std::collections::BTreeMap;
use std::time::Duration;

use app::vps::NewVps;
use domain::vps::VpsName;
use domain::{Money, PlanId};
use futures_util::StreamExt as _;
use store::Store;
use testkit::{Panel, Random, Tripwire};

use super::cloud::Cloud;
use super::oracle::{Cost, Markup, Price, Tariff, Time};
use super::tally::Tally;
use super::tenant::{Offer, Tenant};
use super::timeline::{Billing, LOOK, Moment, moments};

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
    panel: Panel,
    cloud: Cloud,
    tenants: Vec<Tenant>,
    plans: Vec<OnSale>,
    offers: Vec<Offer>,
}

/// A plan and what it costs us.
struct OnSale {
    slug: &'static str,
    id: PlanId,
    cost: Cost,
    markup: Markup,
}

impl World {
    /// Lets the world run from its first moment to its last, and counts what happened. Panics at the first difference.
    pub(crate) async fn run(plan: Plan) -> Tally {
        let mut random = Random::new(plan.seed).fork_at(plan.number);
        let moments = moments(&mut random, plan.number % 2 == 1, testkit::PLANS.len());
        let mut world = Self::begin(plan, moments[0].at, &mut random).await;
        for moment in &moments {
            world.live(moment).await;
        }
        world.compare_histories().await;
        world.panel.verify().await;
        world.tenants.iter().map(|tenant| Tally::of(&tenant.books)).fold(Tally::default(), Tally::plus)
    }

    async fn begin(plan: Plan, at: Time, random: &mut Random) -> Self {
        let mut panel = Panel::start().await;
        panel.stop_the_clock(at).await;
        panel.app = panel.process(|settings| {
            settings.watch_every = LOOK.to_std().unwrap();
            settings.mail = false;
            settings.top_up_min = Money::from_micros(500_000);
            // Servers that come up late are waited for.
            settings.create_deadline = Duration::from_secs(7 * 86_400);
        });
        let histories = random.fork();
        let mut tenants = Vec::new();
        let count = usize::try_from(plan.histories.end - plan.histories.start).unwrap();
        for (number, caller) in plan.histories.clone().zip(panel.crowd(count).await) {
            tenants.push(Tenant::new(&panel, caller, histories.clone().fork_at(number)).await);
        }
        let cloud = Cloud::new(at);
        let mut world = Self { plan, panel, cloud, tenants, plans: Vec::new(), offers: Vec::new() };
        for slug in ["small", "harbor", "meadow", "large"] {
            let on_sale = world.on_sale(slug).await;
            world.plans.push(on_sale);
        }
        world.read_offers().await;
        world
    }

    /// One moment: everybody acts, the workers look three times, the hours are billed.
    async fn live(&mut self, moment: &Moment) {
        self.look(moment.at).await;
        if let Some((plan, markup)) = moment.publish {
            self.publish(plan, markup).await;
        }
        let (panel, offers) = (&self.panel, &self.offers);
        let acting = futures_util::stream::iter(&mut self.tenants);
        acting.for_each_concurrent(AT_ONCE, |tenant| tenant.act(panel, moment.at, offers)).await;
        self.look(moment.at).await;
        let panel = &self.panel;
        let paying = futures_util::stream::iter(&mut self.tenants);
        paying.for_each_concurrent(AT_ONCE, |tenant| tenant.pay(panel)).await;
        self.look_and_capture(moment.at + LOOK).await;
        self.look(moment.at + LOOK * 2).await;
        if let Some(billing) = moment.bill {
            let now = moment.at + LOOK * 2;
            self.bill(billing, now).await;
            for tenant in &mut self.tenants {
                tenant.billed(now);
            }
            self.look(moment.at + LOOK * 3).await;
        }
        self.compare_wallets(moment).await;
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

    async fn work(&self, now: Time) {
        self.panel.set_clock(now).await;
        self.cloud.set_clock(now);
        if self.panel.fetch(NOTHING_IS_DUE).await {
            return;
        }
        let worker = self.panel.worker_with(std::sync::Arc::new(self.cloud.clone()));
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
        let operator = app::Operator::command_line();
        let id = self.plans[plan].id;
        app::catalog::publish_prices(&self.panel.app, &operator, id, published).await.unwrap();
        self.read_offers().await;
    }

    /// What orders say from now on.
    async fn read_offers(&mut self) {
        let caller = &self.tenants[0].caller;
        let mut offers = Vec::new();
        for on_sale in &self.plans {
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
                price: Price::of(on_sale.cost, on_sale.markup),
            });
        }
        self.offers = offers;
    }

    /// Asks for each wallet whether it holds what the rules say.
    async fn compare_wallets(&self, moment: &Moment) {
        let rows: Vec<(uuid::Uuid, i64, i64, i64, i64)> = sqlx::query_as(
            "select organization_id, available_micros, held_micros, receivable_micros, burn_micros from wallets",
        )
        .fetch_all(self.panel.superuser())
        .await
        .unwrap();
        let mut there: BTreeMap<_, _> = rows.into_iter().map(|(id, a, h, r, b)| (id, [a, h, r, b])).collect();
        for (history, tenant) in self.histories() {
            let wallet = there.remove(&tenant.caller.organization_id().0).unwrap();
            let books = &tenant.books;
            let rules = [books.wallet, books.held(), books.debt, books.burn()];
            if wallet != rules {
                let hour = self.first_different_hour(tenant).await;
                self.differs(history, &format!(
                    "at {}: available, held, receivable, burn are {wallet:?}, by the rules {rules:?}\n{hour}",
                    moment.at
                ));
            }
        }
    }

    /// Asks for each history whether every hour, and every suspension and resume, is what the rules say.
    async fn compare_histories(&self) {
        for (history, tenant) in self.histories() {
            let hour = self.first_different_hour(tenant).await;
            if hour != SAME_HOURS {
                self.differs(history, &hour);
            }
            let cuts: Vec<(String, Time, bool)> = sqlx::query_as(
                "select target_id::text, created_at, action = 'vps.suspended' from activity_logs
                where organization_id = $1 and action in ('vps.suspended', 'vps.resumed') order by created_at, 1",
            )
            .bind(tenant.caller.organization_id().0)
            .fetch_all(self.panel.superuser())
            .await
            .unwrap();
            let ids: Vec<String> = tenant.vps().map(|id| id.to_string()).collect();
            let mut rules: Vec<_> =
                tenant.books.power_cuts.iter().map(|(vps, at, cut)| (ids[*vps].clone(), *at, *cut)).collect();
            rules.sort_by_key(|(id, at, _)| (*at, id.clone()));
            if cuts != rules {
                self.differs(history, &format!("suspensions are {cuts:?}, by the rules {rules:?}"));
            }
            if self.plan.tells {
                println!("{}", tenant.story);
            }
        }
    }

    async fn first_different_hour(&self, tenant: &Tenant) -> String {
        let rows: Vec<(uuid::Uuid, Time, i64, bool)> = sqlx::query_as(
            "select m.vps_id, span_start, amount_micros, c.tariff = 'sold' from charges c join meters m on m.id = c.meter_id
            where c.organization_id = $1",
        )
        .bind(tenant.caller.organization_id().0)
        .fetch_all(self.panel.superuser())
        .await
        .unwrap();
        let numbers: BTreeMap<_, _> = tenant.vps().map(|id| id.0).zip(0..).collect();
        let tariff = |sold| if sold { Tariff::Sold } else { Tariff::AtCost };
        let there: BTreeMap<(usize, Time), (i64, Tariff)> = rows
            .into_iter()
            .map(|(vps, start, amount, sold)| ((numbers[&vps], start), (amount, tariff(sold))))
            .collect();
        let rules = &tenant.books.charges;
        let mut hours: Vec<_> = there.keys().chain(rules.keys()).collect();
        hours.sort_by_key(|(vps, start)| (*start, *vps));
        match hours.into_iter().find(|hour| there.get(hour) != rules.get(hour)) {
            None => SAME_HOURS.into(),
            Some(hour) => format!(
                "first different hour: VPS {} at {}: {:?}, by the rules {:?}",
                hour.0,
                hour.1,
                there.get(hour),
                rules.get(hour)
            ),
        }
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

fn store(url: &str) -> Store {
    Store::connect_lazy(url, 4).unwrap()
}

const SAME_HOURS: &str = "all hours are as the rules say";

/// Jobs that wait for an older one of their key are not due.
const NOTHING_IS_DUE: &str = "
    select not exists (select from jobs j, stopped.clock where state = 'running' or (state = 'ready' and run_at <= at
        and not exists (select from jobs o where o.key = j.key and o.id < j.id and o.state = 'ready' and o.run_at > at)))";

const NO_TRANSACTION_IS_OPEN: &str = "
    select not exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and xact_start is not null and backend_type = 'client backend')";
