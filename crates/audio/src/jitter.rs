//! An adaptive jitter buffer for legs whose audio is decoded here.
//!
//! Packets go in as they come; every 20 ms one [`pull`](JitterBuffer::pull) says what to play. Packets stay
//! encoded while they wait, so that codecs with memory decode in order and loss is known before decoding.
//!
//! ```text
//!            first packet is due                    nothing waits
//!   Silent ──────────────────────► Playing ───────────────────────────► Starved
//!     ▲  ▲                           │  ▲      the next packet came        │
//!     │  └── the peer pauses ────────┘  └──────────────────────────────────┤
//!     └──────────────── nothing came for 100 ms ───────────────────────────┘
//! ```
//!
//! - **How long a packet waits** is 20 to 200 ms, depending on the network's delays (module `delay`). Audio that
//!   begins after silence begins with that wait; later, [`JitterBuffer::advice`] asks the player to leave out or
//!   insert a pitch period ([`crate::stretch`]), which also corrects for clocks of different speed.
//! - **Time orders packets**, not the sequence number. Sequence numbers separate loss from silence: a pause without a
//!   missing number is the peer's choice (DTX, a key) and is comfort noise; any other pause is concealed.
//! - **Starving stretches time**: while no packet waits, the position to play stands still, so that late packets are
//!   heard and the wait grows. It shrinks again by advice.
//! - **Timestamps that jump** (by more than a second against our clock) are believed at the second packet; a new SSRC
//!   is believed at once, and packets of the previous SSRC are ignored for a second.
//! - **Timestamps that do not move** are replaced by counting packets; a sequence number that does not move is no
//!   repetition as long as the timestamp moves.
//!
//! Times are given in samples of 8 kHz ([`crate::RATE`]); inside, everything is in units of the RTP clock.

mod arriving;
mod delay;
mod playing;
mod sequences;
mod slots;
#[cfg(test)]
mod tests;

use crate::rtp::RtpPacket;
use delay::Delay;
use sequences::Sequences;
use slots::Slots;

/// Packets that may wait: 640 ms of 10 ms packets, three times the longest wait.
const SLOTS: usize = 64;
/// A packet whose transit differs by this much from that of the packet before belongs to another timestamp base (ms).
const STRAY_MS: i64 = 1000;
/// Nothing for this long is the peer's silence and no longer a delay (ms).
const STARVED_MS: i64 = 100;
/// A hole longer than this is silence, whatever was lost in it (ms).
const LONGEST_HOLE_MS: i64 = 200;
/// What a pull plays (ms).
const TICK_MS: i64 = 20;
/// Timestamps this far off still join their neighbours (ms).
const JOIN_MS: i64 = 2;
/// After this many late packets in a row the timestamps count as restarted.
const LATE_IN_A_ROW: u8 = 5;

/// What a packet holds, as its payload type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Audio with a duration in RTP units.
    Audio(u32),
    /// A description of noise (RFC 3389): the peer is silent from here on.
    Comfort,
    /// A telephone event (RFC 4733): its sequence number counts, its timestamp is not that of audio.
    Event,
}

/// The outcome for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The packet is kept until its time to play.
    Kept,
    /// The sequence number is noted; the packet holds no audio.
    Noted,
    /// The stream was restarted with this packet: a new SSRC, or a jump of the timestamps.
    Restarted,
    /// The packet was received before.
    Duplicate,
    /// The position of the packet was played already.
    Late,
    /// The packet does not belong to the stream: its timestamp is wild, or it is of the previous SSRC.
    Stray,
    /// The packet is too long, or has no duration.
    Refused,
}

/// What to play now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull<'a> {
    /// Decode this: audio of `duration` RTP units.
    Frame {
        /// The packet's payload.
        payload: &'a [u8],
        /// RTP units.
        duration: u32,
    },
    /// Audio is missing: conceal `duration` RTP units.
    Conceal {
        /// RTP units.
        duration: u32,
        /// The payload that follows the missing audio at once, if it came: some codecs repeat in it what was lost.
        next: Option<&'a [u8]>,
    },
    /// The peer is silent: 20 ms of comfort noise, or silence.
    Comfort {
        /// A description of the noise (RFC 3389) that has just become due.
        noise: Option<&'a [u8]>,
    },
}

/// What the player should do about the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The wait is right.
    Keep,
    /// The wait is too long: leave out a pitch period.
    Shrink {
        /// The wait is more than 60 ms too long: take any place that fits.
        urgent: bool,
    },
    /// The wait is too short: insert a pitch period.
    Grow,
}

