//! What every test database holds: an operator, an account at each cloud, its catalogue, and plans.
//!
//! Made once, by the use cases the product has for it, and kept in the template.

use app::catalog::create_plan;
use app::identity::create_operator;
use app::provider::{NewProvider, add};
use app::{App, Operator};
use domain::ProviderId;
use domain::catalog::Markup;
use domain::provider::ProviderKind;
use simulator::{Config, Simulator};
use sqlx::{Executor as _, PgPool};
use store::Store;

use crate::panel::{self, wait_for};
use crate::worker::{self, RunningWorker};

/// Who runs the installation.
pub const OPERATOR_EMAIL: &str = "olga@example.com";

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A region both clouds have.
pub const REGION: &str = "de-frankfurt";

/// An image both clouds have.
pub const IMAGE: &str = "debian-13";

/// Names of plans and the sizes that deliver them, at the first and the second cloud.
pub const PLANS: [(&str, Option<&str>, Option<&str>); 4] = [
    ("Small", Some("g6-nanode-1"), Some("s-1vcpu-1gb")),
    ("Harbor", Some("g6-standard-1"), None),
    ("Meadow", None, Some("s-1vcpu-2gb")),
    ("Large", Some("g6-standard-4"), Some("s-4vcpu-8gb")),
];

/// A quarter on top of what the clouds take.
const MARKUP: Markup =
    Markup { basis_points: 2_500, fixed_hour: domain::Money::ZERO, fixed_month: domain::Money::ZERO };

/// Fills a migrated database.
pub(crate) async fn plant(login_url: &str, superuser_url: &str) {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let store = Store::connect_lazy(login_url, 8).unwrap();
    let app = panel::app(store.clone());
    let superuser = PgPool::connect(superuser_url).await.unwrap();
    superuser.execute(NOTHING_BY_THE_CLOCK).await.unwrap();

    let password = PASSWORD.into();
    create_operator(&app, "Cloud Nine", "Olga Operator", OPERATOR_EMAIL, &password).await.unwrap();
    let worker = RunningWorker::start(app.clone(), &simulator, worker::settings(), None);
    let clouds = [
        account(&app, ProviderKind::Linode, "Harbor", "harbor-1", &simulator.linode_url()).await,
        account(&app, ProviderKind::DigitalOcean, "Meadow", "meadow-1", &simulator.digitalocean_url()).await,
    ];
    wait_for(&superuser, "select bool_and(last_synced_at is not null) from providers").await;
    for (name, first, second) in PLANS {
        let sizes: Vec<_> = clouds
            .into_iter()
            .zip([first, second])
            .filter_map(|(cloud, size)| Some((cloud, size?.to_owned())))
            .collect();
        create_plan(&app, &Operator::command_line(), name, &sizes, MARKUP).await.unwrap();
    }
    worker.stop().await;
    store.close().await;
    superuser.execute(CLEAN_SLATE).await.unwrap();
    superuser.close().await;
}

async fn account(app: &App, kind: ProviderKind, name: &str, token: &str, url: &str) -> ProviderId {
    let new = NewProvider { kind, name, token: &token.into(), base_url: url };
    add(app, &Operator::command_line(), new).await.unwrap()
}

/// Recurring jobs have had their turn until the end of time: tests start them when they want them.
const NOTHING_BY_THE_CLOCK: &str = "insert into recurring_jobs (kind, last_slot)
    select kind, 9223372036854775807 from unnest(array['billing.run', 'provider.reconcile_all', 'payment.sweep',
        'payment.compare', 'catalog.sync_all', 'catalog.tell_moves', 'notify.alarms', 'housekeeping', 'limits.sweep',
        'billing.ladder', 'billing.statements', 'billing.vat_sweep', 'billing.transfer', 'credit.sweep']) as kind";

/// What the making left behind would only distract.
const CLEAN_SLATE: &str = "delete from jobs; delete from events; delete from rate_buckets";
