//! `skypanel simulate`: the simulated outside world alone.

use std::io::Write as _;

use anyhow::Result;
use simulator::Simulator;

use crate::cli::Simulate;
use crate::wire;

/// Runs until told to stop.
pub(crate) async fn run(options: &Simulate) -> Result<()> {
    let stop = wire::stop_signal()?;
    let simulator = Simulator::start(simulator::Config {
        linode: options.linode,
        digitalocean: options.digitalocean,
        paypal: options.paypal,
        mail: options.mail,
        speed: options.speed,
        seed: options.seed,
        ..simulator::Config::default()
    })
    .await?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "linode {}", simulator.linode_url())?;
        writeln!(out, "digitalocean {}", simulator.digitalocean_url())?;
        writeln!(out, "paypal {}", simulator.paypal_url())?;
        writeln!(out, "webhook-root {}", simulator.webhook_root_url())?;
        writeln!(out, "vies {}", simulator.vies_url())?;
        writeln!(out, "mail {}", simulator.smtp_url())?;
        writeln!(out, "inbox {}", simulator.inbox_url())?;
        out.flush()?;
    }
    stop.cancelled().await;
    simulator.stop().await;
    Ok(())
}
