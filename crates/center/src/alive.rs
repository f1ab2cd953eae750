//! Whether those in a call still live: the one place where their silence is judged.
//!
//! Media report a leg of which nothing at all came (no RTP, RTCP or keep-alive) as `Silent`, again and again while it
//! lasts, so nothing depends on one report: what is passed over now is judged again when it comes next.
//!
//! | the leg | what follows |
//! |---|---|
//! | waits, listens, is being answered, holds, was to send nothing | it is asked by signalling (`Probe`); who answers stays |
//! | a party of a conversation that should send | its conversation is over, as with any party that vanished |
//! | a guest that should send | it is taken out of the conversation |

use model::{CallId, Cause, Direction, EndedBy, GuestEnd, LegId, LegOrder, Time};

use crate::call::{Call, Stage, Vacancy};
use crate::machine::Center;

impl Center {
    /// Nothing at all came of a leg's peer for the configured time.
    pub(crate) fn silent(&mut self, now: Time, call: CallId, leg: LegId, direction: Direction) {
        if !direction.receives() || !self.should_be_heard(now, call, leg) {
            return self.order(leg, LegOrder::Probe);
        }
        if self.is_guest(call, leg) {
            return self.dismiss_guest(now, call, leg, GuestEnd::Vanished, None);
        }
        let of_agent = self.talk(call).is_some_and(|talk| talk.leg == leg);
        match self.who_stays(call).filter(|_| of_agent) {
            Some(stays) => self.promote_guest(now, call, stays, Vacancy::Vanished),
            None => self.end(now, call, Cause::MediaTimeout, EndedBy::Network),
        }
    }

    /// True for a party of a conversation that does not hold, once the conversation is old enough: who was silent
    /// while waiting has as long to speak as anybody else. Half of the time, for a report is never much too early.
    fn should_be_heard(&self, now: Time, call: CallId, leg: LegId) -> bool {
        let Some(Call::Customer(customer)) = self.calls.get(&call) else { return false };
        let of_customer = customer.leg == leg;
        match &customer.stage {
            Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } => false,
            Stage::Talking(talk) => match talk.guests.iter().find(|guest| guest.leg == leg) {
                Some(guest) => guest.stage.is_joined() && !guest.stage.holds(),
                None => {
                    !talk.is_held_by(of_customer) && now.since(talk.arranged_at) * 2 >= self.config.silence
                }
            },
        }
    }
}

/// Who ended a call whose leg ended for this cause: a party that does not answer ended nothing.
pub(crate) fn who_ended(cause: Cause, party: EndedBy) -> EndedBy {
    match cause {
        Cause::SignallingTimeout | Cause::MediaTimeout => EndedBy::Network,
        Cause::HungUp
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
        | Cause::ShuttingDown
        | Cause::Crashed
        | Cause::Failed => party,
    }
}
