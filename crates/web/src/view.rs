//! Small view types that several areas share.

use std::collections::BTreeMap;

use domain::notify::mail::MailState;
use domain::operations::JobState;
use domain::payment::{AutoTopUpState, DisputeState, RefundState, TopUpState};
use domain::provider::ProviderState;
use domain::vps::{Status, VpsState};
use domain::wallet::AdjustmentState;
use serde::Serialize;

/// Messages at form fields, by field name; `form` for those that belong to none.
pub(crate) type Errors = BTreeMap<String, String>;

/// A coloured dot and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Chip {
    word: &'static str,
    tone: &'static str,
}

impl From<Status> for Chip {
    fn from(status: Status) -> Self {
        let (word, tone) = match status {
            Status::Provisioning => ("Provisioning", "busy"),
            Status::Running => ("Running", "good"),
            Status::Stopped => ("Stopped", "off"),
            Status::Starting => ("Starting", "busy"),
            Status::Stopping => ("Stopping", "busy"),
            Status::Rebooting => ("Rebooting", "busy"),
            Status::Busy => ("Busy", "busy"),
            Status::SuspendedUnpaid => ("Suspended — unpaid", "warn"),
            Status::SuspendedOperator => ("Suspended", "warn"),
            Status::Deleting => ("Deleting", "busy"),
            Status::Deleted => ("Deleted", "off"),
            Status::Failed => ("Failed", "bad"),
            Status::Lost => ("Lost", "bad"),
        };
        Self { word, tone }
    }
}

impl From<VpsState> for Chip {
    fn from(state: VpsState) -> Self {
        let (word, tone) = match state {
            VpsState::Creating => ("Provisioning", "busy"),
            VpsState::Active => ("Active", "good"),
            VpsState::Deleting => ("Deleting", "busy"),
            VpsState::Deleted => ("Deleted", "off"),
            VpsState::Failed => ("Failed", "bad"),
            VpsState::Lost => ("Lost", "bad"),
        };
        Self { word, tone }
    }
}

impl From<TopUpState> for Chip {
    fn from(state: TopUpState) -> Self {
        let (word, tone) = match state {
            TopUpState::Created => ("Preparing", "busy"),
            TopUpState::AwaitingApproval => ("Waiting for you", "warn"),
            TopUpState::Pending => ("Pending", "busy"),
            TopUpState::Completed => ("Paid", "good"),
            TopUpState::Failed => ("Failed", "bad"),
            TopUpState::Expired => ("Expired", "off"),
        };
        Self { word, tone }
    }
}

impl From<AutoTopUpState> for Chip {
    fn from(state: AutoTopUpState) -> Self {
        let (word, tone) = match state {
            AutoTopUpState::Preparing => ("Preparing", "busy"),
            AutoTopUpState::AwaitingApproval => ("Waiting for you", "warn"),
            AutoTopUpState::On => ("On", "good"),
            AutoTopUpState::Off => ("Off", "off"),
        };
        Self { word, tone }
    }
}

impl From<AdjustmentState> for Chip {
    fn from(state: AdjustmentState) -> Self {
        let (word, tone) = match state {
            AdjustmentState::Applied => ("Done", "good"),
            AdjustmentState::Pending => ("Waiting", "warn"),
            AdjustmentState::Approved => ("Approved", "good"),
            AdjustmentState::Rejected => ("Rejected", "bad"),
            AdjustmentState::Expired => ("Not decided", "off"),
        };
        Self { word, tone }
    }
}

impl From<RefundState> for Chip {
    fn from(state: RefundState) -> Self {
        let (word, tone) = match state {
            RefundState::Requested | RefundState::Pending => ("On its way", "busy"),
            RefundState::Completed => ("Paid back", "good"),
            RefundState::Failed => ("Failed", "bad"),
        };
        Self { word, tone }
    }
}

impl From<DisputeState> for Chip {
    fn from(state: DisputeState) -> Self {
        let (word, tone) = match state {
            DisputeState::Open => ("Undecided", "warn"),
            DisputeState::Won => ("Stays", "good"),
            DisputeState::Lost => ("Went back", "bad"),
        };
        Self { word, tone }
    }
}

