//! Whether all books agree: ours, the clouds' and the gateway's, and the ledger.

use std::collections::{BTreeMap, BTreeSet};

use domain::Money;
use simulator::SimServer;
use testkit::Panel;

use crate::watch;

/// Every difference, in one sentence each.
pub(crate) async fn differences(panel: &Panel) -> Vec<String> {
    let mut all = Vec::new();
    match store::wallet::verify::verify(&panel.store).await {
        Ok(verdict) => all.extend(verdict.err().map(|difference| format!("ledger verify: {difference}"))),
        Err(error) => all.push(format!("ledger verify: {error}")),
    }
    all.extend(panel.wrong_sums().await);
    for question in QUESTIONS {
        all.extend(panel.fetch_all::<String>(question).await);
    }
    all.extend(watch::noted(panel).await);
    all.extend(servers(panel).await);
    all.extend(captures(panel).await);
    all
}

/// VPSs of a seed that had two servers at once, though the second was destroyed in time.
pub(crate) async fn twins(panel: &Panel, seed: u64) -> Vec<String> {
    panel
        .fetch_all(format!(
            "select format('VPS %s had a second server', target_id) from activity_logs
                join organizations o on o.id = organization_id
                where action = 'vps.twin_destroyed' and o.name like 'org-{seed}-%'"
        ))
        .await
}

/// Questions whose every answer is a difference.
const QUESTIONS: [&str; 9] = [
    // At rest nothing is in between.
    "select format('VPS %s (%s) is still %s', id, name, state) from vps_instances
        where state in ('creating', 'deleting', 'lost')",
    "select format('VPS %s has an open action: %s %s', vps_id, kind, state) from vps_actions
        where state in ('queued', 'running')",
    "select format('hold %s of VPS %s is open without a living order', id, vps_id) from holds
        where state = 'open'",
    "select format('job %s %s is dead: %s', id, kind, last_error) from jobs where state = 'dead'",
    // Hours: each that began is charged, once, and none that did not.
    "select format('meter %s has %s hours charged, its life has %s', m.id, charged, life) from meters m
        cross join lateral (select count(*) as charged, count(distinct span_start) as distinct_
            from charges where meter_id = m.id) c
        cross join lateral (select greatest(1, ceil(extract(epoch from
            coalesce(m.ended_at, now()) - m.started_at) / 3600))::bigint as life) l
        where charged <> distinct_ or charged > life or charged < life - case when m.ended_at is null
            and extract(epoch from now() - m.started_at)::bigint % 3600 < 30 then 1 else 0 end",
    "select format('VPS %s was active without a meter', id) from vps_instances v
        where active_at is not null and not exists (select from meters where vps_id = v.id)",
    // What is off is off, and only who cannot pay is suspended.
    "select format('VPS %s is suspended and %s', id, power) from vps_instances
        where state = 'active' and suspended_by is not null and power not in ('stopped', 'stopping')",
    // The audit trail tells of every change once.
    ACTIVITY_OF_VPS,
    ACTIVITY_OF_MONEY,
];

const ACTIVITY_OF_VPS: &str = "
    with told as (select target_id, action, count(*) as times from activity_logs
        where target_kind = 'vps' group by 1, 2),
    asked as (select vps_id,
            count(*) filter (where kind in ('start', 'stop', 'reboot')) as asked,
            count(*) filter (where kind not in ('create', 'delete') and state = 'done') as done,
            count(*) filter (where kind not in ('create', 'delete') and state = 'failed') as failed
        from vps_actions group by 1),
    expected as (
        select v.id, e.* from vps_instances v left join asked a on a.vps_id = v.id
        cross join lateral (values
            (array['vps.create_requested'], 1::bigint),
            (array['vps.created'], (active_at is not null)::int::bigint),
            (array['vps.create_failed'], (v.state = 'failed')::int::bigint),
            (array['vps.delete_requested'], (v.state in ('deleting', 'deleted'))::int::bigint),
            (array['vps.deleted'], (v.state = 'deleted')::int::bigint),
            (array['vps.start_requested', 'vps.stop_requested', 'vps.reboot_requested'], coalesce(a.asked, 0)),
            (array['vps.power_changed'], coalesce(a.done, 0)),
            (array['vps.action_failed'], coalesce(a.failed, 0))) as e (actions, times))
    select format('VPS %s: the audit trail tells %s times of %s, it was %s', e.id, told, e.actions[1], e.times)
    from expected e cross join lateral (select coalesce(sum(t.times), 0)::bigint as told from told t
        where t.target_id = e.id and t.action = any(e.actions)) t
    where told <> e.times";

