//! Short messages about what was just done, carried over a redirect as a word.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::WebState;
use crate::cookie::NewCookie;
use crate::frame::Toast;

crate::words::words! {
    /// What was just done. Only known words are shown, so a forged cookie says nothing new.
    pub(crate) enum Said {
        /// A VPS was ordered.
        VpsOrdered = "vps_ordered",
        /// Start was accepted.
        VpsStarting = "vps_starting",
        /// Stop was accepted.
        VpsStopping = "vps_stopping",
        /// Reboot was accepted.
        VpsRebooting = "vps_rebooting",
        /// Delete was accepted.
        VpsDeleting = "vps_deleting",
        /// Something else is going on with the VPS.
        VpsBusy = "vps_busy",
        /// A key was added.
        KeyAdded = "key_added",
        /// A key was deleted.
        KeyDeleted = "key_deleted",
        /// An API key was revoked.
        ApiKeyRevoked = "api_key_revoked",
        /// A session was ended.
        SessionEnded = "session_ended",
        /// A person was shut out.
        PersonSuspended = "person_suspended",
        /// A person was let in again.
        PersonResumed = "person_resumed",
        /// A provider account was added.
        ProviderAdded = "provider_added",
        /// A token is being checked.
        ProviderChecking = "provider_checking",
        /// A token was replaced.
        ProviderRotated = "provider_rotated",
        /// An account was disabled.
        ProviderDisabled = "provider_disabled",
        /// An account was enabled.
        ProviderEnabled = "provider_enabled",
        /// A plan was added.
        PlanAdded = "plan_added",
        /// Prices were published.
        PricesPublished = "prices_published",
        /// Prices are to come into force.
        PricesScheduled = "prices_scheduled",
        /// Prices were taken back.
        PricesWithdrawn = "prices_withdrawn",
        /// VPSs are to be moved to another price.
        MoveAnnounced = "move_announced",
        /// VPSs are not moved after all.
        MoveCancelled = "move_cancelled",
        /// A plan is on sale.
        PlanOnSale = "plan_on_sale",
        /// A plan is not on sale any more.
        PlanOffSale = "plan_off_sale",
        /// It was changed whom documents are made out to.
        BillingDetailsSaved = "billing_details_saved",
        /// A tax rate was published.
        TaxRatePublished = "tax_rate_published",
        /// Money is on its way back to a payer.
        RefundAsked = "refund_asked",
        /// A failed mail is sent again.
        MailQueued = "mail_queued",
        /// There is nothing to send again.
        MailNotFailed = "mail_not_failed",
        /// Another link to confirm an address is on its way.
        ConfirmationSent = "confirmation_sent",
        /// Other request limits are in force.
        LimitSet = "limit_set",
        /// The usual request limits hold again.
        LimitRestored = "limit_restored",
        /// Other terms of payment hold.
        TermsSet = "terms_set",
        /// A code became a credit.
        CodeRedeemed = "code_redeemed",
        /// An operator gave a credit.
        CreditGranted = "credit_granted",
        /// A wallet was corrected.
        AdjustmentApplied = "adjustment_applied",
        /// Another operator has to agree.
        AdjustmentRequested = "adjustment_requested",
        /// A correction was refused.
        AdjustmentRejected = "adjustment_rejected",
        /// An offer was made.
        CampaignAdded = "campaign_added",
        /// An offer was ended.
        CampaignDisabled = "campaign_disabled",
        /// It was changed when money is added by itself.
        AutoTopUpSaved = "auto_top_up_saved",
        /// Money is not added by itself any more.
        AutoTopUpOff = "auto_top_up_off",
        /// A job was given another chance.
        JobRetried = "job_retried",
        /// A job was discarded.
        JobDiscarded = "job_discarded",
        /// A job was discarded, and another one undoes it.
        JobUndoing = "job_undoing",
    }
}

impl From<Said> for Toast {
    fn from(said: Said) -> Self {
        use Said as S;
        let text = match said {
            S::VpsOrdered => "Your VPS is being made",
            S::VpsStarting => "Starting",
            S::VpsStopping => "Stopping",
            S::VpsRebooting => "Rebooting",
            S::VpsDeleting => "The VPS is being deleted; charging has ended",
            S::VpsBusy => "Not now: another action is under way, or the VPS is suspended",
            S::KeyAdded => "SSH key added",
            S::KeyDeleted => "SSH key deleted",
            S::ApiKeyRevoked => "API key revoked",
            S::SessionEnded => "Session ended",
            S::PersonSuspended => "Suspended: sessions have ended, API keys are refused",
            S::PersonResumed => "Suspension lifted",
            S::ProviderAdded => "Account added; its token is being checked",
            S::ProviderChecking => "The token is being checked",
            S::ProviderRotated => "Token replaced; it is being checked",
            S::ProviderDisabled => "Account disabled",
            S::ProviderEnabled => "Account enabled",
            S::PlanAdded => "Plan added and on sale",
            S::PricesPublished => "Prices published",
            S::PricesScheduled => "Prices published; they come into force at that time",
            S::PricesWithdrawn => "Prices withdrawn",
            S::MoveAnnounced => "Announced; the owners are told by mail",
            S::MoveCancelled => "Cancelled; who was told is told so",
            S::PlanOnSale => "The plan is on sale",
            S::PlanOffSale => "The plan is not sold any more",
            S::BillingDetailsSaved => "Billing details saved; they are on what is issued from now on",
            S::TaxRatePublished => "Rate published",
            S::RefundAsked => "The refund is on its way",
            S::MailQueued => "The mail is sent again",
            S::MailNotFailed => "That mail is sent, or waits already",
            S::ConfirmationSent => "Another mail is on its way",
            S::LimitSet => "The limit is in force",
            S::LimitRestored => "The usual limit holds again",
            S::TermsSet => "The terms are in force",
            S::CodeRedeemed => "The credit is in your wallet",
            S::CreditGranted => "The credit is in the wallet",
            S::AdjustmentApplied => "The wallet is corrected",
            S::AdjustmentRequested => "Another operator has to agree; nothing has moved yet",
            S::AdjustmentRejected => "Rejected; nothing has moved",
            S::CampaignAdded => "The offer is made",
            S::CampaignDisabled => "The offer is over",
            S::AutoTopUpSaved => "Saved; it counts from now on",
            S::AutoTopUpOff => "Automatic top-up is off",
            S::JobRetried => "The job runs again",
            S::JobDiscarded => "Job discarded",
            S::JobUndoing => "Job discarded; this one undoes what it was for",
        };
        Self { tone: if said == S::VpsBusy { "bad" } else { "good" }, text }
    }
}

/// To another page (303, so that a reload does not send the form again).
pub(crate) fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// To another page, which says what was done.
pub(crate) fn see_other_saying(state: &WebState, to: &str, said: Said) -> Response {
    let mut response = see_other(to);
    NewCookie { name: "said", value: said.as_str(), max_age: 60, hidden: true }
        .set(&mut response, state.is_secure());
    response
}
