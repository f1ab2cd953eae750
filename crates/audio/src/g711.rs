//! G.711, both laws.
//!
//! Encoding is arithmetic, which the compiler turns into vector code; a table of 64 KiB would push out what others
//! need. Decoding reads tables of 512 bytes that the arithmetic made (20 ms in 0.12 µs, where the arithmetic takes 0.15
//! µs for μ-law and 0.22 µs for A-law). Samples are 16-bit; G.711 speaks of 14 bits (μ-law) and 13 bits (A-law), which
//! are the upper bits of ours. Negative samples are folded by one's complement as in the ITU's reference (G.191), so
//! that the staircase is symmetric about −½ and no sample needs a special case.

use codec::Codec;

/// One of the two companding laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// μ-law: North America, Japan; RTP payload type 0.
    Mu,
    /// A-law: Europe, China; RTP payload type 8.
    A,
}

impl Law {
    /// The law of a codec; `None` for all but G.711.
    pub const fn of(codec: Codec) -> Option<Law> {
        match codec {
            Codec::Pcmu => Some(Law::Mu),
            Codec::Pcma => Some(Law::A),
            Codec::G722 | Codec::Opus | Codec::L16 | Codec::L16Wide => None,
        }
    }

    /// G.711 of this law.
    pub const fn codec(self) -> Codec {
        match self {
            Law::Mu => Codec::Pcmu,
            Law::A => Codec::Pcma,
        }
    }

    /// The code of the smallest positive value; silence is sent as this.
    pub const fn silence(self) -> u8 {
        match self {
            Law::Mu => 0xff,
            Law::A => 0xd5,
        }
    }

    /// The code for a 16-bit sample.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => mu_encode(sample),
            Law::A => a_encode(sample),
        }
    }

    /// The 16-bit sample that a code stands for.
    pub const fn decode(self, code: u8) -> i16 {
        self.samples()[code as usize]
    }

    /// What each code stands for.
    const fn samples(self) -> &'static [i16; 256] {
        match self {
            Law::Mu => &MU_SAMPLES,
            Law::A => &A_SAMPLES,
        }
    }

    /// Encodes as many samples as both slices have room for.
    pub fn encode_into(self, samples: &[i16], codes: &mut [u8]) {
        match self {
            Law::Mu => codes.iter_mut().zip(samples).for_each(|(code, s)| *code = mu_encode(*s)),
            Law::A => codes.iter_mut().zip(samples).for_each(|(code, s)| *code = a_encode(*s)),
        }
    }

    /// Decodes as many codes as both slices have room for.
    pub fn decode_into(self, codes: &[u8], samples: &mut [i16]) {
        let table = self.samples();
        samples.iter_mut().zip(codes).for_each(|(sample, code)| *sample = table[usize::from(*code)]);
    }

    /// Turns codes of this law into codes of `other`, in place.
    pub fn transcode(self, other: Law, codes: &mut [u8]) {
        if self != other {
            codes.iter_mut().for_each(|code| *code = other.encode(self.decode(*code)));
        }
    }
}

/// 33 in the 14-bit scale: it makes the segments of μ-law start at powers of two.
const MU_BIAS: i32 = 33;

const fn mu_encode(sample: i16) -> u8 {
    let sample = sample as i32;
    let sign = sample >> 31;
    // 14-bit magnitude, biased, at most the last decision value of the eighth segment.
    let magnitude = ((sample ^ sign) >> 2) + MU_BIAS;
    let magnitude = if magnitude > 0x1fff { 0x1fff } else { magnitude };
    let segment = 26 - magnitude.leading_zeros() as i32;
    let step = (magnitude >> (segment + 1)) & 0x0f;
    let code = (segment << 4 | step) as u8;
    // Codes travel inverted; the sign bit is 1 for positive samples.
    !(code | (sign as u8 & 0x80))
}

const fn mu_decode(code: u8) -> i16 {
    let code = !code as i32;
    let magnitude = (((code & 0x0f) << 1) + MU_BIAS) << (code >> 4 & 7);
    let value = (magnitude - MU_BIAS) << 2;
    (if code & 0x80 == 0 { value } else { -value }) as i16
}

const fn a_encode(sample: i16) -> u8 {
    let sample = sample as i32;
    let sign = sample >> 31;
    // 12-bit magnitude; the two lowest segments have the same step.
    let magnitude = (sample ^ sign) >> 4;
    let segment = if magnitude < 16 { 0 } else { 28 - magnitude.leading_zeros() as i32 };
    let shift = if segment > 1 { segment - 1 } else { 0 };
    let code = (segment << 4 | ((magnitude >> shift) & 0x0f)) as u8;
    // Even bits travel inverted; the sign bit is 1 for positive samples.
    (code | (!sign as u8 & 0x80)) ^ 0x55
}

const fn a_decode(code: u8) -> i16 {
    let code = (code ^ 0x55) as i32;
    let segment = code >> 4 & 7;
    // The middle of the step: half a step is 8 in the 16-bit scale of the lowest segment.
    let within = ((code & 0x0f) << 4) + 8;
    let value = if segment == 0 { within } else { (within + 0x100) << (segment - 1) };
    (if code & 0x80 != 0 { value } else { -value }) as i16
}

static MU_SAMPLES: [i16; 256] = samples_of(Law::Mu);
static A_SAMPLES: [i16; 256] = samples_of(Law::A);

