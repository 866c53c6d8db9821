//! Rows made and walls taken down past the panel, to set a scene.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::Panel;

impl Panel {
    /// A row once more, with another id and these changes.
    pub async fn copy(&self, table: &str, template: Uuid, mut changes: Value) -> Uuid {
        let id = Uuid::now_v7();
        changes["id"] = json!(id);
        self.execute(format!(
            "insert into {table} select (jsonb_populate_record(t, '{changes}')).* from {table} t where id = '{template}'"
        ))
        .await;
        id
    }

    /// Takes row security down in every table: what is confined from here on confines itself.
    pub async fn without_row_security(&self) {
        let policies = "select format('alter policy tenant on %s using (true)', tablename) from pg_policies
            where policyname = 'tenant'";
        let policies: Vec<String> = self.fetch_all(policies).await;
        assert!(policies.len() > 15, "{policies:?}");
        for policy in policies {
            self.execute(policy).await;
        }
    }
}
