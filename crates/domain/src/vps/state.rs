//! The states of a VPS and what follows from them.

use crate::text_enum::stored_enum;

stored_enum! {
    /// Where a VPS is in its life. Moves only forward:
    /// `creating → active → deleting → deleted`, with `failed` and `lost` as other ends.
    pub enum VpsState {
        /// Ordered; money is held; the server is being made.
        Creating = "creating",
        /// Confirmed at the provider; hours are counted.
        Active = "active",
        /// Delete accepted; hours have ended; the server is being removed.
        Deleting = "deleting",
        /// Gone at the provider.
        Deleted = "deleted",
        /// Could not be made; the hold was given back.
        Failed = "failed",
        /// The server vanished at the provider; hours have ended.
        Lost = "lost",
    }
}

impl VpsState {
    /// May the state follow this one?
    pub const fn may_become(self, next: Self) -> bool {
        use VpsState as S;
        matches!(
            (self, next),
            (S::Creating, S::Active | S::Deleting | S::Failed)
                | (S::Active, S::Deleting | S::Lost)
                | (S::Deleting, S::Deleted)
                | (S::Lost, S::Deleting)
        )
    }

    /// Is it over?
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Deleted | Self::Failed)
    }
}

stored_enum! {
    /// What the provider last said the server does.
    pub enum Power {
        /// Not known yet.
        Unknown = "unknown",
        /// On.
        Running = "running",
        /// Off.
        Stopped = "stopped",
        /// On its way to on.
        Starting = "starting",
        /// On its way to off.
        Stopping = "stopping",
        /// Restarting.
        Rebooting = "rebooting",
        /// Busy with something else, or held by the provider.
        Busy = "busy",
    }
}

stored_enum! {
    /// The power the customer wants, apart from what a suspension does meanwhile.
    pub enum Wanted {
        /// On.
        On = "on",
        /// Off.
        Off = "off",
    }
}

stored_enum! {
    /// Why a VPS is kept off.
    pub enum Suspension {
        /// The wallet could not pay the next hour; lifted by money.
        Unpaid = "unpaid",
        /// The operator decided; lifted by the operator only.
        Operator = "operator",
    }
}

stored_enum! {
    /// What can be asked of a VPS.
    pub enum ActionKind {
        /// Make the server.
        Create = "create",
        /// Switch on.
        Start = "start",
        /// Switch off.
        Stop = "stop",
        /// Restart.
        Reboot = "reboot",
        /// Switch off because the organization is suspended.
        Suspend = "suspend",
        /// Switch on what was on before the suspension.
        Resume = "resume",
        /// Remove the server.
        Delete = "delete",
    }
}

stored_enum! {
    /// What a customer can ask of a VPS's power.
    pub enum PowerRequest {
        /// Switch on.
        Start = "start",
        /// Switch off.
        Stop = "stop",
        /// Restart.
        Reboot = "reboot",
    }
}

stored_enum! {
    /// How far an action is.
    pub enum ActionState {
        /// Asked for; the provider has not been asked yet.
        Queued = "queued",
        /// The provider was asked.
        Running = "running",
        /// Confirmed at the provider.
        Done = "done",
        /// Refused or gone wrong at the provider.
        Failed = "failed",
        /// Overtaken by a delete.
        Cancelled = "cancelled",
    }
}

stored_enum! {
    /// The one word shown for a VPS, derived from state, power, suspension and the open action.
    pub enum Status {
        /// The server is being made.
        Provisioning = "provisioning",
        /// On.
        Running = "running",
        /// Off.
        Stopped = "stopped",
        /// Going on.
        Starting = "starting",
        /// Going off.
        Stopping = "stopping",
        /// Restarting.
        Rebooting = "rebooting",
        /// Busy at the provider.
        Busy = "busy",
        /// Kept off: the wallet is empty.
        SuspendedUnpaid = "suspended_unpaid",
        /// Kept off by the operator.
        SuspendedOperator = "suspended_operator",
        /// Being removed.
        Deleting = "deleting",
        /// Gone.
        Deleted = "deleted",
        /// Could not be made.
        Failed = "failed",
        /// Vanished.
        Lost = "lost",
    }
}

impl Status {
    /// The word for a VPS. An open action shows at once, before the provider confirms it.
    pub fn of(
        state: VpsState,
        power: Power,
        suspended: Option<Suspension>,
        action: Option<ActionKind>,
    ) -> Self {
        match (state, suspended, action) {
            (VpsState::Creating, ..) => Self::Provisioning,
            (VpsState::Deleting, ..) => Self::Deleting,
            (VpsState::Deleted, ..) => Self::Deleted,
            (VpsState::Failed, ..) => Self::Failed,
            (VpsState::Lost, ..) => Self::Lost,
            (VpsState::Active, Some(Suspension::Unpaid), _) => Self::SuspendedUnpaid,
            (VpsState::Active, Some(Suspension::Operator), _) => Self::SuspendedOperator,
            (VpsState::Active, None, Some(ActionKind::Start | ActionKind::Resume)) => Self::Starting,
            (VpsState::Active, None, Some(ActionKind::Stop | ActionKind::Suspend)) => Self::Stopping,
            (VpsState::Active, None, Some(ActionKind::Reboot)) => Self::Rebooting,
            (VpsState::Active, None, _) => match power {
                Power::Running => Self::Running,
                Power::Stopped => Self::Stopped,
                Power::Starting => Self::Starting,
                Power::Stopping => Self::Stopping,
                Power::Rebooting => Self::Rebooting,
                Power::Busy | Power::Unknown => Self::Busy,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_final_state() {
        for from in VpsState::ALL.iter().filter(|s| s.is_final()) {
            assert!(VpsState::ALL.iter().all(|to| !from.may_become(*to)), "{from}");
        }
    }

    #[test]
    fn a_suspension_hides_the_power() {
        let status = Status::of(VpsState::Active, Power::Running, Some(Suspension::Unpaid), None);
        assert_eq!(status, Status::SuspendedUnpaid);
    }

    #[test]
    fn an_open_action_shows_at_once() {
        let status = Status::of(VpsState::Active, Power::Running, None, Some(ActionKind::Reboot));
        assert_eq!(status, Status::Rebooting);
    }
}
