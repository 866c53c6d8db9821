//! Prices that change on the way through a billing run.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::notify::Topic;
use domain::{MeterId, OrganizationId, PriceMoveId, VpsId};
use serde_json::json;
use store::billing::OpenMeter;
use store::billing::moves::{DueMove, Moved, apply, end};
use store::wallet::LockedWallet;
use store::{SystemTx, catalog, notify};

use crate::{Error, Result};

/// Moves VPSs to another price from their next hour on: meter, VPS and burn. What is paid stays. Wallets are locked and
/// sorted by organization, and every hour that began before is charged. Answers one entry for each organization and move.
pub(super) async fn change(
    tx: &mut SystemTx,
    wallets: &mut [LockedWallet],
    meters: &mut [OpenMeter],
    moves: &[DueMove],
) -> Result<Vec<Activity>> {
    let prices = catalog::prices(tx, moves.iter().map(|m| m.to)).await?;
    let places: HashMap<MeterId, usize> = meters.iter().enumerate().map(|(i, m)| (m.id, i)).collect();
    let (mut moved, mut over, mut change) = (Vec::new(), Vec::new(), Vec::new());
    for due in moves {
        match due.meter_id.and_then(|id| places.get(&id)) {
            Some(&i) if due.ended_at.is_none_or(|end| end > due.moves_at) => {
                let to = prices.get(&due.to).ok_or_else(|| Error::internal("a move to no price"))?.price;
                let (from, meter) = (meters[i].price, meters[i].meter.moved(meters[i].price.sell_month));
                let cap = meter.earlier_cap.map(|earlier| (earlier.month, earlier.cap));
                (meters[i].price, meters[i].meter) = (to, meter);
                moved.push(Moved {
                    move_id: due.move_id,
                    vps_id: due.vps_id,
                    meter_id: meters[i].id,
                    to: due.to,
                    first_span_at: meter.paid_until,
                    cap: cap.ok_or_else(|| Error::internal("a moved meter keeps a cap"))?,
                });
                change.push((due, from, to));
            }
            None if due.creating => {}
            _ => over.push((due.move_id, due.vps_id)),
        }
    }
    end(tx, &over).await?;
    let burning: HashSet<VpsId> = apply(tx, &moved).await?.into_iter().collect();
    let mut told: BTreeMap<(OrganizationId, PriceMoveId), Vec<&DueMove>> = BTreeMap::new();
    let mut entries = Vec::new();
    for (due, from, to) in change {
        if burning.contains(&due.vps_id) {
            let place = wallets.binary_search_by_key(&due.organization_id, LockedWallet::organization_id);
            let place = place.map_err(|_| Error::internal("a move without a locked wallet"))?;
            let wallet = &mut wallets[place];
            wallet.burn = wallet.burn.minus(from.sell_hour)?.plus(to.sell_hour)?;
        }
        told.entry((due.organization_id, due.move_id)).or_default().push(due);
    }
    for ((organization, _), vps) in told {
        let ids: Vec<uuid::Uuid> = vps.iter().map(|due| due.vps_id.0).collect();
        notify::publish_system(tx, Some(organization), Topic::Vps, &ids).await?;
        let Some(first) = vps.first() else { continue };
        let hour = prices.get(&first.to).map(|unit| unit.price.sell_hour.to_string());
        let detail = json!({ "plan": first.plan, "region": first.region, "vps": ids.len(), "hour": hour });
        let entry = Activity::of(organization, Actor::System, Action::PriceChanged);
        entries.push(entry.on(TargetKind::Wallet, organization).with(detail));
    }
    Ok(entries)
}
