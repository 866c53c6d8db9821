//! The audit trail: what was done, by whom, to what, from where.

use std::net::IpAddr;

use serde_json::Value;
use uuid::Uuid;

use crate::OrganizationId;
use crate::identity::Actor;
use crate::text_enum::stored_enum;

stored_enum! {
    /// What was done.
    pub enum Action {
        /// An organization, its owner and its wallet were made.
        OrganizationCreated = "organization.created",
        /// Somebody signed in.
        SignedIn = "user.signed_in",
        /// Somebody signed out.
        SignedOut = "user.signed_out",
        /// A sign-in was refused.
        SignInRefused = "user.sign_in_refused",
        /// A session was ended by its owner.
        SessionRevoked = "session.revoked",
        /// A user was added.
        UserCreated = "user.created",
        /// Somebody asked for another link to confirm their address.
        EmailConfirmationRequested = "user.email_confirmation_requested",
        /// Somebody confirmed their address.
        EmailConfirmed = "user.email_confirmed",
        /// An operator shut a user out.
        UserSuspended = "user.suspended",
        /// An operator let a user in again.
        UserResumed = "user.resumed",
        /// An API key was made.
        ApiKeyCreated = "api_key.created",
        /// An API key was ended.
        ApiKeyRevoked = "api_key.revoked",
        /// An SSH key was added.
        SshKeyAdded = "ssh_key.added",
        /// An SSH key was deleted.
        SshKeyDeleted = "ssh_key.deleted",
        /// A VPS was ordered.
        VpsCreateRequested = "vps.create_requested",
        /// A VPS became active.
        VpsCreated = "vps.created",
        /// A VPS could not be made.
        VpsCreateFailed = "vps.create_failed",
        /// Start was asked for.
        VpsStartRequested = "vps.start_requested",
        /// Stop was asked for.
        VpsStopRequested = "vps.stop_requested",
        /// Reboot was asked for.
        VpsRebootRequested = "vps.reboot_requested",
        /// A power operation ended well.
        VpsPowerChanged = "vps.power_changed",
        /// A power operation went wrong.
        VpsActionFailed = "vps.action_failed",
        /// Delete was asked for.
        VpsDeleteRequested = "vps.delete_requested",
        /// A VPS is gone.
        VpsDeleted = "vps.deleted",
        /// A server vanished at the provider.
        VpsLost = "vps.lost",
        /// The reconciler corrected what we knew of a VPS.
        VpsReconciled = "vps.reconciled",
        /// A duplicate server of a VPS was destroyed.
        VpsTwinDestroyed = "vps.twin_destroyed",
        /// VPSs were suspended because the wallet is empty.
        VpsSuspended = "vps.suspended",
        /// VPSs were resumed.
        VpsResumed = "vps.resumed",
        /// A VPS was destroyed because it stayed unpaid.
        VpsDestroyed = "vps.destroyed",
        /// A top-up was begun.
        TopUpRequested = "top_up.requested",
        /// The payer can approve a top-up.
        TopUpOrdered = "top_up.ordered",
        /// A capture was asked for.
        TopUpCaptureRequested = "top_up.capture_requested",
        /// The gateway holds a payment back.
        TopUpPending = "top_up.pending",
        /// A top-up arrived in the wallet.
        TopUpCompleted = "top_up.completed",
        /// A top-up failed or ran out of time.
        TopUpFailed = "top_up.failed",
        /// Automatic top-ups were asked for.
        AutoTopUpRequested = "auto_top_up.requested",
        /// The payer can agree to automatic top-ups.
        AutoTopUpOrdered = "auto_top_up.ordered",
        /// It was asked whether the payer agreed.
        AutoTopUpAnswerRequested = "auto_top_up.answer_requested",
        /// Automatic top-ups are on.
        AutoTopUpOn = "auto_top_up.on",
        /// It was changed when money is asked for, or how much.
        AutoTopUpChanged = "auto_top_up.changed",
        /// An automatic payment was declined and is tried once more.
        AutoTopUpDeclined = "auto_top_up.declined",
        /// No more is asked for in this month.
        AutoTopUpCeiling = "auto_top_up.ceiling_reached",
        /// Automatic top-ups are off.
        AutoTopUpOff = "auto_top_up.off",
        /// The gateway forgot the leave to charge.
        AutoTopUpForgotten = "auto_top_up.forgotten",
        /// It was changed whom receipts are made out to.
        BillingProfileChanged = "billing.profile_changed",
        /// The register of VAT numbers said whether it knows the number of the billing details.
        VatNumberChecked = "billing.vat_number_checked",
        /// A receipt was issued.
        ReceiptIssued = "billing.receipt_issued",
        /// A credit note was issued.
        CreditNoteIssued = "billing.credit_note_issued",
        /// A month's statement was issued.
        StatementIssued = "billing.statement_issued",
        /// An operator published a country's tax rate.
        TaxRatePublished = "tax_rate.published",
        /// A code was redeemed.
        CreditRedeemed = "credit.redeemed",
        /// An operator gave a credit.
        CreditGranted = "credit.granted",
        /// What was left of a credit ended.
        CreditExpired = "credit.expired",
        /// An operator corrected the wallet.
        AdjustmentApplied = "adjustment.applied",
        /// An operator asked another one for a correction.
        AdjustmentRequested = "adjustment.requested",
        /// A correction was refused.
        AdjustmentRejected = "adjustment.rejected",
        /// Nobody decided about a correction in time.
        AdjustmentExpired = "adjustment.expired",
        /// An offer was made.
        CampaignCreated = "campaign.created",
        /// An offer was ended.
        CampaignDisabled = "campaign.disabled",
        /// An operator asked for money to go back to the payer.
        RefundRequested = "refund.requested",
        /// Money went back to the payer.
        RefundCompleted = "refund.completed",
        /// A refund came to nothing.
        RefundFailed = "refund.failed",
        /// The gateway took money back.
        PaymentReversed = "refund.reversed",
        /// A dispute about a payment was begun.
        DisputeOpened = "dispute.opened",
        /// A dispute went on to another stage.
        DisputeChanged = "dispute.changed",
        /// A dispute was decided for us.
        DisputeWon = "dispute.won",
        /// A dispute was decided for the payer.
        DisputeLost = "dispute.lost",
        /// Hours were charged.
        HoursCharged = "billing.hours_charged",
        /// Hours of suspended VPSs were added to the debt.
        HoursAccrued = "billing.hours_accrued",
        /// Transfer above what is included was charged.
        TransferCharged = "billing.transfer_charged",
        /// An organization was told of another price of its VPSs.
        PriceChangeAnnounced = "billing.price_change_announced",
        /// An organization was told that its VPSs keep their price after all.
        PriceChangeCancelled = "billing.price_change_cancelled",
        /// VPSs cost another price from their next hour on.
        PriceChanged = "billing.price_changed",
        /// People were told that the wallet runs out.
        RunwayLow = "billing.runway_low",
        /// People were told until when unpaid VPSs are kept.
        RetentionAnnounced = "billing.retention_announced",
        /// People were warned that unpaid VPSs will be destroyed.
        DestructionWarned = "billing.destruction_warned",
        /// The destruction of unpaid VPSs was put off.
        DestructionPutOff = "billing.destruction_put_off",
        /// An operator agreed other terms of payment.
        TermsChanged = "organization.terms_changed",
        /// A provider account was added.
        ProviderAdded = "provider.added",
        /// A provider account's token was checked.
        ProviderValidated = "provider.validated",
        /// A provider account's token was replaced.
        ProviderRotated = "provider.rotated",
        /// A provider account was switched off.
        ProviderDisabled = "provider.disabled",
        /// A provider account was switched on.
        ProviderEnabled = "provider.enabled",
        /// A provider account's token is refused.
        ProviderUnauthorized = "provider.unauthorized",
        /// The catalogue of a provider was read.
        CatalogSynced = "catalog.synced",
        /// A plan was added.
        PlanCreated = "plan.created",
        /// A plan was changed.
        PlanUpdated = "plan.updated",
        /// Prices were published.
        PricesPublished = "plan.prices_published",
        /// Prices were taken back before they were in force.
        PricesWithdrawn = "plan.prices_withdrawn",
        /// VPSs are to be moved to another price.
        PriceMoveAnnounced = "plan.price_move_announced",
        /// VPSs are not moved to another price after all.
        PriceMoveCancelled = "plan.price_move_cancelled",
        /// An inventory was compared with ours.
        Reconciled = "provider.reconciled",
        /// Servers that nobody ordered were found at a provider.
        OrphansFound = "provider.orphans_found",
        /// An operator looked into an organization.
        OperatorVisited = "organization.operator_visited",
        /// A mail cannot be delivered.
        MailFailed = "mail.failed",
        /// An operator has a failed mail sent again.
        MailResent = "mail.resent",
        /// An operator gave somebody other request limits until a time.
        LimitOverridden = "organization.limit_overridden",
        /// An operator took other request limits back.
        LimitRestored = "organization.limit_restored",
        /// A dead job was given another chance.
        JobRetried = "job.retried",
        /// A job was discarded.
        JobDiscarded = "job.discarded",
    }
}

