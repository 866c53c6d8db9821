//! `skypanel serve`.

use anyhow::{Context as _, Result};
use app::App;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::wire;

/// Serves pages and API until told to stop.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let stop = wire::stop_signal()?;
    let app = wire::app(config, wire::store(config).await?)?;
    let listener = listen(config).await?;
    tracing::info!(address = %config.listen, "serving");
    until(listener, config, app, stop).await
}

/// Takes the address.
pub(crate) async fn listen(config: &Config) -> Result<TcpListener> {
    TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))
}

/// Serves on a listener until `stop`; open streams end with it.
pub(crate) async fn until(
    listener: TcpListener,
    config: &Config,
    app: App,
    stop: CancellationToken,
) -> Result<()> {
    let options = web::Options {
        trusted_proxies: config.trusted_proxies()?,
        metrics_token: config.metrics_token().cloned(),
    };
    let state = web::WebState::new(app, options, stop.clone());
    let service = web::router(state).into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}
