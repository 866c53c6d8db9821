//! Is everything in the panel as the rules say?

use std::collections::BTreeMap;

use domain::TopUpId;
use domain::wallet::attribution::TOP_UP;
use futures_util::StreamExt as _;
use uuid::Uuid;

use super::{AT_ONCE, World};
use crate::model::oracle::{Platform, Purse, Source, Tariff, Time};
use crate::model::tenant::Tenant;
use crate::model::timeline::Moment;

/// What the platform's accounts have gained of an organization.
const PLATFORM: &str = "
    select organization_id, account, sum(amount_micros)::bigint from ledger_entries
    where account not in ('wallet', 'held', 'receivable') group by organization_id, account";

/// Until when what is unpaid is kept.
const KEPT: &str = "
    select id, kept_until, kept_told from vps_instances
    where state = 'active' and suspended_by = 'unpaid' and kept_until is not null";

const DISPUTES: &str = "select organization_id, state, frozen_micros, returned_micros from disputes order by organization_id, id";

/// Every hour, with what resizes added to it.
const HOURS: &str = "
    select coalesce(m.vps_id, m.resource_id), span_start, sum(amount_micros)::bigint,
        bool_or(c.tariff = 'sold') filter (where is_hour)
    from charged c join meters m on m.id = c.meter_id where c.organization_id = $1 group by m.id, span_start";

const SAME_HOURS: &str = "all hours are as the rules say";

