//! The listening sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long requests under way may take to finish when the simulator stops.
const GRACE: Duration = Duration::from_millis(500);

/// The servers of one simulator. They end when this is dropped.
pub(crate) struct Servers {
    ending: DropGuard,
    tasks: JoinSet<()>,
}

impl Default for Servers {
    fn default() -> Self {
        Self { ending: CancellationToken::new().drop_guard(), tasks: JoinSet::new() }
    }
}

impl Servers {
    /// Binds `address` and serves `router` on it; answers the address with the real port.
    pub(crate) async fn bind(&mut self, address: SocketAddr, router: Router) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        let ending = self.ending.token().clone();
        self.tasks.spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(ending.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!(%error, "a simulated provider stopped serving");
            }
        });
        Ok(bound)
    }

    /// Binds `address` and talks with whoever connects; answers the address with the real port.
    pub(crate) async fn listen<F>(
        &mut self,
        address: SocketAddr,
        talk: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> std::io::Result<SocketAddr>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        let ending = self.ending.token().clone();
        self.tasks.spawn(async move {
            let mut talks = JoinSet::new();
            let accepting = async {
                while let Ok((stream, _)) = listener.accept().await {
                    talks.spawn(talk(stream));
                    while talks.try_join_next().is_some() {}
                }
            };
            tokio::select! { () = ending.cancelled() => {}, () = accepting => {} }
        });
        Ok(bound)
    }

    /// Lets something run as long as the servers do.
    pub(crate) fn run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.token().clone();
        self.tasks.spawn(async move {
            tokio::select! { () = ending.cancelled() => {}, () = work => {} }
        });
    }

    /// Stops accepting, waits a moment for what is under way, then drops it.
    pub(crate) async fn stop(self) {
        let Self { ending, mut tasks } = self;
        drop(ending);
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::debug!("requests under way were dropped");
        }
    }
}
