//! The front door: one address, behind which any `serve` process that takes the call answers it.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The door. Dropping it closes it.
pub(crate) struct Door {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Door {
    /// Opens one in front of these addresses (`host:port`).
    pub(crate) async fn open(behind: Vec<String>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(let_in(listener, behind)) })
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Everybody gets the next process in turn that takes calls.
async fn let_in(listener: TcpListener, behind: Vec<String>) {
    let mut turn = 0;
    while let Ok((mut caller, _)) = listener.accept().await {
        turn += 1;
        let mut order = behind.clone();
        order.rotate_left(turn % behind.len().max(1));
        tokio::spawn(async move {
            for address in order {
                if let Ok(mut process) = TcpStream::connect(&address).await {
                    drop(copy_bidirectional(&mut caller, &mut process).await);
                    return;
                }
            }
        });
    }
}
