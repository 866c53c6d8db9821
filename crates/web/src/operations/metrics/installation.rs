//! What is true of the installation as a whole: every process shows the same.

use app::operations::alarms::Alarm;
use domain::operations::AlarmCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use store::operations::measure::{Budget, Jobs, Lag};

/// What the database says.
pub(super) struct Installation {
    pub(super) jobs: Vec<Jobs>,
    pub(super) lag: Lag,
    pub(super) budgets: Vec<Budget>,
    pub(super) alarms: Vec<Alarm>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    code: &'static str,
    severity: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    /// Our own id of the provider account.
    account: String,
}

impl Installation {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.register_work(registry);
        self.register_alarms(registry);
        self.register_budgets(registry);
    }

    fn register_work(&self, registry: &mut Registry) {
        let jobs = Family::<JobLabels, Gauge>::default();
        for Jobs { kind, state, count } in &self.jobs {
            let labels = JobLabels { kind: kind.clone(), state: state.as_str() };
            jobs.get_or_create(&labels).set(*count);
        }
        registry.register("jobs", "Jobs that are not over, by kind and state", jobs);
        let lags = [
            ("queue_lag", "Age of the oldest due job that no worker began", self.lag.queue),
            ("billing_lag", "Age of the oldest hour that is not charged", self.lag.billing),
        ];
        for (name, help, seconds) in lags {
            registry.register_with_unit(name, help, Unit::Seconds, gauge(seconds));
        }
    }

    /// Every code has its line, so that an alarm that never was open can be asked for.
    fn register_alarms(&self, registry: &mut Registry) {
        let open = Family::<AlarmLabels, Gauge>::default();
        let labels =
            |code: AlarmCode| AlarmLabels { code: code.as_str(), severity: code.severity().as_str() };
        for code in AlarmCode::ALL {
            open.get_or_create(&labels(*code)).set(0);
        }
        for alarm in &self.alarms {
            open.get_or_create(&labels(alarm.code)).inc();
        }
        registry.register("alarms_open", "Open alarms, by code", open);
    }

    fn register_budgets(&self, registry: &mut Registry) {
        let (remaining, limit) =
            (Family::<AccountLabels, Gauge>::default(), Family::<AccountLabels, Gauge>::default());
        for budget in &self.budgets {
            let labels = AccountLabels { account: budget.provider_id.to_string() };
            remaining.get_or_create(&labels).set(budget.remaining);
            limit.get_or_create(&labels).set(budget.limit);
        }
        registry.register(
            "account_requests_remaining",
            "Requests that are left to a provider account",
            remaining,
        );
        registry.register(
            "account_requests_limit",
            "Requests a provider account has until they are counted anew",
            limit,
        );
    }
}

/// A gauge that stands at a value.
pub(super) fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}
