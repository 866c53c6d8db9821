//! A worker in this process.

use std::sync::{Arc, Once};
use std::time::Duration;

use app::App;
use app::worker::{Worker, WorkerSettings};
use clients::Clouds;
use clients::mail::{Smtp, SmtpSettings};
use clients::paypal::{PayPal, PayPalSettings, WebhookSettings};
use clients::vies::Vies;
use domain::billing::VatRegister;
use domain::notify::mail::Mailer;
use domain::payment::PaymentGateway;
use domain::provider::ProviderConnector;
use simulator::Simulator;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A worker at work. Dropping it kills it: what it was doing stays as it is.
#[must_use = "a dropped worker is killed"]
pub struct RunningWorker {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RunningWorker {
    /// Lets running jobs come to their next step, hands the rest back and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("a worker does not panic");
    }

    pub(crate) fn start(
        app: App,
        simulator: &Simulator,
        settings: WorkerSettings,
        webhook: Option<WebhookSettings>,
    ) -> Self {
        install_crypto();
        let gateway = PayPal::new(PayPalSettings {
            base_url: simulator.paypal_url().parse().unwrap(),
            client_id: "panel".into(),
            client_secret: "secret".into(),
            webhook,
        });
        Self::between(app, simulator, Arc::new(clouds()), Arc::new(gateway.unwrap()), settings)
    }

    pub(crate) fn between(
        app: App,
        simulator: &Simulator,
        clouds: Arc<dyn ProviderConnector>,
        gateway: Arc<dyn PaymentGateway>,
        settings: WorkerSettings,
    ) -> Self {
        let mailer: Option<Arc<dyn Mailer>> = match app.settings().mail {
            true => Some(Arc::new(Smtp::new(&smtp(simulator)).unwrap())),
            false => None,
        };
        let register: Option<Arc<dyn VatRegister>> = match app.settings().vat_check {
            true => Some(Arc::new(Vies::new(simulator.vies_url().parse().unwrap()).unwrap())),
            false => None,
        };
        let worker = Worker::new(app, clouds, gateway, mailer, register, settings);
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(worker.run(stop.clone())), stop }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The simulated mail host.
fn smtp(simulator: &Simulator) -> SmtpSettings {
    SmtpSettings {
        url: simulator.smtp_url().into(),
        from: crate::panel::MAIL_FROM.into(),
        name: "SkyPanel".into(),
    }
}

/// What every HTTP client needs in this process, as the binary installs it first thing.
pub fn install_crypto() {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

/// Clients of the clouds as the product makes them.
pub(crate) fn clouds() -> Clouds {
    install_crypto();
    Clouds::new(&clients::Options::default()).unwrap()
}

/// Impatient, and without anything that the clock starts unasked (the seed sees to that).
pub(crate) fn settings() -> WorkerSettings {
    WorkerSettings {
        poll: Duration::from_millis(50),
        grace: Duration::from_secs(5),
        budgets_every: Duration::from_millis(200),
        ..WorkerSettings::default()
    }
}
