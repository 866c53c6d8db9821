//! Events: what open pages are told, in an order that loses nothing; and the outbox.

pub mod mail;

use std::str::FromStr;

use domain::OrganizationId;
use domain::notify::Topic;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgRead, OrgTx, ReadStore, Result, SystemDb, SystemRead, SystemTx};

/// Tells the pages of the organization that something changed, when the transaction commits.
pub async fn publish(tx: &mut OrgTx, topic: Topic, subject: impl Into<Uuid>) -> Result<()> {
    let organization = tx.organization_id();
    publish_for(tx.conn(), Some(organization), topic, &[subject.into()]).await
}

/// The same from a transaction over all organizations; `None` is for operators only.
pub async fn publish_system(
    tx: &mut SystemTx,
    organization: Option<OrganizationId>,
    topic: Topic,
    subjects: &[Uuid],
) -> Result<()> {
    publish_for(tx.conn(), organization, topic, subjects).await
}

/// Tells the pages of several organizations that their wallets changed.
pub async fn publish_wallets(tx: &mut SystemTx, organizations: &[OrganizationId]) -> Result<()> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    sqlx::query!(
        "insert into events (organization_id, topic, subject) select id, $2, id from unnest($1::uuid[]) as id",
        &ids,
        Topic::Wallet.as_str(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn publish_for(
    conn: &mut sqlx::PgConnection,
    organization: Option<OrganizationId>,
    topic: Topic,
    subjects: &[Uuid],
) -> Result<()> {
    sqlx::query!(
        "insert into events (organization_id, topic, subject) select $1, $2, * from unnest($3::uuid[])",
        organization.map(|o| o.0),
        topic.as_str(),
        subjects,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A position in the stream of events: everything up to it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    xid: i64,
    id: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.xid, self.id)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (xid, id) = text.split_once('-')?;
            Some(Self { xid: xid.parse().ok()?, id: id.parse().ok()? })
        };
        parse().ok_or(Error::Inconsistent("event position"))
    }
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Where it stands in the stream.
    pub position: Position,
    /// Whose it is; `None` is for operators.
    pub organization_id: Option<OrganizationId>,
    /// What changed.
    pub topic: Topic,
    /// Which one.
    pub subject: Option<Uuid>,
}

/// Events after a position, and whether more are written but cannot be ordered yet because an
/// older transaction is still open: then ask again soon.
#[derive(Debug)]
pub struct Batch {
    /// In order.
    pub events: Vec<Event>,
    /// Ask again in some milliseconds.
    pub unsettled: bool,
}

struct Row {
    xid: i64,
    id: i64,
    organization_id: Option<OrganizationId>,
    topic: Topic,
    subject: Option<Uuid>,
    settled: bool,
}

fn batch(rows: Vec<Row>) -> Batch {
    let unsettled = rows.iter().any(|r| !r.settled);
    let events = rows.into_iter().take_while(|r| r.settled).map(|r| Event {
        position: Position { xid: r.xid, id: r.id },
        organization_id: r.organization_id,
        topic: r.topic,
        subject: r.subject,
    });
    Batch { events: events.collect(), unsettled }
}

/// Up to 500 events of the organization after `after`.
pub async fn read_after(db: &mut OrgRead, after: Position) -> Result<Batch> {
    let organization = db.organization_id();
    let rows = sqlx::query_as!(
        Row,
        r#"select xid::text::bigint as "xid!", id, organization_id as "organization_id: OrganizationId",
            topic as "topic: Topic", subject, xid < pg_snapshot_xmin(pg_current_snapshot()) as "settled!"
        from events
        where organization_id = $1 and (xid, id) > ($2::bigint::text::xid8, $3)
        order by xid, id limit 500"#,
        organization.0,
        after.xid,
        after.id,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(batch(rows))
}

/// Up to 500 events of everybody after `after`.
pub async fn read_all_after(db: &mut SystemRead, after: Position) -> Result<Batch> {
    let rows = sqlx::query_as!(
        Row,
        r#"select xid::text::bigint as "xid!", id, organization_id as "organization_id: OrganizationId",
            topic as "topic: Topic", subject, xid < pg_snapshot_xmin(pg_current_snapshot()) as "settled!"
        from events where (xid, id) > ($1::bigint::text::xid8, $2)
        order by xid, id limit 500"#,
        after.xid,
        after.id,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(batch(rows))
}

async fn tip(conn: &mut sqlx::PgConnection) -> Result<Position> {
    let xid = sqlx::query_scalar!(
        r#"select (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1) as "xid!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(Position { xid, id: i64::MAX })
}

/// The present end of the stream, for a page that has just been read: read the end first, then the
/// page, and nothing is missed.
pub async fn position(db: &mut OrgRead) -> Result<Position> {
    tip(db.conn()).await
}

/// The same for operators.
pub async fn system_position(db: &mut impl SystemDb) -> Result<Position> {
    tip(db.conn()).await
}

/// Hears which organizations have new events. One per process.
pub struct Ear {
    listener: PgListener,
}

/// What the listener heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// New events of this organization.
    Organization(OrganizationId),
    /// New events for operators only.
    Platform,
    /// The connection was lost and is back: anything may have happened meanwhile.
    Gap,
}

impl Ear {
    /// Listens on a connection of its own.
    pub async fn connect(store: &ReadStore) -> Result<Self> {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen("events").await?;
        Ok(Self { listener })
    }

    /// The next announcement. An error means the database is away: wait a little and ask again.
    pub async fn hear(&mut self) -> Result<Heard> {
        Ok(match self.listener.try_recv().await? {
            None => Heard::Gap,
            Some(note) => match note.payload().parse() {
                Ok(organization) => Heard::Organization(organization),
                Err(_) => Heard::Platform,
            },
        })
    }
}
