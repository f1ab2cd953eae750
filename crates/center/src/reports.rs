//! Reports of signalling and media find the machine that they concern: a leg, then whoever owns it; a recording; the
//! threads.

use std::net::SocketAddr;

use model::{
    AudioReport, CallId, EndedBy, Kept, LegId, LegReport, MediaReport, RecordingEvent, RecordingId,
    RecordingReport, RecordingState, Refusal, RemoteMedia, Shortage, StorageEvent, StorageReport,
};

use crate::code::CodeCall;
use crate::context::Context;
use crate::inside::InsideCall;
use crate::leg::{LegEvent, Meaning, Why};
use crate::machine::Center;

impl Center {
    pub(crate) fn leg_report(&mut self, leg: LegId, report: LegReport) {
        let Some(of) = self.cx.legs.get_mut(leg) else {
            return tracing::debug!(%leg, report = report.name(), "a report of a leg that is gone");
        };
        let (why, meaning) = (of.why.clone(), of.signalled(report));
        self.leg_means(leg, why, meaning);
    }

    pub(crate) fn media_report(&mut self, report: MediaReport) {
        match report {
            MediaReport::Leg(leg, report) => self.audio_report(leg, &report),
            MediaReport::Recording(recording, RecordingReport::Sealed(kept)) => {
                self.recording_closed(recording, RecordingState::Sealed, kept, None);
            }
            MediaReport::Recording(recording, RecordingReport::Failed { why, kept }) => {
                self.recording_closed(recording, RecordingState::Damaged, kept, Some(why));
            }
            MediaReport::Strain { thread, lacks } => self.cx.room.strained(thread, lacks),
            MediaReport::Storage(StorageReport::Failed { storage, trouble, why }) => {
                self.cx.record(StorageEvent::Failed { storage, trouble, why });
            }
            MediaReport::Storage(StorageReport::Restored { storage }) => {
                self.cx.record(StorageEvent::Restored { storage });
            }
        }
    }

    fn audio_report(&mut self, leg: LegId, report: &AudioReport) {
        let Some(of) = self.cx.legs.get_mut(leg) else {
            return tracing::debug!(%leg, report = report.name(), "a report of a leg that is gone");
        };
        let (why, meaning) = (of.why.clone(), of.measured(report));
        self.leg_means(leg, why, meaning);
    }

    /// Gives what a report means to whoever owns the leg.
    fn leg_means(&mut self, leg: LegId, why: Why, meaning: Meaning) {
        let _span = tracing::info_span!("leg", %leg).entered();
        match meaning {
            Meaning::PortOpen(rtp) => self.port_open(leg, &why, rtp),
            Meaning::NoPort(lacks) => self.no_port(leg, &why, lacks),
            Meaning::Up(remote) => self.leg_up(leg, &why, remote),
            Meaning::Unanswered(refusal) => self.unanswered(leg, &why, refusal),
            Meaning::Event(event) => self.leg_event(leg, why, event),
            Meaning::DeviceFree => self.cx.device_free(leg),
            Meaning::Closed(quality) => self.cx.closed(leg, quality),
            Meaning::Nothing => {}
        }
    }

    fn port_open(&mut self, leg: LegId, why: &Why, rtp: SocketAddr) {
        match why {
            Why::Contact(contact) => _ = self.with(*contact, |contact, cx| contact.customer_open(cx, rtp)),
            Why::Originator(contact) => {
                self.with(*contact, |contact, cx| contact.originator_open(cx, leg, rtp));
            }
            Why::FeatureCode => self.with_code(leg, |code, cx| code.answer(cx, rtp)),
            Why::Inside(call) => self.with_inside(*call, |inside, cx| inside.port_open(cx, leg, rtp)),
            Why::Offer { contact, queue, .. } => {
                let dialled = self.with(*contact, |contact, cx| contact.dial_seat(cx, leg, rtp, queue));
                if dialled.is_none() {
                    // The distributor is about to withdraw it.
                    self.cx.is_gone(leg);
                }
            }
            Why::Guest(contact) => _ = self.with(*contact, |contact, cx| contact.dial_guest(cx, leg, rtp)),
            Why::Taker(contact) => _ = self.with(*contact, |contact, cx| contact.taker_open(cx, leg, rtp)),
            Why::SecondLine(contact) => {
                self.with(*contact, |contact, cx| contact.second_line_open(cx, leg, rtp));
            }
            Why::Answered { .. } | Why::Segment(_) | Why::Giver(_) => not_of(leg, why),
        }
    }

    /// There was no port for a leg that called us.
    fn no_port(&mut self, leg: LegId, why: &Why, lacks: Shortage) {
        match why {
            Why::Contact(contact) => _ = self.with(*contact, |contact, cx| contact.try_elsewhere(cx, lacks)),
            Why::FeatureCode => self.with_code(leg, |code, cx| code.end(cx, lacks.cause())),
            Why::Inside(call) => self.with_inside(*call, |inside, cx| inside.end(cx, lacks.cause())),
            Why::Originator(contact) => {
                self.with(*contact, |contact, cx| contact.end(cx, lacks.cause(), EndedBy::Center));
            }
            Why::Taker(contact) | Why::SecondLine(contact) => {
                self.with(*contact, |contact, cx| contact.no_port_for_agents_call(cx, leg, lacks.cause()));
            }
            Why::Offer { .. } | Why::Answered { .. } | Why::Segment(_) | Why::Guest(_) | Why::Giver(_) => {
                not_of(leg, why);
            }
        }
    }

