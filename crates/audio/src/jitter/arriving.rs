//! Sorts arriving packets: which stream they belong to, where in it, and whether they are in time.

use super::sequences::{Note, Sequences};
use super::{
    Content, JOIN_MS, JitterBuffer, LATE_IN_A_ROW, LONGEST_HOLE_MS, Newest, Pushed, STRAY_MS, State, Stream,
};
use crate::rtp::RtpPacket;

impl JitterBuffer {
    /// Keeps a packet at its position, or says why not.
    pub(super) fn sort_in(&mut self, packet: &RtpPacket<'_>, content: Content, now: i64) -> Pushed {
        let duration = match content {
            Content::Audio(duration) => i64::from(duration),
            Content::Comfort => 0,
            Content::Event => return self.sort_event(packet),
        };
        let empty = matches!(content, Content::Audio(0)) || duration > LONGEST_HOLE_MS * self.ms;
        if empty || packet.payload.len() > self.slots.longest() {
            return Pushed::Refused;
        }
        let Some(stream) = &mut self.stream else {
            return self.begin(packet, duration, now, Pushed::Kept);
        };
        if stream.ssrc != packet.ssrc {
            let fresh = |(ssrc, at): (u32, i64)| ssrc == packet.ssrc && now - at < STRAY_MS * self.ms;
            if self.left.is_some_and(fresh) {
                return Pushed::Stray;
            }
            self.left = Some((stream.ssrc, now));
            return self.begin(packet, duration, now, Pushed::Restarted);
        }
        let mut position = stream.newest.position_of(packet.timestamp);
        match stream.judge_time(packet.sequence, now - position, STRAY_MS * self.ms) {
            Time::Steady => {}
            Time::Stray => return Pushed::Stray,
            Time::Jumped => return self.begin(packet, duration, now, Pushed::Restarted),
        }
        let note = stream.sequences.note(packet.sequence);
        match note {
            Note::Repeated if position <= stream.newest.position => return Pushed::Duplicate,
            Note::Ahead(ahead)
                if position == stream.newest.position && stream.newest.duration.min(duration) > 0 =>
            {
                // Two packets of audio cannot share a time: the peer's timestamp stands still.
                position += stream.newest.duration * i64::from(ahead);
            }
            Note::Old => self.counts.reordered += 1,
            Note::Ahead(_) | Note::Repeated | Note::Jump => {}
        }
        if stream.is_late(position, JOIN_MS * self.ms) {
            stream.late_in_a_row += 1;
            if stream.late_in_a_row == LATE_IN_A_ROW {
                return self.begin(packet, duration, now, Pushed::Restarted);
            }
            return Pushed::Late;
        }
        self.keep(packet, position, duration, now)
    }

    /// Keeps a packet whose place is still to come.
    fn keep(&mut self, packet: &RtpPacket<'_>, position: i64, duration: i64, now: i64) -> Pushed {
        if self.slots.is_full() {
            self.give_up_first();
        }
        if !self.slots.insert(position, duration, packet.sequence, packet.payload) {
            return Pushed::Duplicate;
        }
        let Some(stream) = &mut self.stream else { return Pushed::Kept };
        stream.late_in_a_row = 0;
        stream.in_key = false;
        let transit = now - position;
        self.delay.note(transit, now);
        if position > stream.newest.position {
            stream.newest = Newest { timestamp: packet.timestamp, position, duration, transit };
        }
        Pushed::Kept
    }

    /// Begins a stream with this packet, or restarts its timestamps.
    fn begin(&mut self, packet: &RtpPacket<'_>, duration: i64, now: i64, pushed: Pushed) -> Pushed {
        self.counts.discarded += self.slots.clear();
        self.counts.lost += self.stream.take().map_or(0, |stream| stream.sequences.lost());
        self.delay.forget_floor();
        let (timestamp, position) = (packet.timestamp, i64::from(packet.timestamp));
        self.stream = Some(Stream {
            ssrc: packet.ssrc,
            sequences: Sequences::new(packet.sequence),
            newest: Newest { timestamp, position, duration, transit: now - position },
            suspect: None,
            late_in_a_row: 0,
            in_key: false,
            state: State::Silent,
            // Packets that this one overtook may still come.
            next: position - LONGEST_HOLE_MS * self.ms,
            pulled: None,
        });
        self.keep(packet, position, duration, now);
        pushed
    }

    fn sort_event(&mut self, packet: &RtpPacket<'_>) -> Pushed {
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == packet.ssrc) else {
            return Pushed::Noted;
        };
        match stream.sequences.note(packet.sequence) {
            Note::Repeated => Pushed::Duplicate,
            Note::Ahead(_) | Note::Old | Note::Jump => {
                stream.in_key = true;
                Pushed::Noted
            }
        }
    }
}

/// What a packet's transit shows about the peer's clock.
enum Time {
    Steady,
    Stray,
    Jumped,
}

impl Stream {
    /// Compares a packet's transit with the one before; two in a row that are off alike are a jump.
    fn judge_time(&mut self, sequence: u16, transit: i64, jump: i64) -> Time {
        if (transit - self.newest.transit).abs() <= jump {
            self.suspect = None;
            return Time::Steady;
        }
        let alike = |(next, before): (u16, i64)| next == sequence && (transit - before).abs() < jump;
        if self.suspect.is_some_and(alike) {
            return Time::Jumped;
        }
        self.suspect = Some((sequence.wrapping_add(1), transit));
        Time::Stray
    }

    /// True when the time of `position` has been played or given up.
    fn is_late(&self, position: i64, join: i64) -> bool {
        position + join < self.next
    }
}
