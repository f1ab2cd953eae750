//! Stereo 16-bit FLAC (RFC 9639), block by block.
//!
//! ```text
//!   fLaC  STREAMINFO  frame frame frame …        frame: header, left subframe, right subframe, CRC-16
//! ```
//!
//! Made for telephone recordings: the two channels are two people and have nothing in common, so they are
//! predicted apart; a channel of silence is one sample; what came by G.711 has two or three low bits that are
//! never set, which are left out. The predictors are the fixed ones of section 9.2.5, the residual is Rice-coded
//! in partitions.

use md5::{Digest as _, Md5};

/// Samples a block; only the last one has fewer.
pub const BLOCK: usize = 4096;
/// Bytes before the first frame.
pub const HEADER_LEN: usize = 42;
/// The highest order of a fixed predictor.
const ORDERS: usize = 4;
/// The most partitions, as a power of two: 64 samples each.
const PARTITIONS: u32 = 6;
/// The greatest Rice parameter that four bits hold; 15 means something else.
const GREATEST_RICE: u32 = 14;

/// Encodes one stream.
#[derive(Debug, Clone)]
pub struct Encoder {
    rate: u32,
    frames: u64,
    samples: u64,
    /// Bytes of the shortest and the longest frame.
    sizes: (u32, u32),
    md5: Md5,
}

impl Encoder {
    /// A stream with `rate` samples a second, 1 to 1,048,575.
    pub fn new(rate: u32) -> Encoder {
        Encoder { rate, frames: 0, samples: 0, sizes: (u32::MAX, 0), md5: Md5::new() }
    }

    /// Appends the frame of a block: [`BLOCK`] samples, 1 or more in the last one.
    pub fn block(&mut self, samples: &[[i16; 2]], out: &mut Vec<u8>) {
        debug_assert!((1..=BLOCK).contains(&samples.len()));
        samples.iter().flatten().for_each(|sample| self.md5.update(sample.to_le_bytes()));
        let mut bits = Bits::default();
        frame_header(self.frames, samples.len(), &mut bits);
        for channel in 0..2 {
            let mut wide: Vec<i32> = samples.iter().map(|both| i32::from(both[channel])).collect();
            subframe(&mut wide, &mut bits);
        }
        bits.fill_byte();
        bits.put(u64::from(crc16(&bits.bytes)), 16);
        let size = bits.bytes.len() as u32;
        self.sizes = (self.sizes.0.min(size), self.sizes.1.max(size));
        (self.frames, self.samples) = (self.frames + 1, self.samples + samples.len() as u64);
        out.append(&mut bits.bytes);
    }

    /// The bytes before the first frame. They are known once the last block was encoded.
    pub fn header(&self) -> Vec<u8> {
        let mut bits = Bits { bytes: b"fLaC".to_vec(), ..Bits::default() };
        let (shortest, longest) = if self.frames == 0 { (0, 0) } else { self.sizes };
        // The last metadata block, of type STREAMINFO, and its length.
        bits.put(0x8000_0022, 32);
        bits.put(BLOCK as u64, 16);
        bits.put(BLOCK as u64, 16);
        bits.put(u64::from(shortest), 24);
        bits.put(u64::from(longest), 24);
        bits.put(u64::from(self.rate), 20);
        bits.put(2 - 1, 3);
        bits.put(16 - 1, 5);
        // 36 bits hold 99 days; the length of a longer stream is written as unknown.
        bits.put(if self.samples < 1 << 36 { self.samples } else { 0 }, 36);
        bits.bytes.extend_from_slice(&self.md5.clone().finalize());
        bits.bytes
    }
}

/// Section 9.1. The sample rate stands in STREAMINFO alone.
fn frame_header(number: u64, samples: usize, bits: &mut Bits) {
    const SIZE_FOLLOWS: u64 = 0b0111;
    const SIZE_4096: u64 = 0b1100;
    // Sync code and blocks of one size, but for the last.
    bits.put(0xfff8, 16);
    bits.put(if samples == BLOCK { SIZE_4096 } else { SIZE_FOLLOWS }, 4);
    bits.put(0, 4);
    // Two channels by themselves, 16 bits, a reserved one.
    bits.put(0b0001_1000, 8);
    coded_number(number, bits);
    if samples != BLOCK {
        bits.put(samples as u64 - 1, 16);
    }
    bits.put(u64::from(crc8(&bits.bytes)), 8);
}

/// A number in the coding of UTF-8, up to 36 bits.
fn coded_number(number: u64, bits: &mut Bits) {
    if number < 0x80 {
        return bits.put(number, 8);
    }
    let length = u64::from(64 - number.leading_zeros());
    // Six bits a byte; the first byte has room for 6 − n behind the mark of n more.
    let more = (1..6).find(|more| length <= 6 * more + 6 - more).unwrap_or(6);
    let mark = 0xff_u64 << (7 - more) & 0xff;
    bits.put(mark | number >> (6 * more), 8);
    (0..more).rev().for_each(|at| bits.put(0x80 | number >> (6 * at) & 0x3f, 8));
}

/// Section 9.2: one channel of a block.
fn subframe(samples: &mut [i32], bits: &mut Bits) {
    let first = samples.first().copied().unwrap_or(0);
    if samples.iter().all(|sample| *sample == first) {
        bits.put(0, 8);
        return bits.put_signed(first, 16);
    }
    let wasted = samples.iter().fold(0, |all, sample| all | sample).trailing_zeros();
    samples.iter_mut().for_each(|sample| *sample >>= wasted);
    let (order, residual) = predict(samples);
    bits.put(0b00_1000 | order as u64, 7);
    bits.put(u64::from(wasted > 0), 1);
    if wasted > 0 {
        bits.put(1, wasted);
    }
    samples.iter().take(order).for_each(|sample| bits.put_signed(*sample, 16 - wasted));
    residuals(&residual, order, samples.len(), bits);
}