impl World {
    /// Asks of each organization whether everything is what the rules say.
    pub(super) async fn compare(&self, moment: &Moment) {
        self.compare_wallets(moment).await;
        self.compare_platform(moment).await;
        self.compare_disputes(moment).await;
        self.compare_dates(moment).await;
        let tenants: Vec<_> = self.histories().collect();
        let purses = futures_util::stream::iter(&tenants).map(|(history, tenant)| async move {
            let (panel, rules) = (self.purses(tenant).await, tenant.books.purses());
            if panel != rules {
                let different = (0..).find(|&n| panel.get(n) != rules.get(n)).unwrap();
                self.differs(*history, &format!(
                    "at {}: purse {different} is {:?}, by the rules {:?}\nall are {panel:?}\nby the rules {rules:?}",
                    moment.at, panel.get(different), rules.get(different)
                ));
            }
        });
        purses.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Whose money is left, as the panel derives it from the ledger. Credits are numbered in the order in which they
    /// were given.
    async fn purses(&self, tenant: &Tenant) -> Vec<Purse> {
        let mut db = self.panel.store.org_read(&tenant.caller.scope).await.unwrap();
        let attribution = store::wallet::attribution(&mut db).await.unwrap();
        let lots_of_payments: BTreeMap<_, usize> = (0..)
            .zip(tenant.payments())
            .flat_map(|(n, id): (usize, &TopUpId)| {
                attribution.lots_of(TOP_UP, id).map(move |lot| (lot.id, n))
            })
            .collect();
        let mut credits = 0..;
        let purse = |lot: &domain::wallet::attribution::Lot| Purse {
            source: match lots_of_payments.get(&lot.id) {
                Some(&payment) => Source::Payment(payment),
                None if lot.credit => Source::Credit(credits.next().unwrap()),
                None => Source::Correction,
            },
            ends: lot.expires_at,
            came: lot.amount.micros(),
            free: lot.free.micros(),
            held: lot.held.micros(),
        };
        attribution.lots().iter().map(purse).collect()
    }

    async fn compare_wallets(&self, moment: &Moment) {
        let rows: Vec<(Uuid, i64, i64, i64, i64)> = sqlx::query_as(
            "select organization_id, available_micros, held_micros, receivable_micros, burn_micros from wallets",
        )
        .fetch_all(self.panel.superuser())
        .await
        .unwrap();
        let mut there: BTreeMap<_, _> = rows.into_iter().map(|(id, a, h, r, b)| (id, [a, h, r, b])).collect();
        for (history, tenant) in self.histories() {
            let wallet = there.remove(&tenant.caller.organization_id().0).unwrap();
            let books = &tenant.books;
            let rules = [books.wallet(), books.held(), books.debt, books.burn()];
            if wallet != rules {
                let hour = self.first_different_hour(tenant).await;
                self.differs(history, &format!(
                    "at {}: available, held, receivable, burn are {wallet:?}, by the rules {rules:?}\n{hour}",
                    moment.at
                ));
            }
        }
    }

    async fn compare_platform(&self, moment: &Moment) {
        let rows: Vec<(Uuid, String, i64)> =
            sqlx::query_as(PLATFORM).fetch_all(self.panel.superuser()).await.unwrap();
        let mut there: BTreeMap<Uuid, Platform> = BTreeMap::new();
        for (organization, account, sum) in rows {
            let one = there.entry(organization).or_default();
            *match &*account {
                "gateway_clearing" => &mut one.gateway,
                "revenue" => &mut one.revenue,
                "credits_given" => &mut one.credits,
                "tax_payable" => &mut one.tax,
                "chargebacks" => &mut one.chargebacks,
                "adjustments" => &mut one.corrections,
                other => panic!("an account that the rules do not know: {other}"),
            } = sum;
        }
        for (history, tenant) in self.histories() {
            let panel = there.remove(&tenant.caller.organization_id().0).unwrap_or_default();
            if panel != tenant.books.platform {
                let (at, rules) = (moment.at, tenant.books.platform);
                self.differs(history, &format!("at {at}: accounts are {panel:?}, by the rules {rules:?}"));
            }
        }
    }

    async fn compare_disputes(&self, moment: &Moment) {
        let rows: Vec<(Uuid, String, i64, i64)> =
            sqlx::query_as(DISPUTES).fetch_all(self.panel.superuser()).await.unwrap();
        let mut there: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
        for (organization, state, frozen, returned) in rows {
            there.entry(organization).or_default().push((state, frozen, returned));
        }
        for (history, tenant) in self.histories() {
            let panel = there.remove(&tenant.caller.organization_id().0).unwrap_or_default();
            let rules = tenant.books.disputes().into_iter();
            let rules: Vec<_> =
                rules.map(|(state, f, r)| (format!("{state:?}").to_lowercase(), f, r)).collect();
            if panel != rules {
                let at = moment.at;
                self.differs(history, &format!("at {at}: disputes are {panel:?}, by the rules {rules:?}"));
            }
        }
    }

    async fn compare_dates(&self, moment: &Moment) {
        let rows: Vec<(Uuid, Time, i32)> =
            sqlx::query_as(KEPT).fetch_all(self.panel.superuser()).await.unwrap();
        let there: BTreeMap<Uuid, (Time, i64)> =
            rows.into_iter().map(|(id, until, told)| (id, (until, told.into()))).collect();
        for (history, tenant) in self.histories() {
            for (number, id) in tenant.ordered().enumerate() {
                let (panel, rules) = (there.get(&id).copied(), tenant.books.kept(number));
                if panel != rules {
                    let at = moment.at;
                    self.differs(
                        history,
                        &format!("at {at}: VPS {number} is kept until {panel:?}, by the rules {rules:?}"),
                    );
                }
            }
        }
    }

    /// Asks for each history whether every hour, and every suspension, resume and end, is what the rules say.
    pub(super) async fn compare_histories(&self) {
        for (history, tenant) in self.histories() {
            let hour = self.first_different_hour(tenant).await;
            if hour != SAME_HOURS {
                self.differs(history, &hour);
            }
            let told: Vec<(String, Time, String)> = sqlx::query_as(
                "select target_id::text, created_at, action from activity_logs where organization_id = $1
                    and action in ('vps.suspended', 'vps.resumed', 'vps.destroyed') order by created_at, 1, 3",
            )
            .bind(tenant.caller.organization_id().0)
            .fetch_all(self.panel.superuser())
            .await
            .unwrap();
            let ids: Vec<String> = tenant.ordered().map(|id| id.to_string()).collect();
            let word = |cut| if cut { "vps.suspended" } else { "vps.resumed" };
            let cuts = tenant.books.power_cuts.iter().map(|&(vps, at, cut)| (vps, at, word(cut)));
            let ends = tenant.books.destroyed.iter().map(|&(vps, at)| (vps, at, "vps.destroyed"));
            let rules = cuts.chain(ends).map(|(vps, at, what)| (ids[vps].clone(), at, what.to_owned()));
            let mut rules: Vec<_> = rules.collect();
            rules.sort_by_key(|(id, at, what)| (*at, id.clone(), what.clone()));
            if told != rules {
                self.differs(history, &format!("suspensions are {told:?}, by the rules {rules:?}"));
            }
            if self.plan.tells {
                println!("{}", tenant.story);
            }
        }
    }

    async fn first_different_hour(&self, tenant: &Tenant) -> String {
        let rows: Vec<(Uuid, Time, i64, bool)> = sqlx::query_as(HOURS)
            .bind(tenant.caller.organization_id().0)
            .fetch_all(self.panel.superuser())
            .await
            .unwrap();
        let numbers: BTreeMap<_, _> = tenant.ordered().zip(0..).collect();
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
                "first different hour: VPS or volume {} at {}: {:?}, by the rules {:?}",
                hour.0,
                hour.1,
                there.get(hour),
                rules.get(hour)
            ),
        }
    }
}
