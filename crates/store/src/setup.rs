//! Migrations, and the check that the process connects with as little power as it needs.

use std::sync::LazyLock;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::handle::sealed::Conn as _;
use crate::{Error, Result, Store, SystemPurpose, SystemRead};

/// The migrations this program was built with. Applied ones that it does not know are left alone.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
});

/// Why migrating failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] Error),
    /// A migration failed or does not match the one that was applied.
    #[error(transparent)]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The name cannot be a role.
    #[error("{0:?} is not a plain role name (letters, digits, underscore)")]
    RoleName(String),
}

/// Brings the schema up to date as its owner and lets `login` become the tenant and system roles.
/// Safe to run twice or from several processes at once: a lock lets one go first.
///
/// Answers the migrations of newer releases that it found there and left alone, so that an older
/// release's `migrate` succeeds after a roll-back.
pub async fn migrate(owner_url: &str, login: &str) -> std::result::Result<Vec<i64>, MigrateError> {
    if login.is_empty() || !login.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(MigrateError::RoleName(login.to_owned()));
    }
    let options: PgConnectOptions = owner_url.parse().map_err(Error::Database)?;
    let mut owner = options.connect().await.map_err(Error::Database)?;
    MIGRATIONS.run(&mut owner).await?;
    grant_roles(&mut owner, login).await?;
    let applied: Vec<i64> =
        sqlx::query_scalar(APPLIED).fetch_all(&mut owner).await.map_err(Error::Database)?;
    owner.close().await.map_err(Error::Database)?;
    Ok(applied.into_iter().filter(|version| !MIGRATIONS.version_exists(*version)).collect())
}

const APPLIED: &str = "select version from public._sqlx_migrations where success order by version";

/// The schema lacks what this program was built with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database schema is older than this program: migration {first} is not applied; run `skypanel migrate` of this version first"
)]
pub struct OldSchema {
    /// Number and name of the first migration that is missing.
    pub first: String,
}

/// Checks that every migration this program knows is applied; `None` means so. Later ones, of a
/// newer release, do no harm: they only add (docs/adr/0009-expand-then-contract.md).
pub async fn check_schema(store: &Store) -> Result<Option<OldSchema>> {
    let mut tx = store.system_read(SystemPurpose::CommandLine).await?;
    // A schema whose list may not be read was last migrated by a release before this check.
    let is_readable: bool = sqlx::query_scalar(
        "select coalesce(has_table_privilege(to_regclass('public._sqlx_migrations'), 'select'), false)",
    )
    .fetch_one(tx.conn())
    .await?;
    let applied = if is_readable { applied_migrations(&mut tx).await? } else { Vec::new() };
    let missing = MIGRATIONS.iter().find(|migration| !applied.contains(&migration.version));
    Ok(missing.map(|m| OldSchema { first: format!("{:04} ({})", m.version, m.description) }))
}

/// The login may switch to the roles and inherits nothing from them.
async fn grant_roles(owner: &mut PgConnection, login: &str) -> Result<()> {
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut *owner)
        .await?;
    let statement = if version >= 160_000 {
        format!(r#"grant skypanel_tenant, skypanel_system to "{login}" with inherit false, set true"#)
    } else {
        format!(r#"alter role "{login}" noinherit; grant skypanel_tenant, skypanel_system to "{login}""#)
    };
    // Role grants of parallel set-ups in one cluster collide without a common lock.
    let locked =
        format!("begin; select pg_advisory_xact_lock(hashtext('skypanel roles')); {statement}; commit");
    sqlx::raw_sql(AssertSqlSafe(locked)).execute(owner).await?;
    Ok(())
}

/// Versions of the migrations this program brings, oldest first.
pub fn known_migrations() -> Vec<i64> {
    MIGRATIONS.iter().map(|migration| migration.version).collect()
}

/// Versions of the migrations that were applied to the database, oldest first.
pub async fn applied_migrations(db: &mut SystemRead) -> Result<Vec<i64>> {
    // Not checked when compiling: the table is the migration runner's own.
    Ok(sqlx::query_scalar(APPLIED).fetch_all(db.conn()).await?)
}

/// The name of the role a URL connects as.
pub fn login_of(url: &str) -> Result<String> {
    let options: PgConnectOptions = url.parse().map_err(Error::Database)?;
    Ok(options.get_username().to_owned())
}

/// What is wrong with the role the process connects as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeLogin {
    /// Row security would not hold.
    #[error("the database role is a superuser or bypasses row security; connect as a plain role")]
    Privileged,
    /// The role could read tables outside a confined transaction.
    #[error(
        "the database role owns the tables or was granted access to them; connect as a role without grants"
    )]
    HasGrants,
    /// The role cannot become what a transaction needs.
    #[error("the database role may not use the tenant and system roles; run `skypanel migrate`")]
    NotPrepared,
}

/// Checks the role of the pool; `None` means it is fit for use.
pub async fn check_login(store: &Store) -> Result<Option<UnsafeLogin>> {
    let role = sqlx::query!(
        r#"select (r.rolsuper or r.rolbypassrls) as "privileged!",
            exists (
                select from pg_class c
                where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                    and c.relname in ('organizations', 'vps_instances', 'ledger_entries', 'providers')
                    and (pg_has_role(c.relowner, 'usage') or has_table_privilege(c.oid, 'select, insert, update, delete'))
            ) as "has_grants!",
            coalesce((select bool_and(pg_has_role(oid, 'member')) and count(*) = 2 from pg_roles
                where rolname in ('skypanel_tenant', 'skypanel_system')), false) as "prepared!"
        from pg_roles r where r.rolname = current_user"#
    )
    .fetch_one(store.pool())
    .await?;
    Ok(match role {
        r if r.privileged => Some(UnsafeLogin::Privileged),
        r if r.has_grants => Some(UnsafeLogin::HasGrants),
        r if !r.prepared => Some(UnsafeLogin::NotPrepared),
        _ => None,
    })
}
