//! What a peer said, packet by packet in the order of sequence numbers. Recordings, meters and key detectors want all
//! audio at its own time; a listener ([`crate::playout`]) wants some audio every 20 ms.
//!
//! A decoder needs packets in order. A packet that comes too early waits for those before it, at most [`PATIENCE`];
//! what is missing then is skipped without concealment. Where the next packet repeats what was lost (Opus), the
//! repetition is read.

use crate::codec::{Codec, CodecError, Decoder, MOST_SAMPLES};
use crate::resample::Resampler;
use crate::rtp::RtpPacket;
use crate::{FRAME, RATE};

/// How long a packet waits for those before it, in samples of 8 kHz (100 ms).
pub const PATIENCE: u64 = 5 * FRAME as u64;
/// The most packets that wait; one more, and the first is read.
const MOST_WAITING: usize = 16;
/// A number this far from the newest begins a new count (RFC 3550 appendix A.1).
const MAX_DROPOUT: i64 = 3000;
/// Samples of the longest packet at 8 kHz.
const MOST_NARROW: usize = MOST_SAMPLES / 2;

/// The audio of one packet.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Its header; when it was lost and is repeated by the next, as it was.
    pub packet: RtpPacket<'a>,
    /// Of the timestamp and the samples.
    pub codec: Codec,
    /// When the packet came, in samples of 8 kHz.
    pub arrived: u64,
    /// At the codec's rate.
    pub samples: &'a [i16],
    /// At 8 kHz.
    pub narrow: &'a [i16],
}

/// Reads one peer's packets. Nothing is allocated for a packet that comes in order.
#[derive(Debug)]
pub struct Reader {
    codec: Codec,
    decoder: Decoder,
    down: Option<Resampler>,
    newest: Option<Newest>,
    /// The number to be read next.
    due: i64,
    /// In the order of their numbers.
    waiting: Vec<Waiting>,
    /// Room for payloads, from packets that were read.
    spare: Vec<Vec<u8>>,
    samples: Box<[i16; MOST_SAMPLES]>,
    narrow: Box<[i16; MOST_NARROW]>,
    broken: u64,
}

/// The newest packet of the present source.
#[derive(Debug, Clone, Copy)]
struct Newest {
    ssrc: u32,
    sequence: u16,
    number: i64,
}

/// A packet to be read.
#[derive(Debug)]
struct Waiting {
    /// Goes on over wraps and from one source to the next.
    number: i64,
    header: RtpPacket<'static>,
    /// `None`: it holds no audio.
    payload: Option<Vec<u8>>,
    arrived: u64,
}

impl Reader {
    /// For a stream of `codec`.
    pub fn new(codec: Codec) -> Result<Reader, CodecError> {
        Ok(Reader {
            codec,
            decoder: Decoder::new(codec)?,
            down: Resampler::new(codec.rate(), RATE).filter(|_| codec.rate() != RATE),
            newest: None,
            due: 0,
            waiting: Vec::with_capacity(MOST_WAITING + 1),
            spare: Vec::with_capacity(MOST_WAITING + 1),
            samples: Box::new([0; MOST_SAMPLES]),
            narrow: Box::new([0; MOST_NARROW]),
            broken: 0,
        })
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Packets that the codec refused.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Takes a packet of audio that came at `now` (samples of 8 kHz). One that was read or given up before is left out.
    pub fn push(&mut self, packet: &RtpPacket<'_>, now: u64) {
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.clear();
        payload.extend_from_slice(packet.payload);
        self.keep(packet, Some(payload), now);
    }

    /// Takes note of a packet that holds no audio (a key, a description of silence): its number is not missing.
    pub fn skip(&mut self, packet: &RtpPacket<'_>, now: u64) {
        self.keep(packet, None, now);
    }

    /// The next audio that is known at `now`. Call it until it returns `None`.
    pub fn next(&mut self, now: u64) -> Option<Passage<'_>> {
        let codec = self.codec;
        loop {
            let first =
                self.waiting.first().filter(|first| first.number <= self.due || self.gives_up(now))?;
            let (missing, number) = (first.number - self.due, first.number);
            let Some(payload) = &first.payload else {
                self.pass_over();
                continue;
            };
            let Some(duration) = codec.duration(payload) else {
                self.broken += 1;
                self.pass_over();
                continue;
            };
            let length = (duration * (codec.rate() / 1000) / (codec.clock() / 1000)) as usize;
            if missing > 0 {
                self.due = number;
                let lost = length.saturating_mul(usize::try_from(missing).unwrap_or(usize::MAX));
                let room = self.samples.get_mut(..length).unwrap_or_default();
                if self.decoder.recover(lost, payload, room) {
                    let (RtpPacket { sequence, timestamp, .. }, arrived) = (first.header, first.arrived);
                    let (sequence, timestamp) = (sequence.wrapping_sub(1), timestamp.wrapping_sub(duration));
                    let packet = RtpPacket { sequence, timestamp, marker: false, ..first.header };
                    return Some(self.passage(packet, arrived, length));
                }
            }
            let decoded = self.decoder.decode(payload, &mut *self.samples);
            let (header, arrived) = (first.header, first.arrived);
            self.pass_over();
            if decoded.is_ok() {
                return Some(self.passage(header, arrived, length));
            }
            self.broken += 1;
        }
    }