stored_enum! {
    /// What kind of thing an entry is about.
    pub enum TargetKind {
        /// An organization.
        Organization = "organization",
        /// A user.
        User = "user",
        /// A session.
        Session = "session",
        /// An API key.
        ApiKey = "api_key",
        /// An SSH key.
        SshKey = "ssh_key",
        /// A VPS.
        Vps = "vps",
        /// A top-up.
        TopUp = "top_up",
        /// What a payer agreed to about automatic top-ups.
        AutoTopUp = "auto_top_up",
        /// A wallet.
        Wallet = "wallet",
        /// A credit.
        Credit = "credit",
        /// A correction.
        Adjustment = "adjustment",
        /// An offer that is redeemed by code.
        Campaign = "campaign",
        /// A provider account.
        Provider = "provider",
        /// A plan.
        Plan = "plan",
        /// A mail in the outbox.
        Mail = "mail",
        /// A receipt, a credit note or a statement.
        Document = "document",
        /// A country's tax rate.
        TaxRate = "tax_rate",
    }
}

/// One entry to be written with the change it describes.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Whose trail it belongs to; `None` for the installation's own.
    pub organization_id: Option<OrganizationId>,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub target: Option<(TargetKind, Uuid)>,
    /// Facts for the reader, without secrets. Shown to the organization when the entry has one.
    pub detail: Value,
    /// The client's address, for what came from outside.
    pub address: Option<IpAddr>,
}

impl Activity {
    /// An entry of an organization's trail.
    pub fn of(organization_id: OrganizationId, actor: Actor, action: Action) -> Self {
        Self {
            organization_id: Some(organization_id),
            actor,
            action,
            target: None,
            detail: Value::Object(Default::default()),
            address: None,
        }
    }

    /// An entry of the installation's trail.
    pub fn platform(actor: Actor, action: Action) -> Self {
        Self {
            organization_id: None,
            actor,
            action,
            target: None,
            detail: Value::Object(Default::default()),
            address: None,
        }
    }

    /// What it is about.
    #[must_use]
    pub fn on(mut self, kind: TargetKind, id: impl Into<Uuid>) -> Self {
        self.target = Some((kind, id.into()));
        self
    }

    /// Facts for the reader.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Where it came from.
    #[must_use]
    pub fn from_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }
}
