//! Parking: a customer waits in a numbered slot until an agent picks the call up, by dialling the slot or by order.
//!
//! A customer whom nobody picks up in time goes back to the agent who parked the call, or waits in the queue again.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use model::{
    Actor, AgentId, Cause, CommandId, ContactEvent, ContactId, LegId, ParkEnd, Party, Refused, RemoteMedia,
    Slot,
};

use crate::arrange::HOLD_MUSIC;
use crate::command::Outcome;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::{Callee, RINGS};
use crate::leg::{Leg, Who, Why};
use crate::machine::Center;
use crate::moving::Parted;
use crate::timers::Timer;

/// Where and for how long customers are parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parking {
    /// The slots, which are numbers that agents dial.
    pub slots: RangeInclusive<u16>,
    /// How long a customer stays in one.
    pub limit: Duration,
}

impl Default for Parking {
    fn default() -> Parking {
        Parking { slots: 701..=720, limit: Duration::from_secs(120) }
    }
}

/// A customer in a slot.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) slot: Slot,
    pub(crate) parted: Parted,
    /// Who is about to have the customer.
    pub(crate) pick_up: Option<PickUp>,
}

/// An agent who is about to have a parked customer.
#[derive(Debug)]
pub(crate) struct PickUp {
    pub(crate) leg: LegId,
    /// The distributor gave the agent.
    is_given: bool,
    /// Of an agent who dialled: our port, once it is open, and what the phone offered.
    dialled: Option<Dialled>,
}

#[derive(Debug)]
struct Dialled {
    rtp: Option<SocketAddr>,
    remote: Option<RemoteMedia>,
}

/// Who is parked where.
#[derive(Debug, Default)]
pub(crate) struct Slots(BTreeMap<Slot, ContactId>);

impl Slots {
    fn free(&self, among: &RangeInclusive<u16>) -> Option<Slot> {
        among.clone().map(Slot).find(|slot| !self.0.contains_key(slot))
    }

