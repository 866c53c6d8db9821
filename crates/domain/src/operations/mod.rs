//! What operators watch: alarms and jobs.

use crate::text_enum::stored_enum;

stored_enum! {
    /// What an alarm is about. The words are stable: programs go by them.
    pub enum AlarmCode {
        /// Hours that began a while ago are not charged.
        BillingLag = "billing_lag",
        /// Jobs that are due are not begun: too few workers, or none.
        QueueLag = "queue_lag",
        /// Jobs were given up.
        DeadJobs = "dead_jobs",
        /// A provider refuses an account's token.
        AccountUnauthorized = "account_unauthorized",
        /// An account's inventory could not be compared for a while.
        ReconcileFailing = "reconcile_failing",
        /// Something went wrong at an account.
        AccountError = "account_error",
        /// Few of an account's requests are left until its vendor counts anew.
        QuotaLow = "quota_low",
        /// A vendor refuses more servers: the account's own limit is reached.
        AccountLimit = "account_limit",
        /// Servers that no order explains.
        Orphans = "orphans",
        /// A plan is on sale below what it costs now.
        PlanBelowCost = "plan_below_cost",
        /// VPSs keep a price that is below what they cost now.
        KeptPriceBelowCost = "kept_price_below_cost",
        /// A plan's cost is another than the one its price was made from.
        CostChanged = "cost_changed",
        /// Money is held for an order on which no job works.
        HoldWithoutJob = "hold_without_job",
        /// A payer disputes a payment: an answer is due.
        DisputeOpen = "dispute_open",
        /// The gateway's books and ours differ, and nothing explains it.
        PaymentDifference = "payment_difference",
        /// Messages came that the gateway did not send, or that cannot be checked.
        WebhookRefused = "webhook_refused",
    }
}

crate::text_enum! {
    /// How urgent an alarm is.
    pub enum Severity {
        /// Money or customers' servers are at stake now.
        Critical = "critical",
        /// It will be, if nobody looks.
        Warning = "warning",
    }
}

impl AlarmCode {
    /// How urgent it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::BillingLag
            | Self::QueueLag
            | Self::DeadJobs
            | Self::AccountUnauthorized
            | Self::PlanBelowCost
            | Self::HoldWithoutJob
            | Self::DisputeOpen
            | Self::PaymentDifference => Severity::Critical,
            Self::ReconcileFailing
            | Self::AccountError
            | Self::QuotaLow
            | Self::AccountLimit
            | Self::Orphans
            | Self::KeptPriceBelowCost
            | Self::CostChanged
            | Self::WebhookRefused => Severity::Warning,
        }
    }
}

stored_enum! {
    /// Where a job stands.
    pub enum JobState {
        /// Waits for its time, or for a worker.
        Ready = "ready",
        /// A worker has it.
        Running = "running",
        /// Over.
        Done = "done",
        /// Given up; an operator decides.
        Dead = "dead",
        /// Discarded by an operator.
        Cancelled = "cancelled",
    }
}
