//! Whether those in a call still live: the one place where their silence is judged.
//!
//! Media report a leg of which nothing at all came (no RTP, RTCP or keep-alive) as `Silent`, again and again while it
//! lasts, so nothing depends on one report: what is passed over now is judged again when it comes next.
//!
//! | the leg | what follows |
//! |---|---|
//! | waits, listens, is being answered, holds, was to send nothing | it is asked by signalling (`Probe`); who answers stays |
//! | the customer in a conversation, who should send | the contact is over |
//! | the agent in a conversation, who should send | the agent is lost: a guest stays with the customer, or the queue, or nobody |
//! | a guest that should send | it is taken out of the conversation |

use model::{Cause, Direction, EndedBy, GuestEnd, LegId, LegOrder, Side};

use crate::contact::{Contact, Vacancy};
use crate::context::Context;

impl Contact {
    /// Nothing at all came of a leg's peer for the configured time.
    pub(crate) fn silent(&mut self, cx: &mut Context, leg: LegId, direction: Direction) {
        if !direction.receives() || !self.should_be_heard(cx, leg) {
            return cx.order(leg, LegOrder::Probe);
        }
        let of_agent = self.talk().is_some_and(|talk| talk.leg == leg);
        if leg != self.leg && !of_agent {
            return self.dismiss_guest(cx, leg, GuestEnd::Vanished, None);
        }
        if of_agent {
            self.agent_lost(cx, Cause::MediaTimeout, Vacancy::Vanished);
        } else {
            self.end(cx, Cause::MediaTimeout, EndedBy::Network);
        }
    }

    /// True for a party of a conversation that does not hold, once the conversation is old enough: who was silent
    /// while waiting has as long to speak as anybody else. Half of the time, for a report is never much too early.
    fn should_be_heard(&self, cx: &Context, leg: LegId) -> bool {
        let Some(talk) = self.talk() else { return false };
        match talk.guests.iter().find(|guest| guest.leg == leg) {
            Some(guest) => guest.joined && !guest.holds,
            None => {
                let side = if leg == self.leg { Side::Customer } else { Side::Company };
                // Who has nobody to speak to hears music, and may be silent.
                let waits = talk.is_held_by(side) || (side == Side::Customer && talk.is_aside());
                !waits && cx.now.since(talk.arranged_at) * 2 >= cx.config.silence
            }
        }
    }
}

/// Who ended a call whose leg ended for this cause: a party that does not answer ended nothing.
pub(crate) fn who_ended(cause: Cause, party: EndedBy) -> EndedBy {
    match cause {
        Cause::SignallingTimeout | Cause::MediaTimeout => EndedBy::Network,
        Cause::HungUp
        | Cause::Transferred
        | Cause::Cancelled
        | Cause::FlowFinished
        | Cause::FlowFailed
        | Cause::UnknownNumber
        | Cause::NoCommonCodec
        | Cause::Overloaded
        | Cause::CallsFull
        | Cause::RtpPortsFull
        | Cause::OpenFilesFull
        | Cause::TrunkFull
        | Cause::SourceFull
        | Cause::WaitedOut
        | Cause::Busy
        | Cause::Declined
        | Cause::NoAnswer
        | Cause::Unreachable
        | Cause::NotAllowed
        | Cause::NotNow
        | Cause::ShuttingDown
        | Cause::Crashed
        | Cause::Failed => party,
    }
}
