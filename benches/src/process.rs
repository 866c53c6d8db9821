//! Real processes of the product.

use std::time::Duration;

use anyhow::{Result, bail};
use testkit::Panel;
use tokio::process::Child;
use tokio::time::sleep;

/// Limits are not what is measured.
const LIMITS: [&str; 4] = ["LIMIT_ADDRESS", "LIMIT_USER", "LIMIT_API_KEY", "LIMIT_ORGANIZATION"];
const PLENTY: &str = "600000/60";

/// A `serve` or `work`. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts one with the product's own defaults where no test needs others.
    pub(crate) fn start(panel: &Panel, command: &str, more: &[(&str, String)]) -> Result<Self> {
        let mut process = panel.command(command, &panel.database().login_url());
        process.env("LEASE_SECONDS", "45").env("LIMIT_SIGN_IN", PLENTY);
        process.envs(LIMITS.map(|name| (name, PLENTY))).envs(more.iter().map(|(name, value)| (name, value)));
        let child = process.spawn()?;
        Ok(Self { child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// A `serve` that answers, and its address `host:port`.
pub(crate) async fn serve(panel: &Panel, address: &str) -> Result<Process> {
    let more = [("LISTEN", address.to_owned()), ("PUBLIC_URL", format!("http://{address}"))];
    let process = Process::start(panel, "serve", &more)?;
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(process);
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("the panel does not answer at {address}")
}
