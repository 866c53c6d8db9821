//! A wire between a process and PostgreSQL that trips at the n-th COMMIT.
//!
//! Every durable step of the product is a commit, so cutting the wire at each of them in turn, just
//! before the server hears it or just before the client hears the answer, visits every boundary
//! between two steps without a line of test code in the product.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

/// On which side of the commit the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of it: the step did not happen.
    Before,
    /// The server did it, the client never learns: the step happened.
    After,
}

/// The wire.
pub struct Tripwire {
    address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

struct State {
    socket: PathBuf,
    commits: AtomicUsize,
    trip: Option<(usize, Cut)>,
    answer_is_the_last: AtomicBool,
    tripped: CancellationToken,
    hung_up: CancellationToken,
}

impl Tripwire {
    /// A wire to the server behind `url` that trips at the `n`-th commit, or only counts.
    pub async fn lay(url: &str, trip: Option<(usize, Cut)>) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let folder = options.get_socket().expect("the test server listens on a unix socket").clone();
        let socket = folder.join(format!(".s.PGSQL.{}", options.get_port()));
        let state = Arc::new(State {
            socket,
            commits: AtomicUsize::new(0),
            trip,
            answer_is_the_last: AtomicBool::new(false),
            tripped: CancellationToken::new(),
            hung_up: CancellationToken::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, state.clone()));
        Self { address, state, accepting }
    }

    /// The same database through the wire.
    pub fn url(&self, url: &str) -> String {
        let options: PgConnectOptions = url.parse().unwrap();
        let (user, database) = (options.get_username(), options.get_database().unwrap());
        format!("postgres://{user}@{}/{database}", self.address)
    }

    /// Commits so far.
    pub fn commits(&self) -> usize {
        self.state.commits.load(Ordering::SeqCst)
    }

    /// Waits until the wire is cut. Both ends still believe in it: the server keeps its locks.
    pub async fn tripped(&self) {
        self.state.tripped.cancelled().await;
    }

    /// The client is dead: the server hears of it and rolls back.
    pub fn hang_up(&self) {
        self.state.hung_up.cancel();
    }
}

impl Drop for Tripwire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, state.clone()));
    }
}

async fn carry(client: TcpStream, state: Arc<State>) {
    let Ok(server) = UnixStream::connect(&state.socket).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let there = state.clone();
    tokio::select! {
        () = state.hung_up.cancelled() => {}
        () = pump(client_read, server_write, |bytes| there.passes_to_server(bytes)) => {}
        () = pump(server_read, client_write, |_| state.passes_to_client()) => {}
    }
}

/// Moves bytes until the end, or until `passes` says no; then the line is silent but open.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passes: impl Fn(&[u8]) -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !passes(&buffer[..length]) {
            return std::future::pending().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

impl State {
    fn passes_to_server(&self, bytes: &[u8]) -> bool {
        if self.tripped.is_cancelled() {
            return false;
        }
        if !bytes.windows(7).any(|w| w == b"COMMIT\0") {
            return true;
        }
        let count = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match self.trip {
            Some((n, Cut::Before)) if n == count => {
                self.tripped.cancel();
                false
            }
            Some((n, Cut::After)) if n == count => {
                self.answer_is_the_last.store(true, Ordering::SeqCst);
                true
            }
            _ => true,
        }
    }

    fn passes_to_client(&self) -> bool {
        if self.answer_is_the_last.load(Ordering::SeqCst) {
            self.tripped.cancel();
        }
        !self.tripped.is_cancelled()
    }
}
