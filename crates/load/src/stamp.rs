//! The stamp that a simulated phone writes into each packet: sender, sequence number and send time.
//!
//! | codec | where |
//! |---|---|
//! | G.711 | the signs of 160 samples: they survive a change of law and of level, so that a stamp is read whether the system under test forwards codes or decodes and encodes them again; to a listener it is noise |
//! | G.722 | the lowest bit of each byte, which its mode of 56 kbit/s gives to data (ITU-T G.722 section 1.4.4) |
//! | L16 | the lowest bit of the first 160 samples |
//! | Opus | padding, which every decoder passes over (RFC 6716 section 3.2.5) |
//!
//! But for G.711, a listener hears the leg's name; and a packet with a stamp was forwarded unchanged.

use audio::FRAME;
use audio::g711::Law;
use sip::Codec;

/// The magnitude of every sample: noise of −30 dB, as loud as speech. A change of law makes another code of it than
/// the other law has for it, so that the change is seen.
const LEVEL: i16 = 1022;
/// Bytes that 160 signs hold.
const BYTES: usize = FRAME / 8;
/// Bytes before the check.
const CHECKED: usize = BYTES - 4;

/// What one packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The run of the load generator that made the stamp: packets of another run are not counted.
    pub(super) run: u32,
    /// The leg that sent it.
    pub(super) leg: u32,
    /// Its number in that leg; 24 bits, four days of packets.
    pub(super) number: u32,
    /// When it left, in microseconds since the run began; 40 bits, twelve days.
    pub(super) sent_us: u64,
}

impl Stamp {
    /// The audio of G.711 that says so.
    pub(super) fn audio(&self, law: Law) -> [u8; FRAME] {
        let (loud, quiet) = (law.encode(LEVEL), law.encode(-LEVEL));
        let bytes = self.bytes();
        let mut audio = [0; FRAME];
        for (code, bit) in audio.iter_mut().zip(bits(&bytes)) {
            *code = if bit == 1 { loud } else { quiet };
        }
        audio
    }

    /// Writes it into a payload that says something; where there is no room, the payload stays as it is.
    pub(super) fn write(&self, codec: Codec, payload: &mut [u8]) {
        let bytes = self.bytes();
        let write = |(carrier, bit): (&mut u8, u8)| *carrier = *carrier & !1 | bit;
        match codec {
            Codec::Pcmu | Codec::Pcma => {}
            Codec::G722 => payload.iter_mut().zip(bits(&bytes)).for_each(write),
            Codec::L16 | Codec::L16Wide => {
                payload.iter_mut().skip(1).step_by(2).zip(bits(&bytes)).for_each(write);
            }
            Codec::Opus => {
                if let [_, OPUS_FRAMES, OPUS_PADDING, .., _] = payload
                    && let Some(room) = payload.last_chunk_mut()
                {
                    *room = bytes;
                }
            }
        }
    }

    /// Reads the stamp in a payload; `None` for a voice, music, silence, or a damaged packet.
    pub(super) fn read(codec: Codec, payload: &[u8]) -> Option<Stamp> {
        match codec {
            // The first bit of a code is its sign in both laws, set for positive.
            Codec::Pcmu | Codec::Pcma if payload.len() == FRAME => {
                Stamp::of_bits(payload.iter().map(|code| code >> 7))
            }
            Codec::Pcmu | Codec::Pcma => None,
            Codec::G722 if payload.len() == FRAME => Stamp::of_bits(payload.iter().copied()),
            Codec::G722 => None,
            Codec::L16 | Codec::L16Wide => Stamp::of_bits(payload.iter().skip(1).step_by(2).copied()),
            Codec::Opus => match payload {
                [_, OPUS_FRAMES, OPUS_PADDING, ..] => Stamp::of_bytes(payload.last_chunk()?),
                _ => None,
            },
        }
    }

    /// The lowest bits of 160 bytes.
    fn of_bits(mut carriers: impl Iterator<Item = u8>) -> Option<Stamp> {
        let mut bytes = [0; BYTES];
        for byte in &mut bytes {
            for place in 0..8 {
                *byte |= (carriers.next()? & 1) << place;
            }
        }
        Stamp::of_bytes(&bytes)
    }

    fn of_bytes(bytes: &[u8; BYTES]) -> Option<Stamp> {
        let [r0, r1, r2, r3, l0, l1, l2, l3, n0, n1, n2, s0, s1, s2, s3, s4, check @ ..] = *bytes;
        let stamp = Stamp {
            run: u32::from_be_bytes([r0, r1, r2, r3]),
            leg: u32::from_be_bytes([l0, l1, l2, l3]),
            number: u32::from_be_bytes([0, n0, n1, n2]),
            sent_us: u64::from_be_bytes([0, 0, 0, s0, s1, s2, s3, s4]),
        };
        (check == check_of(bytes.first_chunk()?)).then_some(stamp)
    }

