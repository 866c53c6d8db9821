//! A database whose time stands still until the test moves it.
//!
//! The product takes its time from the database. Here `now()` is found in a schema that is searched before
//! PostgreSQL's own, so that use cases, jobs and columns' defaults all read the same clock, and years pass in
//! seconds. Leases and waits of jobs count by it too: move it only while nothing runs.

use chrono::{DateTime, Utc};

use crate::Panel;

impl Panel {
    /// Stops the clock at this time. Before anything has connected as the panel: sessions look names up as
    /// they did when they began.
    pub async fn stop_the_clock(&self, at: DateTime<Utc>) {
        for statement in STOPPED.split(";\n") {
            self.execute(statement).await;
        }
        let bound: Vec<String> = self.fetch_all(BOUND_TO_THE_REAL_CLOCK).await;
        assert!(bound.len() > 15, "defaults and views were found: {bound:?}");
        for statement in bound {
            self.execute(statement).await;
        }
        let database: String = self.fetch("select current_database()::text").await;
        self.execute(format!("alter database {database} set search_path = stopped, public, pg_catalog"))
            .await;
        self.set_clock(at).await;
    }

    /// Moves the stopped clock.
    pub async fn set_clock(&self, at: DateTime<Utc>) {
        self.execute(format!("update stopped.clock set at = '{at}'")).await;
    }
}

const STOPPED: &str = "create schema stopped;
create table stopped.clock as select now() as at;
create function stopped.now() returns timestamptz stable language sql as 'select at from stopped.clock';
create function stopped.clock_timestamp() returns timestamptz stable language sql as 'select at from stopped.clock';
grant usage on schema stopped to public;
grant select on stopped.clock to public";

/// Defaults and views were bound to PostgreSQL's own function when they were made.
const BOUND_TO_THE_REAL_CLOCK: &str = "
    select format('alter table %s alter column %I set default stopped.now()', d.adrelid::regclass, a.attname)
    from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where pg_get_expr(d.adbin, d.adrelid) = 'now()'
    union all
    select format('create or replace view %I as %s', viewname, replace(definition, 'now()', 'stopped.now()'))
    from pg_views where schemaname = 'public' and definition like '%now()%'";
