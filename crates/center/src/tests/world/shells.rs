//! The shells, faked: ports open at once, clips last three seconds, seats do what their script says.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use model::{
    AgentId, AudioReport, CallId, Cause, Direction, Kept, LegId, LegOrder, LegReport, MediaOp, MediaReport,
    PlayMode, RecordingReport, Refusal, Shortage, Target,
};

use super::{CUSTOMERS, Leg, QUALITY, SEATS, Seat, World, remote, seconds};
use crate::Input;

const CLIP: Duration = Duration::from_secs(3);

impl World {
    /// Obeys an order to a leg.
    pub(super) fn signal(&mut self, leg: LegId, order: LegOrder) {
        let state = self.legs.get(&leg).copied();
        match order {
            LegOrder::Ring | LegOrder::Progress { .. } | LegOrder::Referral(_) | LegOrder::Show { .. } => {}
            LegOrder::Probe => self.probed(leg, state),
            LegOrder::Answer { .. } => {
                let remote = remote(Direction::Both);
                self.later(Duration::ZERO, Input::Leg(leg, LegReport::Connected { remote }));
            }
            LegOrder::Refuse(cause) => {
                assert_ne!(state, Some(Leg::Up), "an answered leg is hung up, not refused");
                self.let_end(leg, state, LegReport::Ended { cause });
            }
            LegOrder::Dial { target: Target::Seat(agent), .. } => self.dial(leg, agent),
            LegOrder::Dial { target: Target::Outside { number, trunks }, .. } => {
                assert!(!trunks.is_empty(), "a trunk carries it");
                self.outside.push((number.reveal().to_string(), leg));
                self.ring(leg, self.outside_does);
            }
            LegOrder::HangUp(cause) => {
                let last = if state == Some(Leg::Pending { outbound: true }) {
                    LegReport::Refused(Refusal::Cancelled)
                } else {
                    LegReport::Ended { cause }
                };
                self.let_end(leg, state, last);
            }
        }
    }

    /// A peer that lives answers, of which the center hears nothing; one that is deaf is gone 16 s later.
    fn probed(&mut self, leg: LegId, state: Option<Leg>) {
        if self.deaf.contains(&leg) && state == Some(Leg::Up) {
            let ended = LegReport::Ended { cause: Cause::SignallingTimeout };
            self.later(seconds(16), Input::Leg(leg, ended));
        }
    }

    fn let_end(&mut self, leg: LegId, state: Option<Leg>, last: LegReport) {
        let state = state.expect("only legs that the shell knows are ended");
        if state != Leg::Over {
            self.legs.insert(leg, Leg::Over);
            self.later(Duration::from_millis(50), Input::Leg(leg, last));
        }
    }

    fn dial(&mut self, leg: LegId, agent: AgentId) {
        let seat = self.seats.get(&agent).copied().unwrap();
        self.dialled.push((agent, leg));
        self.ring(leg, seat);
    }

    fn ring(&mut self, leg: LegId, seat: Seat) {
        assert!(self.ports.contains(&leg), "a leg is dialled once its port is open");
        assert_eq!(self.legs.insert(leg, Leg::Pending { outbound: true }), None, "dialled once");
        let (after, report) = match seat {
            Seat::AnswersAfter(after) => (after, LegReport::Connected { remote: remote(Direction::Both) }),
            Seat::Declines => (seconds(1), LegReport::Refused(Refusal::Declined)),
            Seat::Unreachable => (Duration::ZERO, LegReport::Refused(Refusal::Unreachable)),
            Seat::RingsOn => (Duration::ZERO, LegReport::Ringing),
        };
        self.later(after, Input::Leg(leg, report));
    }

    /// Obeys an order to the media.
    pub(super) fn sound(&mut self, call: CallId, op: MediaOp) {
        match op {
            MediaOp::Open { leg, on } => {
                let is_inbound = matches!(self.legs.get(&leg), Some(Leg::Pending { outbound: false }));
                // A seat may have gone since a late distributor offered it.
                let gone = self.late && !is_inbound && on.is_none();
                let who = self.center.cx.legs.get(leg).and_then(crate::leg::Leg::party);
                // Which trunk it will be is known to the shell alone.
                let is_called = !is_inbound && who.is_none();
                let gone = gone || is_called || matches!(who, Some(model::Party::Outside(_)));
                let expected = Some(if is_inbound { CUSTOMERS } else { SEATS });
                assert!(gone || on == expected, "as the peer reaches us");
                let thread = call.share(self.center.cx.config.media_threads);
                let after = self.ports_open_after.filter(|_| !self.portless.contains(&thread));
                let fresh = self.ports.insert(leg);
                assert!(fresh || self.unopened.remove(&leg), "a port is opened once");
                let rtp = SocketAddr::from((Ipv4Addr::LOCALHOST, 30_000));
                let report = match after {
                    Some(_) => MediaReport::Leg(leg, AudioReport::Opened { rtp }),
                    None => {
                        self.unopened.insert(leg);
                        MediaReport::Leg(leg, AudioReport::OpenFailed { lacks: Shortage::RtpPorts })
                    }
                };
                self.later(after.unwrap_or_default(), Input::Media(report));
            }
            MediaOp::Play { leg, play, clips, mode } => {
                self.silence(leg);
                self.playing.insert(leg, play);
                if mode == PlayMode::Once {
                    let length = CLIP * u32::try_from(clips.len()).unwrap();
                    let ended = MediaReport::Leg(leg, AudioReport::PlayEnded { play, finished: true });
                    self.later(length, Input::Media(ended));
                }
            }
            MediaOp::StopPlay { leg } | MediaOp::Unbridge { leg } => self.silence(leg),
            MediaOp::Bridge { a, b } => {
                assert!(self.ports.contains(&a) && self.ports.contains(&b), "both ports are open");
                self.silence(a);
                self.silence(b);
            }
            MediaOp::Confer { members } => {
                assert!(members.iter().all(|(leg, _)| self.ports.contains(leg)), "all ports are open");
                members.into_iter().for_each(|(leg, _)| self.silence(leg));
            }
            MediaOp::Close { leg } => {
                self.silence(leg);
                assert!(self.ports.remove(&leg), "a port is closed once");
                self.later(
                    Duration::ZERO,
                    Input::Media(MediaReport::Leg(leg, AudioReport::Closed { quality: Some(QUALITY) })),
                );
            }
            MediaOp::StartRecording(spec) => assert!(self.recording.insert(spec.recording)),
            MediaOp::StopRecording { recording } => {
                assert!(self.recording.remove(&recording), "a recording is stopped once");
                let sha256 = "00".repeat(32);
                let sealed = MediaReport::Recording(
                    recording,
                    RecordingReport::Sealed(Kept { duration_ms: 1, sha256, gaps: Vec::new() }),
                );
                self.later(Duration::from_millis(100), Input::Media(sealed));
            }
            MediaOp::Connect { .. }
            | MediaOp::SendDigit { .. }
            | MediaOp::Shield { .. }
            | MediaOp::Unshield { .. }
            | MediaOp::PauseRecording { .. }
            | MediaOp::ResumeRecording { .. } => {}
        }
    }

    fn silence(&mut self, leg: LegId) {
        if let Some(play) = self.playing.remove(&leg) {
            let ended = MediaReport::Leg(leg, AudioReport::PlayEnded { play, finished: false });
            self.later(Duration::ZERO, Input::Media(ended));
        }
    }
}
