//! A watch on the queue, for what no look at rest can see: who lost a job must not touch it any more.
//!
//! Other walls (states, unique keys) mostly hold when this one falls, so the books alone would not tell.

use testkit::Panel;

/// Notes every change of a job that is over, and every end of a job that nobody holds.
pub(crate) async fn set_up(panel: &Panel) {
    for statement in STATEMENTS {
        panel.execute(statement).await;
    }
}

/// What was noted.
pub(crate) async fn noted(panel: &Panel) -> Vec<String> {
    panel.fetch_all("select what from watched").await
}

const STATEMENTS: [&str; 3] = [
    "create table watched (what text not null)",
    "create function watch() returns trigger language plpgsql security definer
        set search_path = public, pg_temp as $$
    begin
        insert into watched values (format('job %s %s went from %s to %s by the hand of one who did not hold it',
            old.id, old.kind, old.state, new.state));
        return null;
    end $$",
    "create trigger watch after update on jobs for each row
        when (old.state in ('done', 'dead', 'cancelled') or (old.state = 'ready' and new.state in ('done', 'dead')))
        execute function watch()",
];
