//! A database per test, cloned from a template that is migrated and seeded once.
//!
//! Test runners give each test its own process, so the template is made under a lock of the server by
//! whichever comes first. It is named after the test binary: a rebuilt binary brings its own.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

/// What tests connect as: like in production, a role that owns nothing and was granted nothing.
const LOGIN: &str = "skypanel_test_login";

/// One key for all test processes: shared while a template is cloned, exclusive while it is made.
const LOCK: &str = "hashtext('skypanel test templates')";

/// A fresh database, dropped with this value.
#[derive(Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// Clones the template; makes it first if nobody has.
    pub async fn create() -> Self {
        let template = template_name();
        let mut server = server().await;
        loop {
            execute(&mut server, format!("select pg_advisory_lock_shared({LOCK})")).await;
            if exists(&mut server, &template).await {
                break;
            }
            execute(&mut server, format!("select pg_advisory_unlock_shared({LOCK})")).await;
            make_template(&mut server, &template).await;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("skypanel_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        execute(&mut server, format!("drop database if exists {name} with (force)")).await;
        execute(&mut server, format!("create database {name} template {template}")).await;
        server.close().await.unwrap();
        Self { name }
    }

    /// Where the panel connects, as the login role.
    pub fn login_url(&self) -> String {
        login_url(&self.name)
    }

    /// Where assertions connect, past all walls.
    pub fn superuser_url(&self) -> String {
        superuser_url(&self.name)
    }
}

impl Drop for Database {
    /// Best effort, on a thread of its own: there may be a runtime on this one.
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut server = superuser_options().connect().await.map_err(std::io::Error::other)?;
                server.execute(AssertSqlSafe(statement)).await.map_err(std::io::Error::other)
            })
        });
        drop(dropping.join());
    }
}

/// The name follows the binary, whose migrations and seed the template holds.
fn template_name() -> String {
    let binary = std::env::current_exe().unwrap();
    let facts = binary.metadata().unwrap();
    let built = facts.modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
    let mut digest = DefaultHasher::new();
    (binary, facts.len(), built).hash(&mut digest);
    format!("skypanel_template_{:016x}", digest.finish())
}

/// Makes the template under another name, so that one that bears the right name is complete.
async fn make_template(server: &mut PgConnection, template: &str) {
    execute(server, format!("select pg_advisory_lock({LOCK})")).await;
    if !exists(server, template).await {
        drop_leftovers(server).await;
        let draft = format!("{template}_draft");
        execute(server, format!("drop database if exists {draft} with (force)")).await;
        execute(server, format!("create database {draft}")).await;
        make_login(server).await;
        store::setup::migrate(&superuser_url(&draft), LOGIN).await.expect("migrations apply");
        crate::seed::plant(&login_url(&draft), &superuser_url(&draft)).await;
        execute(server, format!("alter database {draft} with allow_connections false")).await;
        execute(server, format!("alter database {draft} rename to {template}")).await;
    }
    execute(server, format!("select pg_advisory_unlock({LOCK})")).await;
}

/// Templates of older binaries, and databases of tests that were killed. No test runs for an hour.
async fn drop_leftovers(server: &mut PgConnection) {
    let old: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database where datname ~ '^skypanel_(template|test)_'
            and (pg_stat_file('base/' || oid || '/PG_VERSION')).modification < now() - interval '1 hour'",
    )
    .fetch_all(&mut *server)
    .await
    .unwrap();
    for name in old {
        execute(server, format!("drop database if exists {name} with (force)")).await;
    }
}

async fn make_login(server: &mut PgConnection) {
    let is_missing = "select not exists (select from pg_roles where rolname = $1)";
    if sqlx::query_scalar::<_, bool>(is_missing).bind(LOGIN).fetch_one(&mut *server).await.unwrap() {
        execute(server, format!("create role {LOGIN} login noinherit password '{LOGIN}'")).await;
    }
}

async fn exists(server: &mut PgConnection, database: &str) -> bool {
    let statement = "select exists (select from pg_database where datname = $1)";
    sqlx::query_scalar(statement).bind(database).fetch_one(server).await.unwrap()
}

async fn execute(server: &mut PgConnection, statement: String) {
    let outcome = server.execute(AssertSqlSafe(statement.clone())).await;
    outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// A connection to the server as its superuser.
async fn server() -> PgConnection {
    superuser_options().connect().await.expect("TEST_DATABASE_URL names a running PostgreSQL")
}

fn superuser_options() -> PgConnectOptions {
    let url = std::env::var("TEST_DATABASE_URL").unwrap_or_else(|_| {
        panic!("TEST_DATABASE_URL is not set: run `cargo xtask test`, or `cargo xtask pg` and export what it prints")
    });
    url.parse().expect("TEST_DATABASE_URL is a PostgreSQL address")
}

fn superuser_url(database: &str) -> String {
    superuser_options().database(database).to_url_lossy().to_string()
}

fn login_url(database: &str) -> String {
    superuser_options().username(LOGIN).password(LOGIN).database(database).to_url_lossy().to_string()
}