    pub(crate) fn contact(&self, slot: Slot) -> Option<ContactId> {
        self.0.get(&slot).copied()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Contact {
    /// The customer waits in a slot, without an agent.
    pub(crate) fn park(&mut self, cx: &mut Context, by: Actor) -> Result<Slot, Refused> {
        self.may_move_again()?;
        let slot = cx.slots.free(&cx.config.parking.slots).ok_or(Refused::ParkingFull)?;
        let (contact, parted) = (self.id, self.part(cx, false)?);
        self.moves += 1;
        cx.slots.0.insert(slot, contact);
        cx.record_by(by, ContactEvent::Parked { contact, slot, agent: parted.from.clone() });
        cx.timers.set(Timer::Parking(contact), Some(cx.now + cx.config.parking.limit));
        cx.play_round(self.call, self.leg, HOLD_MUSIC);
        self.place = Place::Parked(Parked { slot, parted, pick_up: None });
        Ok(slot)
    }

    /// Nobody picked the customer up in time; one whose phone rings may still.
    pub(crate) fn parking_over(&mut self, cx: &mut Context) {
        match std::mem::replace(&mut self.place, Place::InFlow) {
            Place::Parked(parked) if parked.pick_up.is_some() => {
                cx.timers.set(Timer::Parking(self.id), Some(cx.now + RINGS));
                self.place = Place::Parked(parked);
            }
            Place::Parked(parked) => {
                self.leave_slot(cx, &parked, ParkEnd::TimedOut);
                self.back_from_parking(cx, parked.parted);
            }
            other => self.place = other,
        }
    }

    pub(crate) fn leave_slot(&self, cx: &mut Context, parked: &Parked, how: ParkEnd) {
        let (contact, slot) = (self.id, parked.slot);
        cx.slots.0.remove(&slot);
        cx.timers.stop(Timer::Parking(contact));
        cx.record(ContactEvent::Unparked { contact, slot, how });
    }

    pub(crate) fn picked_up(
        &mut self,
        cx: &mut Context,
        parked: Parked,
        leg: LegId,
        who: Party,
        remote: RemoteMedia,
    ) {
        self.leave_slot(cx, &parked, ParkEnd::PickedUp);
        let Parted { queue, score_s, .. } = parked.parted;
        self.talk_with(cx, leg, who, (queue, score_s), Some(remote));
    }

    fn parked(&mut self) -> Result<&mut Parked, Refused> {
        match &mut self.place {
            Place::Parked(parked) => Ok(parked),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::Calling(_)
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Over => Err(Refused::EmptySlot),
        }
    }

    /// Asks for the seat of an agent who is to have the parked customer.
    fn pick_up(&mut self, cx: &mut Context, id: CommandId, seat: AgentId) -> Result<Outcome, Refused> {
        let contact = self.id;
        let parked = self.parked()?;
        if parked.pick_up.is_some() {
            return Err(Refused::SeatBusy);
        }
        let queue = parked.parted.queue.clone();
        cx.asked.insert(id, Asked::PickUp { contact, seat: seat.clone() });
        cx.acd(acd::Input::Engage { id, agent: seat, contact, queue });
        Ok(Outcome::Asked)
    }

    /// The distributor gave the seat: it rings.
    pub(crate) fn ring_pick_up(&mut self, cx: &mut Context, seat: AgentId) -> Result<(), Refused> {
        let (call, contact) = (self.call, self.id);
        let parked = self.parked()?;
        if parked.pick_up.is_some() {
            return Err(Refused::SeatBusy);
        }
        let (_, leg) = cx.open_to(call, Callee::Agent(seat), Why::Taker(contact));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
        parked.pick_up = Some(PickUp { leg, is_given: true, dialled: None });
        Ok(())
    }

    /// An agent dialled the slot.
    fn pick_up_by_phone(
        &mut self,
        cx: &mut Context,
        (leg, local): (LegId, IpAddr),
        agent: AgentId,
        remote: Option<RemoteMedia>,
    ) {
        let (call, contact) = (self.call, self.id);
        let Ok(parked) = self.parked() else { return cx.refuse(leg, Cause::UnknownNumber) };
        if parked.pick_up.is_some() {
            return cx.refuse(leg, Cause::Busy);
        }
        let queue = parked.parted.queue.clone();
        let dialled = Some(Dialled { rtp: None, remote });
        parked.pick_up = Some(PickUp { leg, is_given: false, dialled });
        cx.open(leg, Leg::inbound(call, local, Who::Agent(agent.clone()), Why::Taker(contact)));
        let id = CommandId::new(&mut cx.ids, cx.now);
        cx.asked.insert(id, Asked::PickUpByPhone { contact, leg, seat: agent.clone() });
        cx.acd(acd::Input::Engage { id, agent, contact, queue });
    }

    /// The distributor's word on an agent who dialled the slot; false when the agent is not needed.
    pub(crate) fn pick_up_given(
        &mut self,
        cx: &mut Context,
        leg: LegId,
        result: Result<(), Refused>,
    ) -> bool {
        let Ok(parked) = self.parked() else { return false };
        let Some(pick_up) = parked.pick_up.as_mut().filter(|pick_up| pick_up.leg == leg) else {
            return false;
        };
        if result.is_err() {
            parked.pick_up = None;
            cx.let_go(leg, Cause::Busy);
            return false;
        }
        pick_up.is_given = true;
        cx.legs.is_engaged(leg);
        pick_up.answer(cx);
        true
    }

    pub(crate) fn pick_up_open(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        let pick_up = self.parked().ok().and_then(|parked| parked.pick_up.as_mut());
        if let Some(pick_up) = pick_up.filter(|pick_up| pick_up.leg == leg) {
            if let Some(dialled) = &mut pick_up.dialled {
                dialled.rtp = Some(rtp);
            }
            pick_up.answer(cx);
        }
    }
}

impl PickUp {
    /// Answers the call of an agent who dialled, once our port is open and the distributor gave the agent.
    fn answer(&self, cx: &mut Context) {
        if let Some(Dialled { rtp: Some(rtp), remote }) = self.dialled.as_ref().filter(|_| self.is_given) {
            cx.answer(self.leg, *rtp, remote.as_ref());
        }
    }
}

impl Center {
    pub(crate) fn obey_pick_up(
        &mut self,
        id: CommandId,
        slot: Slot,
        seat: AgentId,
    ) -> Result<Outcome, Refused> {
        let contact = self.cx.slots.contact(slot).ok_or(Refused::EmptySlot)?;
        self.ordered(contact, |contact, cx| contact.pick_up(cx, id, seat))
    }

    /// An agent's phone dialled a slot in which somebody is parked.
    pub(crate) fn dial_slot(
        &mut self,
        contact: ContactId,
        ends: (LegId, IpAddr),
        agent: AgentId,
        remote: Option<RemoteMedia>,
    ) {
        self.with(contact, |contact, cx| contact.pick_up_by_phone(cx, ends, agent, remote));
    }
}