/// What happened so far, in packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All packets that were pushed.
    pub received: u64,
    /// Pulled as frames.
    pub played: u64,
    /// Descriptions of noise that were pulled.
    pub noises: u64,
    /// Telephone events.
    pub events: u64,
    /// Packets that were received before.
    pub duplicates: u64,
    /// Packets that came after their position was played.
    pub late: u64,
    /// Packets that came after one with a higher sequence number, whether in time or not.
    pub reordered: u64,
    /// Packets that do not belong to the stream.
    pub strays: u64,
    /// Packets that were thrown away: to shorten a wait beyond 200 ms, at a restart, or refused.
    pub discarded: u64,
    /// New sources and jumps.
    pub restarts: u64,
    /// Sequence numbers that never came, of all sources so far.
    pub lost: u64,
    /// Pulls that asked for concealment.
    pub conceals: u64,
}

/// The jitter buffer of one leg. After [`JitterBuffer::new`] it allocates nothing.
#[derive(Debug)]
pub struct JitterBuffer {
    /// RTP units a sample of our clock, and a millisecond.
    per_sample: u64,
    ms: i64,
    slots: Slots,
    delay: Delay,
    stream: Option<Stream>,
    /// The previous source, and when it was left.
    left: Option<(u32, i64)>,
    counts: Counts,
}

/// What is being received.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    sequences: Sequences,
    newest: Newest,
    /// A packet that looks like a jump: its sequence number and transit. A second one like it proves the jump.
    suspect: Option<(u16, i64)>,
    late_in_a_row: u8,
    /// The peer sends a key, and therefore no audio.
    in_key: bool,
    state: State,
    /// Audio before this position was played or given up.
    next: i64,
    /// The sequence number of the packet that was pulled last.
    pulled: Option<u16>,
}

/// The packet with the highest position.
#[derive(Debug, Clone, Copy)]
struct Newest {
    timestamp: u32,
    position: i64,
    duration: i64,
    transit: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Silent,
    Playing,
    /// No packet waits; this many RTP units were concealed at `next`.
    Starved(i64),
}

impl JitterBuffer {
    /// A buffer for a stream with an RTP clock of `clock` Hz (a multiple of 8000; G.722 says 8000, Opus 48000) and
    /// payloads of at most `longest` bytes.
    pub fn new(clock: u32, longest: usize) -> JitterBuffer {
        let per_sample = u64::from(clock / crate::RATE).max(1);
        let ms = i64::from(clock / 1000).max(8);
        JitterBuffer {
            per_sample,
            ms,
            slots: Slots::new(SLOTS, longest),
            delay: Delay::new(ms),
            stream: None,
            left: None,
            counts: Counts::default(),
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        let lost = self.stream.as_ref().map_or(0, |stream| stream.sequences.lost());
        Counts { lost: self.counts.lost + lost, ..self.counts }
    }

    /// Packets that wait.
    pub fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// The wait that the network asks for, in milliseconds: 20 to 200.
    pub fn target_ms(&self) -> u32 {
        u32::try_from(self.delay.target() / self.ms).unwrap_or(0)
    }

    /// Takes a packet that came at `now`.
    pub fn push(&mut self, packet: &RtpPacket<'_>, content: Content, now: u64) -> Pushed {
        let now = self.clock(now);
        let pushed = self.sort_in(packet, content, now);
        self.counts.received += 1;
        match pushed {
            Pushed::Kept => {}
            Pushed::Noted => self.counts.events += 1,
            Pushed::Restarted => self.counts.restarts += 1,
            Pushed::Duplicate => self.counts.duplicates += 1,
            Pushed::Late => self.counts.late += 1,
            Pushed::Stray => self.counts.strays += 1,
            Pushed::Refused => self.counts.discarded += 1,
        }
        pushed
    }

    fn clock(&self, now: u64) -> i64 {
        // Limited far below overflow, so that differences of such times stay exact for any `now`.
        i64::try_from(now.saturating_mul(self.per_sample)).unwrap_or(i64::MAX).min(1 << 60)
    }
}

impl Newest {
    /// Where a timestamp lies: within 2³¹ units of the newest packet.
    fn position_of(&self, timestamp: u32) -> i64 {
        self.position + i64::from(timestamp.wrapping_sub(self.timestamp) as i32)
    }
}
