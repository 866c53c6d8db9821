//! Messages of the payment gateway, from when they come until a job has looked at them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::PaymentEventId;
use domain::payment::Message;
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead, SystemTx};

/// So many wait to be looked at, at most.
pub const MOST_WAITING: i64 = 2_000;
/// Of those that were refused, so many are remembered.
const REFUSED_KEPT: i64 = 500;

/// A message to keep.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its id here.
    pub id: PaymentEventId,
    /// The gateway's id of it, as the message says.
    pub event_ref: &'a str,
    /// Of all that came.
    pub digest: &'a [u8; 32],
    /// Headers by their names in small letters.
    pub headers: &'a BTreeMap<String, String>,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// What became of a message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is kept.
    New,
    /// It is known, or one that is genuine has its id.
    Known,
    /// Too many wait already.
    Full,
}

/// Keeps a message.
pub async fn receive(tx: &mut SystemTx, event: &NewEvent<'_>) -> Result<Received> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from payment_events
            where event_ref = $1 and (digest = $2 or state in ('done', 'ignored'))) as "known!""#,
        event.event_ref,
        &event.digest[..],
    )
    .fetch_one(tx.conn())
    .await?;
    if known {
        return Ok(Received::Known);
    }
    let inserted = sqlx::query!(
        "insert into payment_events (id, event_ref, digest, headers, body) select $1, $2, $3, $4, $5
        where (select count(*) from (select from payment_events where state = 'received' limit $6) w) < $6
        on conflict do nothing",
        event.id.0,
        event.event_ref,
        &event.digest[..],
        Json(event.headers) as _,
        event.body,
        MOST_WAITING,
    )
    .execute(tx.conn())
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Received::New);
    }
    let known = sqlx::query_scalar!(
        r#"select exists (select from payment_events where event_ref = $1 and digest = $2) as "known!""#,
        event.event_ref,
        &event.digest[..],
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(if known { Received::Known } else { Received::Full })
}

/// A message that no job has looked at.
pub async fn waiting(db: &mut SystemRead, id: PaymentEventId) -> Result<Option<Message>> {
    let row = sqlx::query!(
        r#"select headers as "headers!: Json<BTreeMap<String, String>>", body as "body!", received_at
        from payment_events where id = $1 and state = 'received'"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|r| Message { headers: r.headers.0, body: r.body, received_at: r.received_at }))
}

/// What was found about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding<'a> {
    /// It is genuine and was taken care of.
    Done {
        /// The gateway's word for what happened.
        kind: &'a str,
    },
    /// It is genuine and not for us.
    Ignored {
        /// The gateway's word for what happened.
        kind: &'a str,
        /// Why.
        why: &'a str,
    },
    /// It is not genuine.
    Refused {
        /// Why.
        why: &'a str,
    },
}

/// Notes what was found about a message and forgets what was in it. A genuine one that was looked at before under
/// another signature leaves no second row.
pub async fn settle(tx: &mut SystemTx, id: PaymentEventId, finding: Finding<'_>) -> Result<()> {
    let (state, kind, why) = match finding {
        Finding::Done { kind } => ("done", Some(kind), None),
        Finding::Ignored { kind, why } => ("ignored", Some(kind), Some(why)),
        Finding::Refused { why } => ("refused", None, Some(why)),
    };
    sqlx::query!(
        "with twin as (
            delete from payment_events e where e.id = $1 and $2 <> 'refused' and exists (select from payment_events o
                where o.event_ref = e.event_ref and o.id <> e.id and o.state in ('done', 'ignored'))
            returning e.id
        )
        update payment_events set state = $2, kind = $3, detail = $4, checked_at = now(), headers = null, body = null
        where id = $1 and state = 'received' and not exists (select from twin)",
        id.0,
        state,
        kind,
        why,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes what was looked at long ago, and of what was refused all but the newest.
pub async fn housekeep(tx: &mut SystemTx) -> Result<()> {
    sqlx::query!("delete from payment_events where checked_at < now() - interval '30 days'")
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "delete from payment_events where state = 'refused' and id not in (select id from payment_events
            where state = 'refused' order by checked_at desc limit $1)",
        REFUSED_KEPT
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How the way from the gateway to us is.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// When the last genuine message came.
    pub last_at: Option<DateTime<Utc>>,
    /// Genuine messages of the last day.
    pub genuine: i64,
    /// Refused messages of the last day.
    pub refused: i64,
    /// Messages nobody has looked at.
    pub waiting: i64,
}

/// The figures of the last day.
pub async fn health(db: &mut SystemRead) -> Result<Health> {
    Ok(sqlx::query_as!(
        Health,
        r#"select max(received_at) filter (where state in ('done', 'ignored')) as last_at,
            count(*) filter (where state in ('done', 'ignored') and received_at > now() - interval '1 day') as "genuine!",
            count(*) filter (where state = 'refused' and received_at > now() - interval '1 day') as "refused!",
            count(*) filter (where state = 'received') as "waiting!"
        from payment_events"#
    )
    .fetch_one(db.conn())
    .await?)
}

/// A message as operators see it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The gateway's id of it.
    pub event_ref: String,
    /// `received`, `done`, `ignored` or `refused`.
    pub state: String,
    /// The gateway's word for what happened.
    pub kind: Option<String>,
    /// Why it was refused or ignored.
    pub detail: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// The newest messages.
pub async fn newest(db: &mut SystemRead, limit: i64) -> Result<Vec<Seen>> {
    Ok(sqlx::query_as!(
        Seen,
        "select event_ref, state, kind, detail, received_at from payment_events order by id desc limit $1",
        limit
    )
    .fetch_all(db.conn())
    .await?)
}