    fn leg_up(&mut self, leg: LegId, why: &Why, remote: RemoteMedia) {
        match why {
            Why::Contact(contact) => _ = self.with(*contact, |contact, cx| contact.connected(cx, remote)),
            Why::Originator(contact) => {
                self.with(*contact, |contact, cx| contact.originator_up(cx, leg, remote));
            }
            Why::FeatureCode => self.with_code(leg, |code, cx| code.connected(cx, remote)),
            Why::Inside(call) => self.with_inside(*call, |inside, cx| inside.leg_up(cx, leg, remote)),
            Why::Offer { offer, .. } => self.cx.seat_answered(leg, *offer, remote),
            Why::Guest(contact) => {
                self.with(*contact, |contact, cx| contact.guest_answered(cx, leg, remote));
            }
            Why::Taker(contact) => {
                self.with(*contact, |contact, cx| contact.taker_answered(cx, leg, remote));
            }
            Why::SecondLine(contact) => {
                self.with(*contact, |contact, cx| contact.second_line_up(cx, leg, remote));
            }
            Why::Answered { .. } | Why::Segment(_) | Why::Giver(_) => not_of(leg, why),
        }
    }

    /// A leg that we dialled, or were to dial, will not be answered.
    fn unanswered(&mut self, leg: LegId, why: &Why, refusal: Refusal) {
        match why {
            Why::Offer { offer, .. } => self.cx.refuse_offer(leg, *offer, refusal),
            Why::Guest(contact) => {
                self.with(*contact, |contact, cx| contact.guest_missed(cx, leg, refusal));
            }
            Why::Taker(contact) => {
                self.cx.is_gone(leg);
                self.with(*contact, |contact, cx| contact.taker_failed(cx, leg, refusal));
            }
            Why::Inside(call) => self.with_inside(*call, |inside, cx| inside.unanswered(cx, leg, refusal)),
            Why::Contact(contact) => {
                self.cx.is_gone(leg);
                self.with(*contact, |contact, cx| contact.customer_unanswered(cx, refusal));
            }
            Why::Originator(contact) => {
                self.cx.is_gone(leg);
                self.with(*contact, |contact, cx| contact.originator_failed(cx, leg, refusal));
            }
            Why::Answered { .. }
            | Why::Segment(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::FeatureCode => not_of(leg, why),
        }
    }

    fn leg_event(&mut self, leg: LegId, why: Why, event: LegEvent) {
        match why {
            Why::Contact(contact)
            | Why::Originator(contact)
            | Why::Segment(contact)
            | Why::Guest(contact)
            | Why::Taker(contact)
            | Why::Giver(contact)
            | Why::SecondLine(contact) => {
                self.with(contact, |contact, cx| contact.leg_event(cx, leg, &why, event));
            }
            Why::Offer { .. } | Why::Answered { .. } => self.cx.offer_event(leg, event),
            Why::FeatureCode => self.with_code(leg, |code, cx| code.leg_event(cx, event)),
            Why::Inside(call) => self.with_inside(call, |inside, cx| inside.leg_event(cx, leg, event)),
        }
    }

    /// Has a call between agents that is not over do something.
    pub(crate) fn with_inside<R: Default>(
        &mut self,
        call: CallId,
        act: impl FnOnce(&mut InsideCall, &mut Context) -> R,
    ) -> R {
        let Some(inside) = self.inside.get_mut(&call) else { return R::default() };
        let done = act(inside, &mut self.cx);
        if inside.is_over() {
            self.inside.remove(&call);
        }
        done
    }

    pub(crate) fn with_code(&mut self, leg: LegId, act: impl FnOnce(&mut CodeCall, &mut Context)) {
        if let Some(code) = self.codes.get_mut(&leg) {
            act(code, &mut self.cx);
            if code.is_over() {
                self.codes.remove(&leg);
            }
        }
    }

    /// A recording that fails in mid-call is closed now; its contact goes on without.
    fn recording_closed(
        &mut self,
        recording: RecordingId,
        state: RecordingState,
        kept: Kept,
        fault: Option<String>,
    ) {
        let Some(contact) = self.cx.recordings.remove(&recording) else { return };
        if let Some(going_on) = self.contacts.get_mut(&contact) {
            going_on.recording.take_if(|open| *open == recording);
        }
        let Kept { duration_ms, sha256, gaps } = kept;
        self.cx.record(RecordingEvent::Closed {
            recording,
            contact,
            state,
            duration_ms,
            sha256,
            gaps,
            fault,
        });
    }
}

/// The leg's machine says this of no leg that is there for this.
fn not_of(leg: LegId, why: &Why) {
    tracing::debug!(%leg, ?why, "nothing follows from a report in this stage");
}