    fn bytes(&self) -> [u8; BYTES] {
        let [r0, r1, r2, r3] = self.run.to_be_bytes();
        let [l0, l1, l2, l3] = self.leg.to_be_bytes();
        let [_, n0, n1, n2] = self.number.to_be_bytes();
        let [_, _, _, s0, s1, s2, s3, s4] = self.sent_us.to_be_bytes();
        let said = [r0, r1, r2, r3, l0, l1, l2, l3, n0, n1, n2, s0, s1, s2, s3, s4];
        let [c0, c1, c2, c3] = check_of(&said);
        [r0, r1, r2, r3, l0, l1, l2, l3, n0, n1, n2, s0, s1, s2, s3, s4, c0, c1, c2, c3]
    }
}

/// The bits of bytes, the lowest of each first.
fn bits(bytes: &[u8; BYTES]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| (0..8).map(move |place| byte >> place & 1))
}

/// The second byte of an Opus packet of code 3: one frame, with padding (RFC 6716 section 3.2.5).
const OPUS_FRAMES: u8 = 0x41;
/// The third: how much padding.
const OPUS_PADDING: u8 = BYTES as u8;

/// An Opus packet with padding for a stamp. One that is not of code 0, one frame and nothing else, stays as it is.
pub(super) fn with_room_in_opus(packet: &[u8]) -> Vec<u8> {
    match packet {
        [contents, frame @ ..] if contents & 3 == 0 => {
            [&[contents | 3, OPUS_FRAMES, OPUS_PADDING], frame, &[0; BYTES]].concat()
        }
        _ => packet.to_vec(),
    }
}

/// Whether audio has one magnitude throughout, as it was sent in this law: it was forwarded code by code.
pub(super) fn is_as_sent(audio: &[u8], law: Law) -> bool {
    let magnitude = law.encode(LEVEL) & 0x7f;
    audio.iter().all(|code| code & 0x7f == magnitude)
}

/// FNV-1a: against damage and voices that look like a stamp, not against malice.
fn check_of(said: &[u8; CHECKED]) -> [u8; 4] {
    let hash =
        said.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::name::Name;
    use super::super::voices::Voices;
    use super::*;
    use audio::codec::Decoder;
    use audio::tone::Sine;

    const STAMP: Stamp = Stamp { run: 0xdead_beef, leg: 70_000, number: 0xab_cdef, sent_us: 0x12_3456_789a };

    #[test]
    fn a_stamp_is_read_in_either_law_and_after_a_change_of_law() {
        for (law, other) in [(Law::A, Law::Mu), (Law::Mu, Law::A)] {
            let mut audio = STAMP.audio(law);
            assert_eq!(Stamp::read(Codec::Pcma, &audio), Some(STAMP));
            assert!(is_as_sent(&audio, law));
            law.transcode(other, &mut audio);
            assert_eq!(Stamp::read(Codec::Pcma, &audio), Some(STAMP));
            assert!(!is_as_sent(&audio, other));
        }
    }

    #[test]
    fn a_stamp_survives_half_the_level() {
        let (mut samples, mut audio) = ([0; FRAME], STAMP.audio(Law::A));
        Law::A.decode_into(&audio, &mut samples);
        samples.iter_mut().for_each(|sample| *sample /= 2);
        Law::A.encode_into(&samples, &mut audio);
        assert_eq!(Stamp::read(Codec::Pcma, &audio), Some(STAMP));
    }

    #[test]
    fn damage_silence_tones_and_other_lengths_are_no_stamp() {
        let mut audio = STAMP.audio(Law::A);
        audio[3] ^= 0x80;
        assert_eq!(Stamp::read(Codec::Pcma, &audio), None);
        assert_eq!(Stamp::read(Codec::Pcma, &[Law::A.silence(); FRAME]), None);
        assert_eq!(Stamp::read(Codec::Pcma, &STAMP.audio(Law::A)[1..]), None);
        let (mut samples, mut tone) = ([0; FRAME], [0; FRAME]);
        Sine::new(440.0, 6_000).fill(&mut samples);
        Law::A.encode_into(&samples, &mut tone);
        assert_eq!(Stamp::read(Codec::Pcma, &tone), None);
    }

    #[test]
    fn a_stamp_is_carried_by_every_voice_and_a_decoder_does_not_mind() {
        let voices = Voices::of(&CARRIERS);
        for codec in CARRIERS {
            for number in 0..60 {
                let place = Name::of(STAMP.run, STAMP.leg).place(number);
                let mut payload = voices.payload(codec, place).unwrap().to_vec();
                assert_eq!(Stamp::read(codec, &payload), None, "{codec:?}");
                STAMP.write(codec, &mut payload);
                assert_eq!(Stamp::read(codec, &payload), Some(STAMP), "{codec:?}");
                let mut decoder = Decoder::new(codec).unwrap();
                let length = decoder.decode(&payload, &mut [0; 960]).unwrap();
                assert_eq!(length, decoder.codec().frame(), "{codec:?}");
            }
        }
    }

    const CARRIERS: [Codec; 4] = [Codec::G722, Codec::Opus, Codec::L16Wide, Codec::L16];
}
