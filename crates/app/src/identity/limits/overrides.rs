//! Other limits than the installation's: operators set them until a time, processes keep them at hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Quota;
use domain::{LimitOverrideId, OrganizationId};
use serde_json::{Value, json};
use store::identity::{self as rows, LimitSubject, NewLimitOverride, limits_in_force};
use store::{Store, SystemPurpose};

use super::key::Key;
use crate::identity::short_text;
use crate::{App, Error, Operator, Result};

/// So old may be what a process knows of the limits in force.
const FRESH: Duration = Duration::from_secs(5);

/// The limits in force, as last read.
#[derive(Debug, Default)]
struct Known {
    quotas: HashMap<Key, (Quota, DateTime<Utc>)>,
    read_at: Option<Instant>,
}

/// The limits in force, read again every few seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct InForce {
    known: Arc<RwLock<Known>>,
    reading: Arc<AtomicBool>,
}

impl InForce {
    /// The quota of a key, if it has one of its own that is not over.
    pub(super) fn quota(&self, key: Key) -> Option<Quota> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.quotas.get(&key).filter(|(_, expires_at)| *expires_at > Utc::now()).map(|(quota, _)| *quota)
    }

    /// Sees to it that nothing old is known. Waits only the first time.
    pub(super) async fn keep_fresh(&self, store: &Store) -> Result<()> {
        let read_at = self.known.read().unwrap_or_else(PoisonError::into_inner).read_at;
        match read_at {
            None => self.read(store).await,
            Some(at) if at.elapsed() < FRESH => Ok(()),
            Some(_) if self.reading.swap(true, Ordering::AcqRel) => Ok(()),
            Some(_) => {
                let (this, store) = (self.clone(), store.clone());
                tokio::spawn(async move {
                    if let Err(error) = this.read(&store).await {
                        tracing::warn!(error = crate::full(&error), "cannot read the limits in force");
                    }
                    this.reading.store(false, Ordering::Release);
                });
                Ok(())
            }
        }
    }

    /// Reads them now.
    pub(super) async fn read(&self, store: &Store) -> Result<()> {
        let read_at = Some(Instant::now());
        let quotas = limits_in_force(store).await?.into_iter();
        let quotas = quotas.map(|limit| {
            let key = match limit.subject {
                LimitSubject::Organization => Key::Organization(limit.organization_id),
                LimitSubject::User(user) => Key::User(user),
                LimitSubject::ApiKey(key) => Key::Program(key),
            };
            (key, (limit.quota, limit.expires_at))
        });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) =
            Known { quotas: quotas.collect(), read_at };
        Ok(())
    }
}

/// A limit to put in force.
#[derive(Debug)]
pub struct NewLimit<'a> {
    /// Whom in the organization.
    pub subject: LimitSubject,
    /// Requests at once.
    pub requests: u32,
    /// Seconds after which all of them are there again.
    pub seconds: u32,
    /// For how many days, 1 to 365.
    pub days: i32,
    /// What for.
    pub reason: &'a str,
}

/// Gives an organization, or somebody in it, another limit until a time, in place of the present one.
/// Signing in and payments keep the installation's limits. Other processes follow within seconds.
pub async fn set_limit(
    app: &App,
    operator: &Operator,
    organization_id: OrganizationId,
    new: NewLimit<'_>,
) -> Result<LimitOverrideId> {
    let quota = Quota::new(new.requests, new.seconds)
        .map_err(|_| Error::invalid("requests", "Allow 1 to 10000 requests a second, over at most a day."))?;
    if !(1..=365).contains(&new.days) {
        return Err(Error::invalid("days", "Choose 1 to 365 days."));
    }
    let reason = short_text("reason", new.reason)?;
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let row =
        NewLimitOverride { organization_id, subject: new.subject, quota, reason: &reason, days: new.days };
    let (id, expires_at) = rows::set_limit(&mut tx, row).await.map_err(|error| {
        let is_unknown =
            ["organization_id_fkey", "organization_id_user_id_fkey", "organization_id_api_key_id_fkey"]
                .iter()
                .any(|key| error.is_constraint(&format!("limit_overrides_{key}")));
        if is_unknown { Error::NotFound } else { error.into() }
    })?;
    let detail = json!({ "limit": quota.to_string(), "reason": reason, "until": expires_at });
    let entry = entry(operator, organization_id, Action::LimitOverridden, new.subject);
    tx.commit(entry.with(detail)).await?;
    app.limiter().refresh().await?;
    Ok(id)
}

/// Takes a limit back before its time: the installation's holds again.
pub async fn restore_limit(
    app: &App,
    operator: &Operator,
    organization_id: OrganizationId,
    id: LimitOverrideId,
) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let subject = rows::remove_limit(&mut tx, organization_id, id).await?.ok_or(Error::NotFound)?;
    let entry = entry(operator, organization_id, Action::LimitRestored, subject);
    tx.commit(entry.with(Value::Object(Default::default()))).await?;
    app.limiter().refresh().await
}

/// An entry in the organization's own trail: its people may know.
fn entry(
    operator: &Operator,
    organization: OrganizationId,
    action: Action,
    subject: LimitSubject,
) -> Activity {
    let entry = Activity { organization_id: Some(organization), ..operator.did(action) };
    match subject {
        LimitSubject::Organization => entry.on(TargetKind::Organization, organization),
        LimitSubject::User(user) => entry.on(TargetKind::User, user),
        LimitSubject::ApiKey(key) => entry.on(TargetKind::ApiKey, key),
    }
}
