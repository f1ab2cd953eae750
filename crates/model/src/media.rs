//! What the center and the media threads say to each other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Actor, CallId, Cause, Codec, ContactId, Digit, Direction, LegId, PlayId, RecordingId, RemoteMedia,
    StorageReport,
};

/// A prompt clip's name: language folder and stem (`zh-CN/welcome`), or a stem alone for what has no
/// language (`music/default`). Cheap to copy about.
pub type ClipId = Arc<str>;

/// An order to the media thread of a call. All orders of one call go to one thread, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaOrder {
    /// The call, which selects the thread.
    pub call: CallId,
    /// What to do.
    pub op: MediaOp,
}

/// What to do. Orders that name a leg, play or recording that is gone do nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaOp {
    /// Open a port pair for a leg. Answered by `Opened` or `OpenFailed`.
    Open {
        /// The new leg.
        leg: LegId,
        /// The address of ours that the peer is to be told; the first of them when this is none, or not said.
        on: Option<IpAddr>,
    },
    /// The peer's side is known, or changed. Sending begins with this.
    Connect {
        /// The leg.
        leg: LegId,
        /// The peer's audio.
        remote: RemoteMedia,
    },
    /// Play clips one after another. Replaces what played there before; that one is reported
    /// `PlayEnded` with `finished: false`.
    Play {
        /// To whom.
        leg: LegId,
        /// The id that `PlayEnded` will carry.
        play: PlayId,
        /// The clips, in order; one that does not exist is skipped and logged.
        clips: Vec<ClipId>,
        /// Once, or round and round.
        mode: PlayMode,
    },
    /// Stop what plays to a leg.
    StopPlay {
        /// The leg.
        leg: LegId,
    },
    /// Join two legs: each hears the other. Stops what plays to either.
    Bridge {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// Part a leg from its bridge.
    Unbridge {
        /// Either leg of the bridge.
        leg: LegId,
    },
    /// Join legs of the call in a conference, in place of the bridge or conference that they were in. Up to 32 members;
    /// fewer than two end it. Ordered again, it changes roles and members without a click.
    Confer {
        /// Who takes part, and how.
        members: Vec<(LegId, Role)>,
    },
    /// Send a key to the peer (RFC 4733).
    SendDigit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: Digit,
    },
    /// From now on nothing of what the peer says or presses reaches another leg or a recording; keys are reported as
    /// ever. The other legs hear silence.
    Shield {
        /// The leg.
        leg: LegId,
    },
    /// The peer is heard again, once no key has sounded in its audio for 300 ms.
    Unshield {
        /// The leg.
        leg: LegId,
    },
    /// Close a leg's port. Its recording, if any, must be stopped by `StopRecording`.
    Close {
        /// The leg.
        leg: LegId,
    },
    /// Begin a recording at a customer's leg: left is what arrives from it, right is what it is sent or
    /// would be sent.
    StartRecording(RecordingSpec),
    /// End a recording: drain, fsync, hash. Reported as `Sealed`.
    StopRecording {
        /// The recording.
        recording: RecordingId,
    },
    /// From now on both channels are silence, in a gap `Masked`; the time base goes on.
    PauseRecording {
        /// The recording.
        recording: RecordingId,
        /// Who wants it.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Record again.
    ResumeRecording {
        /// The recording.
        recording: RecordingId,
    },
}

/// Who hears a member of a conference. Each member hears every party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everybody: customer, agent, specialist, a supervisor who barged in.
    Party,
    /// Nobody: a supervisor who listens.
    Listener,
    /// One leg alone, the agent's: a supervisor who whispers.
    Whisperer {
        /// Who hears the whisper.
        to: LegId,
    },
}

/// How often clips are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayMode {
    /// Once; the end is reported.
    Once,
    /// Round and round, until stopped or replaced. Music goes on from where this caller's last music
    /// stopped.
    Loop,
}

/// Where and what to record.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingSpec {
    /// The recording's id.
    pub recording: RecordingId,
    /// The contact it belongs to.
    pub contact: ContactId,
    /// The customer's leg.
    pub leg: LegId,
    /// Path below the recordings folder, made of date and contact id alone.
    pub path: String,
    /// Samples a second: 8,000, or 16,000 for a customer with a wide-band codec.
    pub rate: u32,
}

/// What the media threads report, by subject.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaReport {
    /// Of a leg.
    Leg(LegId, AudioReport),
    /// Of a recording: the last that is reported of it.
    Recording(RecordingId, RecordingReport),
    /// A media thread has no room for more calls, or has room again.
    Strain {
        /// Which thread, counted from 0.
        thread: usize,
        /// What it lacks: new calls should go to other threads ([`crate::CallId::share`]), or be refused. `None`
        /// when it has room.
        lacks: Option<Shortage>,
    },
    /// A place that recordings are written to failed, or works again. Reported once for all its recordings.
    Storage(StorageReport),
}