    fn keep(&mut self, packet: &RtpPacket<'_>, payload: Option<Vec<u8>>, now: u64) {
        let number = self.number(packet);
        let at = self.waiting.partition_point(|waiting| waiting.number < number);
        if number < self.due || self.waiting.get(at).is_some_and(|waiting| waiting.number == number) {
            return self.spare.extend(payload);
        }
        let header = RtpPacket { payload: &[], ..*packet };
        self.waiting.insert(at, Waiting { number, header, payload, arrived: now });
    }

    /// Goes on with the number of a packet: over wraps, and over a change of source as if nothing were missing.
    fn number(&mut self, packet: &RtpPacket<'_>) -> i64 {
        let RtpPacket { ssrc, sequence, .. } = *packet;
        let step = |newest: &Newest| i64::from(sequence.wrapping_sub(newest.sequence) as i16);
        let same = |newest: &Newest| newest.ssrc == ssrc && step(newest).abs() < MAX_DROPOUT;
        let number = match &self.newest {
            Some(newest) if same(newest) => newest.number + step(newest),
            Some(newest) => newest.number + 1,
            None => self.due,
        };
        if self.newest.is_none_or(|newest| !same(&newest) || number > newest.number) {
            self.newest = Some(Newest { ssrc, sequence, number });
        }
        number
    }

    /// Whether the wait for the missing packets is over.
    fn gives_up(&self, now: u64) -> bool {
        let longest = self.waiting.iter().map(|waiting| now.saturating_sub(waiting.arrived)).max();
        self.waiting.len() > MOST_WAITING || longest.is_some_and(|longest| longest >= PATIENCE)
    }

    /// Removes the first packet.
    fn pass_over(&mut self) {
        let Waiting { number, payload, .. } = self.waiting.remove(0);
        self.due = number + 1;
        self.spare.extend(payload);
    }

    fn passage(&mut self, packet: RtpPacket<'static>, arrived: u64, length: usize) -> Passage<'_> {
        let samples = self.samples.get(..length).unwrap_or_default();
        let narrow = match &mut self.down {
            Some(down) => {
                let made = down.process(samples, &mut *self.narrow);
                self.narrow.get(..made).unwrap_or_default()
            }
            None => samples,
        };
        Passage { packet, codec: self.codec, arrived, samples, narrow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Encoder, OpusFormat};
    use crate::tone::{Sine, level_db};

    /// 20 ms packets of a tone.
    fn payloads(codec: Codec, count: usize) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(codec, OpusFormat::default()).expect("an encoder");
        let mut sine = Sine::new(440.0 * 8000.0 / f64::from(codec.rate()), 12_000);
        let mut next = || {
            let (mut samples, mut payload) = (vec![0; codec.frame()], [0; 1480]);
            sine.fill(&mut samples);
            let length = encoder.encode(&samples, &mut payload).expect("a payload");
            payload[..length].to_vec()
        };
        (0..count).map(|_| next()).collect()
    }

    fn packet(codec: Codec, index: u16, payload: &[u8]) -> RtpPacket<'_> {
        let timestamp = u32::from(index) * (codec.clock() / 50);
        RtpPacket { marker: false, payload_type: 96, sequence: index, timestamp, ssrc: 1, payload }
    }

    /// Reads packets that come one every 20 ms in this order (`None`: nothing comes); the numbers as they were read,
    /// each with the time.
    fn read(codec: Codec, order: &[Option<u16>]) -> (Vec<(u16, u64)>, Vec<i16>) {
        let payloads = payloads(codec, 100);
        let mut reader = Reader::new(codec).expect("a reader");
        let (mut numbers, mut narrow) = (Vec::new(), Vec::new());
        for (tick, index) in (0..).zip(order) {
            let now = tick * FRAME as u64;
            if let Some(index) = index {
                reader.push(&packet(codec, *index, &payloads[usize::from(*index)]), now);
            }
            while let Some(passage) = reader.next(now) {
                assert_eq!(passage.samples.len(), codec.frame());
                assert_eq!(
                    passage.packet.timestamp,
                    u32::from(passage.packet.sequence) * (codec.clock() / 50)
                );
                numbers.push((passage.packet.sequence, tick));
                narrow.extend_from_slice(passage.narrow);
            }
        }
        (numbers, narrow)
    }

