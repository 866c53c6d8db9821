//! Receipts, credit notes and statements, to be there.

use app::Caller;
use app::billing::{NewProfile, Returned, issue_credit_note, set_profile};
use chrono::{Datelike as _, Utc};
use domain::activity::{Action, Activity};
use domain::billing::document::Statement;
use domain::identity::Actor;
use domain::{DocumentId, Money, OrganizationId, TopUpId};
use store::billing::{document, statement};
use store::{SystemPurpose, wallet};

use crate::Panel;

impl Panel {
    /// Fills in the billing details of a business.
    pub async fn billing_details(&self, caller: &Caller, country: &str, vat_number: &str) {
        let new = NewProfile {
            name: "Example Studio",
            address: "Hauptstr. 1\n10115 Berlin",
            country,
            vat_number,
            email: "",
        };
        set_profile(&self.app, caller, &new.parse().unwrap()).await.unwrap();
    }

    /// Gives an organization that has paid one of each kind: billing details, a credit note for a part of its last
    /// payment, and the running month's statement.
    pub async fn documents(&self, caller: &Caller) {
        self.billing_details(caller, "DE", "").await;
        let organization = caller.organization_id();
        let last = "select top_up_id from documents where kind = 'receipt' and organization_id =";
        let paid = TopUpId(self.fetch(format!("{last} '{organization}' order by id desc limit 1")).await);
        self.credit_note(caller, paid, "documents", "1.00").await;
        let (id, statement) = self.statement(organization).await;
        let mut tx = self.store.system_tx(SystemPurpose::Billing).await.unwrap();
        document::insert_statements(&mut tx, &[(organization, id, statement)]).await.unwrap();
        let entry = Activity::of(organization, Actor::System, Action::StatementIssued);
        tx.commit(entry).await.unwrap();
    }

    /// Issues a credit note, as a refund would. Money is not moved.
    pub async fn credit_note(&self, caller: &Caller, top_up: TopUpId, key: &str, gross: &str) {
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let wallet = wallet::lock(&mut tx).await.unwrap();
        let gross: Money = gross.parse().unwrap();
        let returned = Returned { top_up, key, gross, reason: "Refund" };
        let note = issue_credit_note(&self.app, &mut tx, &wallet, &returned).await.unwrap().unwrap();
        tx.commit(note.entry.into_iter().collect::<Vec<_>>()).await.unwrap();
    }

    /// The running month's statement of an organization as it is now, not issued.
    async fn statement(&self, organization: OrganizationId) -> (DocumentId, Statement) {
        let month = Utc::now().date_naive().with_day(1).unwrap();
        let settings = self.app.settings();
        let mut tx = self.store.system_tx(SystemPurpose::Billing).await.unwrap();
        let drafts =
            statement::draft(&mut tx, &[organization], month, &settings.seller, &settings.currency).await;
        (DocumentId::new(), drafts.unwrap().remove(0).1)
    }
}
