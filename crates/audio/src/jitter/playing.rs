//! Packets on their way out: audio, concealment or comfort noise.

use super::slots::Entry;
use super::{
    Advice, JOIN_MS, JitterBuffer, LONGEST_HOLE_MS, Pull, STARVED_MS, State, Stream, TICK_MS, delay,
};

/// The wait may differ from its target by this much before the player is asked to stretch (ms). A wait begins at most
/// a tick above its target, and a pitch period is at most 15 ms, so that no correction asks for the opposite one.
const LEAST_OVER_MS: i64 = -2;
const MOST_OVER_MS: i64 = 25;
/// From here on it is urgent.
const URGENT_OVER_MS: i64 = 60;

/// What to play, before its payload is looked up.
enum Decided {
    Frame(Entry),
    Noise(Entry),
    Conceal { duration: i64, next: Option<Entry> },
    Silence,
}

impl JitterBuffer {
    /// What to play in the 20 ms that begin at `now`. The payloads can be read until the next packet is pushed.
    pub fn pull(&mut self, now: u64) -> Pull<'_> {
        let now = self.clock(now);
        self.trim(now);
        let pulled = self.decide(now);
        self.counts.conceals += u64::from(matches!(pulled, Decided::Conceal { .. }));
        let payload = |entry: &Entry| self.slots.payload(entry);
        let units = |duration: i64| u32::try_from(duration).unwrap_or(0);
        match pulled {
            Decided::Frame(entry) => {
                self.counts.played += 1;
                Pull::Frame { payload: payload(&entry), duration: units(entry.duration) }
            }
            Decided::Noise(entry) => {
                self.counts.noises += 1;
                Pull::Comfort { noise: Some(payload(&entry)) }
            }
            Decided::Conceal { duration, next } => {
                Pull::Conceal { duration: units(duration), next: next.as_ref().map(payload) }
            }
            Decided::Silence => Pull::Comfort { noise: None },
        }
    }

    /// What the player should do about the wait at `now`, when `decoded` samples of 8 kHz are decoded and not played.
    pub fn advice(&self, now: u64, decoded: usize) -> Advice {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.state == State::Playing) else {
            return Advice::Keep;
        };
        let decoded = i64::try_from(decoded as u64 * self.per_sample).unwrap_or(0);
        let over_ms = (self.depth(self.clock(now), stream.next - decoded) - self.delay.target()) / self.ms;
        match over_ms {
            ..LEAST_OVER_MS => Advice::Grow,
            LEAST_OVER_MS..=MOST_OVER_MS => Advice::Keep,
            _ => Advice::Shrink { urgent: over_ms > URGENT_OVER_MS },
        }
    }

    /// How long after the quickest packet of its time the audio at `position` would be played at `now`.
    fn depth(&self, now: i64, position: i64) -> i64 {
        now - self.delay.floor().unwrap_or(now) - position
    }

    /// Throws away packets that would make the wait longer than its limit: a jam of the network delivers many at once.
    fn trim(&mut self, now: i64) {
        let most = (delay::MOST_MS + TICK_MS) * self.ms;
        while self.slots.len() > 1
            && self.slots.first().is_some_and(|first| self.depth(now, first.position) > most)
        {
            self.give_up_first();
        }
    }

    /// Leaves out the earliest packet.
    pub(super) fn give_up_first(&mut self) {
        let (Some(first), Some(stream)) = (self.slots.pop(), &mut self.stream) else { return };
        self.counts.discarded += 1;
        stream.next = stream.next.max(first.position + first.duration);
    }

    fn decide(&mut self, now: i64) -> Decided {
        // Each state either decides or hands over to the next; the longest way is Starved, Playing, Silent, Playing.
        for _ in 0..4 {
            let Some(stream) = &self.stream else { return Decided::Silence };
            let decided = match stream.state {
                State::Silent => self.silent(now),
                State::Playing => self.playing(),
                State::Starved(concealed) => self.starved(concealed),
            };
            if let Some(decided) = decided {
                return decided;
            }
        }
        Decided::Silence
    }

    /// Waits until the earliest packet has waited long enough.
    fn silent(&mut self, now: i64) -> Option<Decided> {
        let due = |entry: &&Entry| self.depth(now, entry.position) >= self.delay.target();
        let Some(first) = self.slots.first().filter(due).copied() else { return Some(Decided::Silence) };
        let stream = self.stream.as_mut()?;
        stream.next = first.position;
        stream.state = State::Playing;
        None
    }

    fn playing(&mut self) -> Option<Decided> {
        let join = JOIN_MS * self.ms;
        let stream = self.stream.as_mut()?;
        let Some(first) = self.slots.first().copied() else {
            stream.state = State::Starved(0);
            return None;
        };
        let hole = first.position - stream.next;
        if hole <= join {
            self.slots.pop();
            stream.pulled = Some(first.sequence);
            stream.next = first.position + first.duration;
            if first.duration > 0 {
                return Some(Decided::Frame(first));
            }
            stream.state = State::Silent;
            return Some(Decided::Noise(first));
        }
        if stream.paused_before(&first) || hole > LONGEST_HOLE_MS * self.ms {
            stream.state = State::Silent;
            return None;
        }
        let packet = if first.duration > 0 { first.duration } else { TICK_MS * self.ms };
        // What is missing first is the odd rest, so that the last piece is a whole packet that `next` may hold.
        let duration = if hole % packet > join { hole % packet } else { packet.min(hole) };
        stream.next += duration;
        let follows = first.duration > 0 && first.position - stream.next <= join;
        Some(Decided::Conceal { duration, next: follows.then_some(first) })
    }

    fn starved(&mut self, concealed: i64) -> Option<Decided> {
        let join = JOIN_MS * self.ms;
        let tick = TICK_MS * self.ms;
        let stream = self.stream.as_mut()?;
        match self.slots.first() {
            // Merely late, or what was lost before it has been concealed already.
            Some(first) if first.position <= stream.next + concealed + join => {
                stream.next = first.position;
                stream.state = State::Playing;
                None
            }
            Some(_) => {
                stream.next += concealed;
                stream.state = State::Playing;
                None
            }
            None if stream.in_key || concealed >= STARVED_MS * self.ms => {
                stream.state = State::Silent;
                None
            }
            None => {
                stream.state = State::Starved(concealed + tick);
                Some(Decided::Conceal { duration: tick, next: None })
            }
        }
    }
}

impl Stream {
    /// True when the peer left the time before this packet empty: no number is missing.
    fn paused_before(&self, entry: &Entry) -> bool {
        self.pulled.is_none_or(|pulled| self.sequences.none_missing(pulled, entry.sequence))
    }
}