    #[test]
    fn packets_in_order_are_read_as_they_come() {
        for codec in Codec::ALL {
            let order: Vec<_> = (0..100).map(Some).collect();
            let (numbers, narrow) = read(codec, &order);
            assert!(numbers.iter().all(|(number, tick)| u64::from(*number) == *tick), "{codec:?}");
            assert_eq!(narrow.len(), 100 * FRAME, "{codec:?}");
            let level = level_db(&narrow[8000..], 440.0);
            assert!((-16.0..-8.0).contains(&level), "{codec:?}: {level}");
        }
    }

    #[test]
    fn each_order_is_read_in_the_order_of_numbers() {
        let some = |numbers: &[u16]| numbers.iter().copied().map(Some).collect::<Vec<_>>();
        let gone = |numbers: &[u16], ticks: usize| [some(numbers), vec![None; ticks]].concat();
        let cases = [
            (Codec::G722, some(&[0, 2, 1, 3]), vec![(0, 0), (1, 2), (2, 2), (3, 3)]),
            (Codec::G722, some(&[0, 0, 1, 1, 0]), vec![(0, 0), (1, 2)]),
            (Codec::G722, some(&[0, 3, 2, 1, 4]), vec![(0, 0), (1, 3), (2, 3), (3, 3), (4, 4)]),
            // The fifth tick after the first that waited gives 1 up, and it is too late then.
            (Codec::G722, gone(&[0, 2], 5), vec![(0, 0), (2, 6)]),
            (
                Codec::G722,
                some(&[0, 2, 3, 4, 5, 6, 7, 1]),
                vec![(0, 0), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6), (7, 6)],
            ),
            // Opus repeats the last one that is missing.
            (Codec::Opus, gone(&[20, 23], 5), vec![(20, 0), (22, 6), (23, 6)]),
        ];
        for (codec, order, expected) in cases {
            assert_eq!(read(codec, &order).0, expected, "{codec:?} {order:?}");
        }
    }

    #[test]
    fn what_opus_repeats_is_what_was_said() {
        let all: Vec<_> = (0..100).map(Some).collect();
        let lossy: Vec<_> = (0..100).map(|index| Some(index).filter(|index| index % 10 != 5)).collect();
        let (numbers, narrow) = read(Codec::Opus, &lossy);
        let (_, whole) = read(Codec::Opus, &all);
        let mut repeated = 0;
        for (at, (number, _)) in numbers.iter().enumerate().filter(|(_, (number, _))| number % 10 == 5) {
            let level = |samples: &[i16], at| level_db(&samples[at * FRAME..][..FRAME], 440.0);
            let (found, said) = (level(&narrow, at), level(&whole, usize::from(*number)));
            assert!((found - said).abs() < 3.0, "{number}: {found} dB of {said}");
            repeated += 1;
        }
        // An encoder repeats what it takes for speech, which a tone is at first only.
        assert!((3..10).contains(&repeated), "{repeated}");
    }

    #[test]
    fn a_wrap_a_new_source_and_a_jump_go_on_at_once() {
        let codec = Codec::L16;
        let payload = payloads(codec, 1).remove(0);
        let mut reader = Reader::new(codec).expect("a reader");
        let mut read = Vec::new();
        for (ssrc, sequence) in [(1, 65_534), (1, 65_535), (1, 0), (2, 7000), (2, 7001), (2, 40_000), (1, 1)]
        {
            let packet = RtpPacket { ssrc, ..packet(codec, sequence, &payload) };
            reader.push(&packet, 0);
            read.extend(reader.next(0).map(|passage| passage.packet.sequence));
        }
        assert_eq!(read, [65_534, 65_535, 0, 7000, 7001, 40_000, 1]);
    }

    #[test]
    fn a_key_between_words_is_nothing_to_wait_for() {
        let payload = payloads(Codec::G722, 1).remove(0);
        let mut reader = Reader::new(Codec::G722).expect("a reader");
        let mut read = Vec::new();
        for index in 0..20 {
            let packet = packet(Codec::G722, index, &payload);
            if (5..15).contains(&index) {
                reader.skip(&packet, 0)
            } else {
                reader.push(&packet, 0)
            }
            read.extend(reader.next(0).map(|passage| passage.packet.sequence));
        }
        assert_eq!(read, [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_broken_is_counted() {
        let mut reader = Reader::new(Codec::L16).expect("a reader");
        let payload = [0; 320];
        reader.push(&packet(Codec::L16, 0, &payload), 0);
        assert!(reader.next(0).is_some() && reader.next(0).is_none());
        let early = MOST_WAITING as u16 + 2;
        (2..=early).for_each(|index| reader.push(&packet(Codec::L16, index, &payload), 0));
        assert!(reader.next(0).is_some_and(|passage| passage.packet.sequence == 2), "17 are too many");
        while reader.next(0).is_some() {}
        reader.push(&packet(Codec::L16, early + 1, &[0; 3]), 0);
        reader.push(&packet(Codec::L16, early + 2, &payload), 0);
        assert!(reader.next(0).is_some_and(|passage| passage.packet.sequence == early + 2));
        assert_eq!(reader.broken(), 1);
    }
}
