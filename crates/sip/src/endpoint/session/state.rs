//! What the states of a session have in common.

use super::refresh::Refresh;
use super::reliable::Provisional;
use super::{Change, Role, SessionState, Talking};
use crate::dialog::Dialog;

impl SessionState {
    /// The dialog, once there is one.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        match self {
            SessionState::Invited(invited) => Some(&invited.dialog),
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => Some(&talking.dialog),
            SessionState::Calling(_) | SessionState::Withdrawn(_) | SessionState::Over => None,
        }
    }

    pub(super) fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match self {
            SessionState::Invited(invited) => Some(&mut invited.dialog),
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                Some(&mut talking.dialog)
            }
            SessionState::Calling(_) | SessionState::Withdrawn(_) | SessionState::Over => None,
        }
    }

    /// An answered session, whether its end is reported or not.
    pub(super) fn talking_mut(&mut self) -> Option<&mut Talking> {
        match self {
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => Some(talking),
            SessionState::Invited(_)
            | SessionState::Calling(_)
            | SessionState::Withdrawn(_)
            | SessionState::Over => None,
        }
    }

    /// The user hung up an answered session before its ACK.
    pub(super) fn closing(self, reason: Option<&str>) -> SessionState {
        match self {
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                SessionState::Closing { talking, reason: reason.map(str::to_owned) }
            }
            SessionState::Invited(_)
            | SessionState::Calling(_)
            | SessionState::Withdrawn(_)
            | SessionState::Over => self,
        }
    }
}

impl Talking {
    /// An answered session that nothing is asked in. Its session timer is set by [`Session::set_refresh`].
    pub(super) fn new(dialog: Dialog, takes_update: bool) -> Talking {
        Talking {
            dialog,
            unacked: None,
            acked: None,
            change: Change::None,
            provisional: Provisional::Plain,
            refresh: Refresh::Off,
            takes_update,
        }
    }

    /// Our 200 to the first INVITE waits for its ACK.
    pub(super) fn awaits_first_ack(&self) -> bool {
        self.unacked.as_ref().is_some_and(|unacked| match unacked.role {
            Role::First { .. } | Role::FirstOffer => true,
            Role::Change | Role::ChangeOffer => false,
        })
    }
}