impl From<MailState> for Chip {
    fn from(state: MailState) -> Self {
        let (word, tone) = match state {
            MailState::Queued => ("Waiting", "busy"),
            MailState::Sent => ("Sent", "good"),
            MailState::Failed => ("Failed", "bad"),
            MailState::Skipped => ("Skipped", "off"),
        };
        Self { word, tone }
    }
}

impl From<ProviderState> for Chip {
    fn from(state: ProviderState) -> Self {
        let (word, tone) = match state {
            ProviderState::Active => ("Active", "good"),
            ProviderState::Disabled => ("Disabled", "off"),
            ProviderState::Unauthorized => ("Token refused", "bad"),
        };
        Self { word, tone }
    }
}

impl From<JobState> for Chip {
    fn from(state: JobState) -> Self {
        let (word, tone) = match state {
            JobState::Ready => ("Waiting", "busy"),
            JobState::Running => ("Running", "good"),
            JobState::Done => ("Done", "off"),
            JobState::Dead => ("Dead", "bad"),
            JobState::Cancelled => ("Discarded", "off"),
        };
        Self { word, tone }
    }
}

impl Chip {
    /// The word.
    pub(crate) fn word(self) -> &'static str {
        self.word
    }

    /// Is there something left of a credit, and may it be spent?
    pub(crate) fn credit(left: bool, ended: bool) -> Self {
        match (left, ended) {
            (true, false) => Self { word: "To spend", tone: "good" },
            (false, false) => Self { word: "Spent", tone: "off" },
            (_, true) => Self { word: "Ended", tone: "off" },
        }
    }

    /// Can an offer be redeemed, or is it over for good?
    pub(crate) fn offer(open: bool, over: bool) -> Self {
        match (open, over) {
            (true, _) => Self { word: "Open", tone: "good" },
            (false, true) => Self { word: "Over", tone: "off" },
            (false, false) => Self { word: "Not now", tone: "warn" },
        }
    }

    /// Is the plan for sale?
    pub(crate) fn for_sale(active: bool) -> Self {
        if active { Self { word: "On sale", tone: "good" } } else { Self { word: "Not sold", tone: "off" } }
    }

    /// Is a price in force, or will it be? Orders are not taken at an earlier one, but VPSs may keep it.
    pub(crate) fn price(in_force: bool, scheduled: bool) -> Self {
        match (in_force, scheduled) {
            (_, true) => Self { word: "Scheduled", tone: "busy" },
            (true, _) => Self { word: "In force", tone: "good" },
            _ => Self { word: "Earlier", tone: "off" },
        }
    }

    /// A price that was taken back before it was in force.
    pub(crate) const WITHDRAWN: Self = Self { word: "Withdrawn", tone: "off" };
    /// A move of VPSs to another price that is to come.
    pub(crate) const ANNOUNCED: Self = Self { word: "Announced", tone: "busy" };
    /// One whose time has come, but some VPSs are not ready.
    pub(crate) const MOVING: Self = Self { word: "Moving", tone: "warn" };
    /// One that is over.
    pub(crate) const MOVED: Self = Self { word: "Moved", tone: "good" };
    /// One that was cancelled.
    pub(crate) const CANCELLED: Self = Self { word: "Cancelled", tone: "off" };
}

/// An entry of a select box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// Links to the other pages of a list that is read by keyset: older ones, and back to the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Pages {
    pub(crate) newest: Option<String>,
    pub(crate) older: Option<String>,
}

/// Rows of a page of a list.
pub(crate) const PAGE: i64 = 50;

impl Pages {
    /// The links of a list that was read with one row more than [`PAGE`]: the extra row is taken
    /// off, and tells that there are older ones.
    pub(crate) fn of<T>(rows: &mut Vec<T>, newest: Option<String>, older: impl Fn(&T) -> String) -> Self {
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        Self { newest, older: rows.last().filter(|_| more).map(older) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_more_means_older_ones() {
        let mut rows: Vec<i64> = (0..=PAGE).collect();
        let pages = Pages::of(&mut rows, None, |last| format!("/x?before={last}"));
        assert_eq!(pages.older, Some(format!("/x?before={}", PAGE - 1)));
        let pages = Pages::of(&mut rows, None, |last| format!("/x?before={last}"));
        assert_eq!((pages.older, rows.len()), (None, usize::try_from(PAGE).unwrap_or_default()));
    }
}