const ACTIVITY_OF_MONEY: &str = "
    with told as (select organization_id, action, count(*) as times from activity_logs group by 1, 2),
    expected as (
        select t.organization_id, e.* from (select organization_id,
            count(*) as begun, count(*) filter (where state = 'completed') as completed,
            count(*) filter (where state in ('failed', 'expired')) as failed
            from top_ups group by 1) t
        cross join lateral (values ('top_up.requested', begun), ('top_up.completed', completed),
            ('top_up.failed', failed)) as e (action, times)
        union all
        select organization_id, 'billing.hours_' || case kind when 'charge' then 'charged' else 'accrued' end,
            count(*) from ledger_transactions where kind in ('charge', 'accrual') group by 1, 2)
    select format('organization %s: the audit trail tells %s times of %s, it was %s',
        e.organization_id, coalesce(t.times, 0), e.action, e.times)
    from expected e left join told t using (organization_id, action)
    where coalesce(t.times, 0) <> e.times";

/// One server for each living VPS, as it is known to us, and none besides.
async fn servers(panel: &Panel) -> Vec<String> {
    let ours: Vec<String> = panel
        .fetch_all(
            "select concat_ws(' ', id, provider_server_id, power) from vps_instances where state = 'active'",
        )
        .await;
    let ours: BTreeMap<&str, Vec<&str>> =
        ours.iter().map(|row| row.split(' ').collect::<Vec<_>>()).map(|row| (row[0], row)).collect();
    let theirs: Vec<SimServer> = panel.simulator.servers().into_iter().filter(|s| !s.is_deleted()).collect();
    let mut wrong = Vec::new();
    for (id, row) in &ours {
        let own: Vec<&SimServer> = theirs.iter().filter(|server| belongs(server, id)).collect();
        match own[..] {
            [server] if server.id.to_string() != row[1] => {
                wrong.push(format!("VPS {id} is server {} at the cloud, {} in our books", server.id, row[1]));
            }
            [server] if !is_so(&server.status, row[2]) => {
                wrong.push(format!("VPS {id} is {} at the cloud, {} in our books", server.status, row[2]));
            }
            [_] => {}
            _ => wrong.push(format!("VPS {id} has {} servers", own.len())),
        }
    }
    let strangers = theirs.iter().filter(|server| !ours.keys().any(|id| belongs(server, id)));
    wrong.extend(strangers.map(|s| format!("server {} ({:?}) runs for nobody: {:?}", s.id, s.cloud, s.tags)));
    wrong
}

/// The tag holds the id of the VPS.
fn belongs(server: &SimServer, vps: &str) -> bool {
    let plain = vps.replace('-', "");
    server.tags.iter().any(|tag| tag.contains(vps) || tag.contains(&plain))
}

/// A cloud's word for what a server does, and ours.
fn is_so(theirs: &str, ours: &str) -> bool {
    match theirs {
        "running" | "active" => ours == "running",
        "offline" | "off" => ours == "stopped",
        // In between for ever: an operation that never ends.
        _ => !matches!(ours, "running" | "stopped"),
    }
}

/// Every capture at the gateway is credited once with its amount, and nothing else is.
async fn captures(panel: &Panel) -> Vec<String> {
    let credited: Vec<String> = panel
        .fetch_all(
            "select concat_ws(' ', substr(t.key, 9), -e.amount_micros) from ledger_transactions t
                join ledger_entries e on e.transaction_id = t.id and e.account = 'gateway_clearing'
                where t.kind = 'top_up' order by 1",
        )
        .await;
    let mut taken: Vec<String> = Vec::new();
    for capture in panel.simulator.orders().iter().flat_map(|order| &order.captures) {
        let amount = capture.amount.parse::<Money>().map(Money::micros);
        match (capture.status.as_str(), amount) {
            ("PENDING" | "DECLINED", Ok(_)) => {}
            // Whatever went back of it later.
            (_, Ok(amount)) => taken.push(format!("{} {amount}", capture.id)),
            other => taken.push(format!("{} {other:?}", capture.id)),
        }
    }
    taken.sort();
    let both: BTreeSet<&String> = credited.iter().chain(&taken).collect();
    let times = |list: &[String], what: &String| list.iter().filter(|one| *one == what).count();
    both.into_iter()
        .filter(|what| times(&credited, what) != times(&taken, what))
        .map(|what| {
            let (ours, theirs) = (times(&credited, what), times(&taken, what));
            format!("capture and micros {what}: taken {theirs} times, credited {ours} times")
        })
        .collect()
}