/// What the media report of a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum AudioReport {
    /// Its port pair is open; RTCP is on the next port.
    Opened {
        /// Our RTP address.
        rtp: SocketAddr,
    },
    /// No port could be opened.
    OpenFailed {
        /// What there was none of.
        lacks: Shortage,
    },
    /// A play ended.
    PlayEnded {
        /// Which play.
        play: PlayId,
        /// True when it came to its end, false when it was stopped or replaced.
        finished: bool,
    },
    /// A key came by RFC 4733; reported once per press.
    Digit(Digit),
    /// Nothing at all came from a peer for the configured time: no RTP of any payload type, no RTCP, no keep-alive.
    /// Reported again each time that it has lasted for as long once more, so that none of the reports has to be heeded.
    Silent {
        /// What the peer was meant to do; one that was to send nothing may be alive.
        direction: Direction,
    },
    /// A bridged peer that should send was not heard for 3 s: the other party hears nothing. Reported once a silence,
    /// and again when the peer was put on hold and taken back, or bridged again.
    OneWay,
    /// The leg's port is closed; nothing follows of it.
    Closed {
        /// What its peer's audio was like; `None` when nothing of it came.
        quality: Option<LegQuality>,
    },
}

/// How a recording was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingReport {
    /// It is on disk, whole.
    Sealed(Kept),
    /// It could not be written, or not to its end.
    Failed {
        /// For the log and the alert.
        why: String,
        /// What there is of it.
        kept: Kept,
    },
}

/// What a media thread lacks for another leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// Processor time.
    Time,
    /// A free pair of RTP ports.
    RtpPorts,
    /// A file that the system allows it to open.
    OpenFiles,
}

impl Shortage {
    /// Why a call is refused that meets it.
    pub fn cause(self) -> Cause {
        match self {
            Shortage::Time => Cause::Overloaded,
            Shortage::RtpPorts => Cause::RtpPortsFull,
            Shortage::OpenFiles => Cause::OpenFilesFull,
        }
    }
}

impl AudioReport {
    /// What it is called, without what it carries: for the log, where keys may not stand.
    pub const fn name(&self) -> &'static str {
        match self {
            AudioReport::Opened { .. } => "opened",
            AudioReport::OpenFailed { .. } => "open_failed",
            AudioReport::PlayEnded { .. } => "play_ended",
            AudioReport::Digit(_) => "digit",
            AudioReport::Silent { .. } => "silent",
            AudioReport::OneWay => "one_way",
            AudioReport::Closed { .. } => "closed",
        }
    }
}

/// What there is of a recording when it is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Length of the file in milliseconds.
    pub duration_ms: u64,
    /// SHA-256 of the file, lower-case hexadecimal; empty when there is no file.
    pub sha256: String,
    /// Spans without audio, also after the file's end.
    pub gaps: Vec<Gap>,
}

/// What arrived of one peer's audio, from the leg's beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LegQuality {
    /// The codec, the last one in use.
    pub codec: Codec,
    /// RTP packets that came.
    pub packets: u64,
    /// Packets that did not come.
    pub lost: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 section 6.4.1), at the end.
    pub jitter_ms: u64,
    /// Round trip to the peer in milliseconds, when its RTCP told.
    pub round_trip_ms: Option<u64>,
    /// Estimated mean opinion score, 1 to 4.41 (ITU-T G.107).
    pub mos: f64,
    /// Mean level of the speech in dBov, 0 and below; `None` when nobody spoke.
    pub speech_dbov: Option<f64>,
    /// Share of the time without speech, 0 to 1.
    pub silence: f64,
    /// Milliseconds of frames with clipped samples.
    pub clipped_ms: u64,
    /// Milliseconds in which both parties spoke.
    pub talk_over_ms: u64,
}

/// A span of a recording without the audio that belongs there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// 0 is left (customer), 1 is right (agent side).
    pub channel: u8,
    /// Start in milliseconds from the beginning of the recording.
    pub from_ms: u64,
    /// Length in milliseconds.
    pub length_ms: u64,
    /// Why.
    pub cause: GapCause,
}

/// Why audio is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// Packets did not arrive.
    Lost,
    /// We could not keep up with the disk and dropped frames.
    Dropped,
    /// A person paused the recording.
    Masked {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The session said that nothing comes: one side held the other.
    Held,
}
