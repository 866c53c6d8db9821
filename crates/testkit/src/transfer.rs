//! Transfer, as if the providers' counters had been read.

use chrono::{NaiveDate, Utc};
use domain::VpsId;
use store::billing::transfer::{Behind, Reading, write_readings};
use store::{Exempt, SystemPurpose};

use crate::Panel;

impl Panel {
    /// Publishes what a gigabyte of the usual pool costs, in micro-units, as if it had been at a time (SQL).
    pub async fn price_transfer(&self, sell_gb_micros: i64, at: &str) {
        self.execute(format!(
            "insert into transfer_prices (id, pool, cost_gb_micros, sell_gb_micros, effective_at, published_by, created_at)
            values (gen_random_uuid(), 'standard', 1, {sell_gb_micros}, {at}, '{{\"kind\": \"system\"}}', {at})"
        ))
        .await;
    }

    /// Reads how many bytes went out of a VPS in a month; answers what was known better.
    pub async fn read_transfer(&self, vps: VpsId, month: NaiveDate, bytes_out: i64) -> Vec<Behind> {
        let reading = Reading { vps_id: vps, month, bytes_out, read_at: Utc::now() };
        let mut tx = self.store.system_tx(SystemPurpose::Job).await.unwrap();
        let behind = write_readings(&mut tx, &[reading]).await.unwrap();
        tx.commit(Exempt::NothingChanged).await.unwrap();
        behind
    }
}
