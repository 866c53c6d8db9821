//! A rolling start: processes of two releases work on one schema while customers act.
//!
//! The older release is played by today's program on a schema that has one migration more than it
//! knows, of every kind the rule allows.

use std::time::Duration;

use app::Caller;
use testkit::Panel;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// What a newer release adds.
const NEWER: &str = "
    alter table vps_instances add column nickname text, add column tier int not null default 1;
    alter table wallets add column colour text;
    alter table jobs add column trace text not null default '';
    create table gadgets (organization_id uuid not null, id uuid primary key);
    insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (9999, 'newer', true, '', 0);
    insert into jobs (kind, payload, actor) values ('gadget.polish', '{}', '{\"kind\": \"system\"}');
";

/// `serve` and `work` of one release. Dropping them kills them.
struct Release {
    processes: Vec<Child>,
    address: String,
}

impl Release {
    async fn start(panel: &Panel) -> Self {
        let address = testkit::free_address();
        let processes = ["serve", "work"].map(|name| {
            let mut command = panel.command(name, &panel.database().login_url());
            let child = command.env("LISTEN", &address).spawn();
            child.expect("the skypanel binary is built: cargo build -p skypanel")
        });
        let release = Self { processes: processes.into(), address };
        let ready = async {
            while !matches!(release.get("/readyz").await, Ok(answer) if answer.starts_with("HTTP/1.1 200")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("serve gets ready");
        release
    }

    async fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn serves_pages(&self) {
        let answer = self.get("/sign-in").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// SIGTERM; both end in good order.
    async fn stop(mut self) {
        for process in &mut self.processes {
            let id = process.id().expect("it still runs").to_string();
            let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
            assert!(sent.success());
            let status = tokio::time::timeout(Duration::from_secs(30), process.wait()).await;
            assert!(status.expect("it ends").unwrap().success());
        }
    }
}

/// A customer tops up, orders two VPSs and deletes one.
async fn act(panel: &Panel, acme: &Caller, round: &str) {
    panel.top_up(acme, "25.00").await;
    let kept = panel.order(acme, "small", &format!("{round}-kept")).await;
    let gone = panel.order(acme, "small", &format!("{round}-gone")).await;
    panel.until_state(kept, "active").await;
    panel.until_state(gone, "active").await;
    app::vps::delete(&panel.app, acme, gone).await.unwrap();
    panel.until_state(gone, "deleted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_relieve_each_other_while_customers_act() {
    let panel = Panel::start().await;
    testkit::install_crypto();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "500.00").await;
    let older = Release::start(&panel).await;
    act(&panel, &acme, "before").await;
    tokio::join!(act(&panel, &acme, "during"), panel.execute(NEWER));
    older.serves_pages().await;
    let newer = Release::start(&panel).await;
    act(&panel, &acme, "both").await;
    tokio::join!(act(&panel, &acme, "handover"), older.stop());
    act(&panel, &acme, "after").await;
    newer.serves_pages().await;
    let active: i64 = panel.fetch("select count(*) from vps_instances where state = 'active'").await;
    let living = panel.simulator.servers().into_iter().filter(|server| !server.is_deleted()).count();
    assert_eq!((active, living), (5, 5));
    let unknown: Vec<String> =
        panel.fetch_all("select state || attempts from jobs where kind = 'gadget.polish'").await;
    assert_eq!(unknown, ["ready0"], "work for the newer release waits for it");
    let dead: i64 = panel.fetch("select count(*) from jobs where state = 'dead'").await;
    assert_eq!(dead, 0);
    newer.stop().await;
    panel.verify().await;
}