/// The fixed predictor with the smallest residual, and that residual without the warm-up samples.
fn predict(samples: &[i32]) -> (usize, Vec<i32>) {
    let mut differences = samples.to_vec();
    let mut best = (0, differences.clone());
    let mut least = weight(&differences);
    for order in 1..=ORDERS.min(samples.len() - 1) {
        differences = differences.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let weight = weight(&differences);
        if weight < least {
            (least, best) = (weight, (order, differences.clone()));
        }
    }
    best
}

fn weight(values: &[i32]) -> u64 {
    values.iter().map(|value| u64::from(value.unsigned_abs())).sum()
}

/// Section 9.2.7: Rice codes, in as many partitions as pay.
fn residuals(residual: &[i32], order: usize, samples: usize, bits: &mut Bits) {
    let folded: Vec<u32> = residual.iter().map(|value| ((value << 1) ^ (value >> 31)) as u32).collect();
    let fits = |split: &u32| samples.is_multiple_of(1 << split) && samples >> split > order;
    let splits = (0..=PARTITIONS).filter(fits);
    let costs = splits.map(|split| {
        let cost: u64 = partitions(&folded, order, samples, split).map(|part| best_rice(part).1 + 4).sum();
        (cost, split)
    });
    let split = costs.min().map_or(0, |(_, split)| split);
    bits.put(0b00, 2);
    bits.put(u64::from(split), 4);
    for part in partitions(&folded, order, samples, split) {
        let (rice, _) = best_rice(part);
        bits.put(u64::from(rice), 4);
        for value in part {
            bits.zeros(value >> rice);
            bits.put(u64::from(1 << rice | value & ((1 << rice) - 1)), rice + 1);
        }
    }
}

/// The first partition is shorter by the warm-up.
fn partitions(folded: &[u32], order: usize, samples: usize, split: u32) -> impl Iterator<Item = &[u32]> {
    let size = samples >> split;
    (0..1_usize << split).map(move |nth| {
        let from = (nth * size).saturating_sub(order);
        folded.get(from..(nth + 1) * size - order).unwrap_or_default()
    })
}

/// The Rice parameter with the shortest code, among the three around the mean; and the bits of that code.
fn best_rice(values: &[u32]) -> (u32, u64) {
    let mean = values.iter().map(|value| u64::from(*value)).sum::<u64>() / (values.len() as u64).max(1);
    let near = (u64::BITS - mean.leading_zeros()).min(GREATEST_RICE);
    let cost = |rice: u32| {
        let unary: u64 = values.iter().map(|value| u64::from(value >> rice)).sum();
        (rice, unary + values.len() as u64 * u64::from(rice + 1))
    };
    (near.saturating_sub(1)..=(near + 1).min(GREATEST_RICE))
        .map(cost)
        .min_by_key(|(_, cost)| *cost)
        .unwrap_or((0, 0))
}

/// Bits, the highest first.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Those that are no whole byte yet, and how many.
    pending: u64,
    count: u32,
}

impl Bits {
    /// The low `count` bits of a value, at most 48.
    fn put(&mut self, value: u64, count: u32) {
        let mask = (1 << count) - 1;
        self.pending = self.pending << count | value & mask;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
    }

    fn put_signed(&mut self, value: i32, count: u32) {
        self.put(i64::from(value) as u64, count);
    }

    fn zeros(&mut self, mut count: u32) {
        while count > 0 {
            let some = count.min(32);
            self.put(0, some);
            count -= some;
        }
    }

    fn fill_byte(&mut self) {
        self.put(0, (8 - self.count) % 8);
    }
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| crc << 1 ^ if crc & 0x80 == 0 { 0 } else { 0x07 })
    })
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x8005 })
    })
}

#[cfg(test)]
mod tests {
    //! That other programs decode it is shown where programs may be run: `crates/media/tests/flac.rs`.

    use super::*;

    #[test]
    fn numbers_of_frames_are_coded_as_utf_8_codes_characters() {
        let coded = |number| {
            let mut bits = Bits::default();
            coded_number(number, &mut bits);
            bits.bytes
        };
        for letter in ['\0', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10000}', '\u{10ffff}']
        {
            assert_eq!(coded(letter as u64), letter.to_string().as_bytes());
        }
        assert_eq!(coded((1 << 36) - 1), [0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]);
    }

    #[test]
    fn silence_is_a_sample_and_bits_that_are_never_set_are_left_out() {
        let encode = |sample: fn(usize) -> [i16; 2]| {
            let (mut encoder, mut out) = (Encoder::new(8000), Vec::new());
            encoder.block(&(0..BLOCK).map(sample).collect::<Vec<_>>(), &mut out);
            out.len()
        };
        // Header, two samples, CRC.
        assert_eq!(encode(|_| [7, 0]), 6 + 3 + 3 + 2);
        let (all, high) = (encode(|at| [noise_of(at), 0]), encode(|at| [noise_of(at) & !7, 0]));
        assert!(all.abs_diff(high) >= BLOCK * 3 / 8 - 64, "{all} and {high} bytes");
    }

    /// Noise without a random source.
    fn noise_of(at: usize) -> i16 {
        ((at as u32).wrapping_mul(2_654_435_761) >> 16) as i16
    }
}
