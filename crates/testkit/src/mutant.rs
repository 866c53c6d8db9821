//! A wall with a hole, to see whether a test falls through: `cargo xtask mutate` sets the environment, nothing
//! else does.
//!
//! `MUTANT_STATEMENT` is the text of one statement of the product, `MUTANT_REPLACEMENT` what PostgreSQL is sent
//! in its place: a wire between the two rewrites it, so that no mutant needs a build. `MUTANT_POLICY` names a
//! table whose rows tenants see whoever they belong to.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Protocol 3.0: the message after which all others have a kind.
const STARTUP: [u8; 4] = [0, 3, 0, 0];

/// The table that is to be open to all tenants.
pub(crate) fn open_table() -> Option<String> {
    env::var("MUTANT_POLICY").ok()
}

/// Where the panel connects: past a wire, if a statement is to be changed on it.
pub(crate) async fn wired(url: String) -> String {
    let (Ok(statement), Ok(replacement)) = (env::var("MUTANT_STATEMENT"), env::var("MUTANT_REPLACEMENT"))
    else {
        return url;
    };
    let options: PgConnectOptions = url.parse().unwrap();
    let folder = options.get_socket().expect("the test server listens on a unix socket").clone();
    let wire =
        Wire { socket: folder.join(format!(".s.PGSQL.{}", options.get_port())), statement, replacement };
    let address = wire.lay().await;
    format!(
        "postgres://{user}:{user}@{address}/{}",
        options.get_database().unwrap(),
        user = options.get_username()
    )
}

struct Wire {
    socket: PathBuf,
    statement: String,
    replacement: String,
}

impl Wire {
    async fn lay(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, wire) = (listener.local_addr().unwrap(), Arc::new(self));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = wire.clone();
                tokio::spawn(async move { wire.carry(client).await });
            }
        });
        address
    }

    /// Ends with either side.
    async fn carry(&self, client: TcpStream) -> std::io::Result<()> {
        let (mut client_read, mut client_write) = client.into_split();
        let (mut server_read, mut server_write) = UnixStream::connect(&self.socket).await?.into_split();
        let there = async {
            loop {
                let (length, body) = message(&mut client_read).await?;
                server_write.write_all(&[&length[..], &body].concat()).await?;
                if body.starts_with(&STARTUP) {
                    break;
                }
            }
            loop {
                let kind = client_read.read_u8().await?;
                let (_, body) = message(&mut client_read).await?;
                let body = if kind == b'P' { self.rewritten(body) } else { body };
                let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
                server_write.write_all(&[&[kind][..], &length, &body].concat()).await?;
            }
        };
        tokio::select! {
            ended = there => ended,
            ended = tokio::io::copy(&mut server_read, &mut client_write) => ended.map(drop),
        }
    }

    /// Parse: name, text, and the types of its parameters, the first two ended by a zero.
    fn rewritten(&self, body: Vec<u8>) -> Vec<u8> {
        let mut parts = body.splitn(3, |byte| *byte == 0);
        let (Some(name), Some(text), Some(types)) = (parts.next(), parts.next(), parts.next()) else {
            return body;
        };
        if text != self.statement.as_bytes() {
            return body;
        }
        [name, &[0], self.replacement.as_bytes(), &[0], types].concat()
    }
}

/// The length of a message, which counts itself, and what follows it.
async fn message(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<([u8; 4], Vec<u8>)> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    from.read_exact(&mut body).await?;
    Ok((length, body))
}
