//! `skypanel work`.

use anyhow::Result;

use crate::config::Config;
use crate::wire;

/// Runs jobs until told to stop, then drains.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let stop = wire::stop_signal()?;
    let app = wire::app(config, wire::store(config).await?)?;
    let worker = wire::worker(config, app)?;
    tracing::info!("working");
    worker.run(stop).await;
    Ok(())
}
