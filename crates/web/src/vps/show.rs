//! One VPS.

use domain::VpsId;
use domain::identity::Permission;
use domain::vps::{ActionKind, Power, PowerRequest, Status, Suspension, VpsState};
use store::activity::{self, read::Filter};
use store::catalog::read::NextPrice;
use store::vps::read::{self, Detail};

use super::view::{ActionView, DeleteView, Problem, Progress, VpsPage, VpsView};
use crate::access::{Member, Session, may};
use crate::activity::words::Words;
use crate::country;
use crate::error::{Failure, Result};
use crate::form::Id;

/// Entries of the trail shown on the page.
const ENTRIES: i64 = 10;
const NOT_ALLOWED: &str = "Your role does not allow this.";

/// The page.
pub(crate) async fn show(member: Member<may::VpsView>, Id(id): Id<VpsId>) -> Result {
    let mut db = member.read().await?;
    let vps = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let entries = match member.may(Permission::ActivityView) {
        true => {
            let about = Filter { target: Some(id.0), ..Default::default() };
            activity::read::list(&mut db, &about, None, ENTRIES).await?
        }
        false => Vec::new(),
    };
    let words = Words::for_customers(&member.state.currency);
    let page = VpsPage {
        actions: actions(&vps, &member),
        delete: deletion(&vps, &member),
        progress: progress(&vps),
        problem: problem(&vps, member.state.app.settings().reserve_hours),
        activity: entries.into_iter().map(|entry| words.entry(entry)).collect(),
        vps: facts(vps),
    };
    db.show(&page)
}

fn facts(vps: Detail) -> VpsView {
    let status = vps.status();
    VpsView {
        id: vps.id.to_string(),
        name: vps.name,
        status: status.into(),
        busy: is_busy(status),
        ipv4: vps.ipv4,
        ipv6: vps.ipv6,
        plan: vps.plan,
        vcpus: vps.vcpus,
        memory_mib: vps.memory_mib,
        disk_gib: vps.disk_gib,
        transfer_gb: vps.transfer_gb,
        image: vps.image,
        region: format!("{}, {}", vps.region, country::name(&vps.country)),
        hour: vps.sell_hour,
        month: vps.sell_month,
        next: NextPrice::of(vps.next_at, vps.next_hour, vps.next_month).map(Into::into),
        spent: vps.spent,
        month_spent: vps.month_spent,
        month_hours: vps.month_hours,
        paid_until: vps.paid_until.filter(|_| vps.state == VpsState::Active),
        created_at: vps.created_at,
    }
}

fn is_busy(status: Status) -> bool {
    use Status as S;
    matches!(status, S::Provisioning | S::Starting | S::Stopping | S::Rebooting | S::Busy | S::Deleting)
}

fn actions(vps: &Detail, session: &Session) -> Vec<ActionView> {
    let allowed = session.may(Permission::VpsPower);
    let action = |request: PowerRequest, label, icon| ActionView {
        word: request.as_str(),
        label,
        icon,
        blocked: if allowed { power_blocked(vps, request) } else { Some(NOT_ALLOWED) },
    };
    if vps.state.is_final() {
        return Vec::new();
    }
    vec![
        action(PowerRequest::Start, "Start", "play"),
        action(PowerRequest::Stop, "Stop", "square"),
        action(PowerRequest::Reboot, "Reboot", "rotate-cw"),
    ]
}

/// Why a power button cannot be pressed.
fn power_blocked(vps: &Detail, request: PowerRequest) -> Option<&'static str> {
    match (vps.state, vps.suspended_by, vps.action) {
        (VpsState::Creating, ..) => return Some("It is still being made."),
        (VpsState::Active, None, None) => {}
        (VpsState::Active, None, Some(_)) => return Some("Another action is under way."),
        (VpsState::Active, Some(Suspension::Unpaid), _) => {
            return Some("It starts again once the wallet is filled.");
        }
        (VpsState::Active, Some(Suspension::Operator), _) => {
            return Some("It is suspended. Please contact support.");
        }
        _ => return Some("It does not exist any more."),
    }
    match (request, vps.power) {
        (PowerRequest::Start, Power::Running) => Some("It is running."),
        (PowerRequest::Stop | PowerRequest::Reboot, Power::Stopped) => Some("It is switched off."),
        _ => None,
    }
}

fn deletion(vps: &Detail, session: &Session) -> DeleteView {
    DeleteView {
        shown: vps.state.may_become(VpsState::Deleting),
        blocked: (!session.may(Permission::VpsDelete)).then_some(NOT_ALLOWED),
    }
}

/// What happens now, and since when.
fn progress(vps: &Detail) -> Option<Progress> {
    let since = vps.action_since.unwrap_or(vps.created_at);
    let (text, hint) = match (vps.state, vps.action?) {
        (VpsState::Creating, _) => ("Your VPS is being made.", "This usually takes a minute or two."),
        (VpsState::Deleting, _) => ("Your VPS is being deleted.", "Charging has ended."),
        (VpsState::Active, ActionKind::Start | ActionKind::Resume) => {
            ("Starting.", "This usually takes less than a minute.")
        }
        (VpsState::Active, ActionKind::Stop) => ("Stopping.", "The system is asked to shut down first."),
        (VpsState::Active, ActionKind::Suspend) => ("Switching off.", "The wallet is empty."),
        (VpsState::Active, ActionKind::Reboot) => ("Rebooting.", "This usually takes less than a minute."),
        _ => return None,
    };
    Some(Progress { text, hint, since })
}

/// What is wrong, and what to do about it.
fn problem(vps: &Detail, reserve_hours: i64) -> Option<Problem> {
    let plain =
        |tone, title, text: String| Problem { tone, title, text, kept_until: None, href: None, action: None };
    match (vps.state, vps.suspended_by) {
        (VpsState::Failed, _) => {
            let why = vps.failure.clone().unwrap_or_default();
            let text = format!("{why} The money held for it is back in your wallet.");
            Some(plain("bad", "This VPS could not be made.", text.trim_start().to_owned()))
        }
        (VpsState::Lost, _) => Some(plain(
            "bad",
            "The server behind this VPS has vanished.",
            "Charging has ended and we are looking into it. You can delete the entry.".to_owned(),
        )),
        (VpsState::Active, Some(Suspension::Unpaid)) => Some(Problem {
            tone: "bad",
            title: "Suspended: the wallet is empty.",
            text: format!(
                "It is switched off and keeps its data. It starts again once the wallet covers {reserve_hours} hours."
            ),
            kept_until: vps.kept_until,
            href: Some("/wallet#add-money"),
            action: Some("Add money"),
        }),
        (VpsState::Active, Some(Suspension::Operator)) => {
            Some(plain("warn", "Suspended.", "Please contact support.".to_owned()))
        }
        (VpsState::Active, None) if vps.action.is_none() => {
            let why = vps.action_failure.clone()?;
            Some(plain("warn", "The last action did not work.", why))
        }
        _ => None,
    }
}
