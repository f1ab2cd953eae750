//! The signal that a simulated phone sends: who sends it, the how-manieth packet it is and when it left, written
//! into the signs of its 160 samples.
//!
//! A sign survives a change of law and of level, so a stamp is read whether the system under test forwards codes
//! or decodes and encodes them again. To a listener it is noise.

use audio::FRAME;
use audio::g711::Law;

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
    /// The run of the load generator that made it: another's packets are nobody's counterpart.
    pub(super) run: u32,
    /// The leg that sent it.
    pub(super) leg: u32,
    /// Its number in that leg; 24 bits, four days of packets.
    pub(super) number: u32,
    /// When it left, in microseconds since the run began; 40 bits, twelve days.
    pub(super) sent_us: u64,
}

impl Stamp {
    /// The audio that says so.
    pub(super) fn audio(&self, law: Law) -> [u8; FRAME] {
        let (loud, quiet) = (law.encode(LEVEL), law.encode(-LEVEL));
        let bytes = self.bytes();
        let mut audio = [0; FRAME];
        for (codes, byte) in audio.chunks_exact_mut(8).zip(bytes) {
            for (place, code) in codes.iter_mut().enumerate() {
                *code = if byte >> place & 1 == 1 { loud } else { quiet };
            }
        }
        audio
    }

    /// Reads what audio of either law says; `None` for a voice, music, silence, or a damaged packet.
    pub(super) fn read(audio: &[u8]) -> Option<Stamp> {
        let audio: &[u8; FRAME] = audio.try_into().ok()?;
        let mut bytes = [0; BYTES];
        for (byte, codes) in bytes.iter_mut().zip(audio.chunks_exact(8)) {
            // The first bit of a code is its sign in both laws, set for positive.
            *byte = codes.iter().enumerate().fold(0, |byte, (place, code)| byte | (code >> 7) << place);
        }
        let [r0, r1, r2, r3, l0, l1, l2, l3, n0, n1, n2, s0, s1, s2, s3, s4, check @ ..] = bytes;
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
    use super::*;
    use audio::tone::Sine;

    const STAMP: Stamp = Stamp { run: 0xdead_beef, leg: 70_000, number: 0xab_cdef, sent_us: 0x12_3456_789a };

    #[test]
    fn a_stamp_is_read_in_either_law_and_after_a_change_of_law() {
        for (law, other) in [(Law::A, Law::Mu), (Law::Mu, Law::A)] {
            let mut audio = STAMP.audio(law);
            assert_eq!(Stamp::read(&audio), Some(STAMP));
            assert!(is_as_sent(&audio, law));
            law.transcode(other, &mut audio);
            assert_eq!(Stamp::read(&audio), Some(STAMP));
            assert!(!is_as_sent(&audio, other));
        }
    }

    #[test]
    fn a_stamp_survives_half_the_level() {
        let (mut samples, mut audio) = ([0; FRAME], STAMP.audio(Law::A));
        Law::A.decode_into(&audio, &mut samples);
        samples.iter_mut().for_each(|sample| *sample /= 2);
        Law::A.encode_into(&samples, &mut audio);
        assert_eq!(Stamp::read(&audio), Some(STAMP));
    }

    #[test]
    fn damage_silence_tones_and_other_lengths_are_no_stamp() {
        let mut audio = STAMP.audio(Law::A);
        audio[3] ^= 0x80;
        assert_eq!(Stamp::read(&audio), None);
        assert_eq!(Stamp::read(&[Law::A.silence(); FRAME]), None);
        assert_eq!(Stamp::read(&STAMP.audio(Law::A)[1..]), None);
        let (mut samples, mut tone) = ([0; FRAME], [0; FRAME]);
        Sine::new(440.0, 6_000).fill(&mut samples);
        Law::A.encode_into(&samples, &mut tone);
        assert_eq!(Stamp::read(&tone), None);
    }
}