const fn samples_of(law: Law) -> [i16; 256] {
    let (mut samples, mut code) = ([0; 256], 0);
    while code < 256 {
        samples[code] = match law {
            Law::Mu => mu_decode(code as u8),
            Law::A => a_decode(code as u8),
        };
        code += 1;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.711 table 2a, column 2 to 7: end points of the positive μ-law segments (14-bit), the number of
    /// steps and their size. The first step of all is half as wide (0 to 1).
    const MU_SEGMENTS: [(i32, i32, i32); 8] = [
        (0, 16, 2),
        (31, 16, 4),
        (95, 16, 8),
        (223, 16, 16),
        (479, 16, 32),
        (991, 16, 64),
        (2015, 16, 128),
        (4063, 16, 256),
    ];
    /// G.711 table 1a: end points of the positive A-law segments (13-bit), steps, step size.
    const A_SEGMENTS: [(i32, i32, i32); 8] = [
        (0, 16, 2),
        (32, 16, 2),
        (64, 16, 4),
        (128, 16, 8),
        (256, 16, 16),
        (512, 16, 32),
        (1024, 16, 64),
        (2048, 16, 128),
    ];

    /// Output values of the 128 positive codes in the order of rising magnitude, from table 2a: zero,
    /// then the middle between two decision values.
    fn mu_outputs() -> Vec<i32> {
        let mut decisions = vec![0, 1];
        decisions.extend((1..16).map(|step| step * 2 + 1));
        for (start, steps, size) in &MU_SEGMENTS[1..] {
            decisions.extend((1..=*steps).map(|step| start + step * size));
        }
        let middle = decisions.windows(2).skip(1).map(|pair| (pair[0] + pair[1]) / 2);
        std::iter::once(0).chain(middle).collect()
    }

    fn a_outputs() -> Vec<i32> {
        let steps = A_SEGMENTS
            .iter()
            .flat_map(|(start, steps, size)| (0..*steps).map(move |step| start + step * size + size / 2));
        steps.collect()
    }

    #[test]
    fn all_256_codes_decode_to_the_tables_values() {
        let (mu, a) = (mu_outputs(), a_outputs());
        assert_eq!((mu.len(), a.len()), (128, 128));
        assert_eq!((mu[127], a[127]), (8031, 4032), "the largest outputs, as printed in G.711");
        for magnitude in 0..128_u8 {
            let index = usize::from(magnitude);
            assert_eq!(i32::from(Law::Mu.decode(0xff - magnitude)), mu[index] * 4);
            assert_eq!(i32::from(Law::Mu.decode(0x7f - magnitude)), -mu[index] * 4);
            assert_eq!(i32::from(Law::A.decode((magnitude | 0x80) ^ 0x55)), a[index] * 8);
            assert_eq!(i32::from(Law::A.decode(magnitude ^ 0x55)), -a[index] * 8);
        }
    }

    #[test]
    fn every_16_bit_sample_falls_between_its_decision_values() {
        let starts = |segments: &[(i32, i32, i32)]| -> Vec<i32> {
            let steps = segments
                .iter()
                .flat_map(|(start, steps, size)| (0..*steps).map(move |step| start + step * size));
            steps.collect()
        };
        // The first step of μ-law is half as wide: its second decision value is 1, not 2.
        let mu = [(0..16).map(|step| (step * 2 - 1).max(0)).collect(), starts(&MU_SEGMENTS[1..])].concat();
        let a = starts(&A_SEGMENTS);
        for sample in i16::MIN..=i16::MAX {
            let negative = sample < 0;
            let folded = i32::from(if negative { !sample } else { sample });
            let index = |starts: &[i32], value| starts.partition_point(|start| *start <= value) as u8 - 1;
            let expected = 0xff - index(&mu, folded >> 2);
            assert_eq!(Law::Mu.encode(sample), if negative { expected & 0x7f } else { expected }, "{sample}");
            let expected = index(&a, folded >> 3) | if negative { 0 } else { 0x80 };
            assert_eq!(Law::A.encode(sample) ^ 0x55, expected, "{sample}");
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for code in 0..=255 {
            assert_eq!(Law::A.encode(Law::A.decode(code)), code);
            // μ-law has two zeros; the negative one is heard and answered as the positive one.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(code)), expected);
        }
    }

    #[test]
    fn the_laws_meet_the_periodic_test_sequence_of_table_5_and_6() {
        // G.711 tables 5 and 6: these eight codes, repeated, are 1 kHz at 0 dBm0; decoded, they must be
        // one period of a sine, symmetric to the sample.
        for (law, codes) in [
            (Law::A, [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4]),
            (Law::Mu, [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e]),
        ] {
            let wave: Vec<i16> = codes.iter().map(|code| law.decode(*code)).collect();
            assert_eq!(wave[0], wave[3]);
            assert_eq!(wave[1], wave[2]);
            (0..4).for_each(|i| assert_eq!(wave[i], -wave[i + 4]));
            let ratio = f64::from(wave[1]) / f64::from(wave[0]);
            assert!((ratio - 2.414).abs() < 0.1, "{ratio}");
        }
    }

    #[test]
    fn transcoding_keeps_silence_silent() {
        let mut codes = [Law::Mu.silence(); 4];
        Law::Mu.transcode(Law::A, &mut codes);
        assert!(codes.iter().all(|code| Law::A.decode(*code).abs() <= 8));
        let mut same = [1, 2, 3];
        Law::A.transcode(Law::A, &mut same);
        assert_eq!(same, [1, 2, 3]);
    }
}
