//! The product's own processes.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::Panel;

/// A `skypanel work` process. Dropping it kills it.
pub struct WorkerProcess {
    child: Child,
}

impl WorkerProcess {
    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Panel {
    /// Starts a worker process on this panel's database, through `database_url`.
    pub fn worker_process(&self, database_url: &str) -> WorkerProcess {
        let child = self.command("work", database_url).spawn();
        WorkerProcess { child: child.expect("the skypanel binary is built: cargo build -p skypanel") }
    }

    /// A `skypanel` command with this panel's settings, on its database through `database_url`.
    pub fn command(&self, name: &str, database_url: &str) -> Command {
        let mut command = Command::new(binary());
        command
            .arg(name)
            .env_clear()
            .envs(self.process_environment())
            .env("DATABASE_URL", database_url)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Settings of a process of this panel: impatient where waiting would make tests slow.
    pub fn process_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SEALING_KEYS", crate::panel::SEALING_KEYS.into()),
            ("STATEMENT_KEYS", crate::panel::STATEMENT_KEY.into()),
            ("PAYPAL_BASE_URL", self.simulator.paypal_url()),
            ("VIES_BASE_URL", self.simulator.vies_url()),
            ("SMTP_URL", self.simulator.smtp_url()),
            ("MAIL_FROM", crate::panel::MAIL_FROM.into()),
            ("PAYPAL_CLIENT_ID", "panel".into()),
            ("PAYPAL_CLIENT_SECRET", "secret".into()),
            ("LEASE_SECONDS", "3".into()),
            ("LOST_ANSWER_SECONDS", "2".into()),
            ("WATCH_MILLISECONDS", "100".into()),
            ("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "error".into())),
        ]
    }
}

/// The product's binary, built beside the tests.
fn binary() -> PathBuf {
    std::env::var_os("SKYPANEL_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let test = std::env::current_exe().unwrap();
        test.parent().and_then(|deps| deps.parent()).unwrap().join("skypanel")
    })
}

/// An address that nobody listens on now, as `127.0.0.1:port`.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().to_string()
}
