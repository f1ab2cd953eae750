//! AES-256-XTS (IEEE 1619-2018, NIST SP 800-38E) on whole blocks of 16 bytes.
//!
//! Each block is encrypted by itself, with a tweak made of its position. So a block may be overwritten in place, which
//! would reuse the key stream of a counter mode. Nothing is authenticated here.
//!
//! ```text
//!   tweak of block j of sector s = E₂(s) · αʲ  in GF(2¹²⁸)        C = E₁(P ⊕ tweak) ⊕ tweak
//! ```

use aes::Aes256;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 16;
/// Bytes of a sector, whose number is in the tweak of its blocks.
const SECTOR: usize = 4096;
const BLOCKS: usize = SECTOR / BLOCK;

/// The two keys, scheduled; overwritten when dropped (feature `zeroize` of `aes`).
pub(crate) struct Xts {
    data: Aes256,
    tweak: Aes256,
}

#[derive(Clone, Copy)]
enum Way {
    Encrypt,
    Decrypt,
}

impl Xts {
    /// The key for data, then the one for tweaks.
    pub(crate) fn new(key: &[u8; 64]) -> Xts {
        let (mut data, mut tweak) = ([0; 32], [0; 32]);
        data.copy_from_slice(&key[..32]);
        tweak.copy_from_slice(&key[32..]);
        let xts = Xts { data: Aes256::new(&data.into()), tweak: Aes256::new(&tweak.into()) };
        zeroize::Zeroize::zeroize(&mut data);
        zeroize::Zeroize::zeroize(&mut tweak);
        xts
    }

    /// Encrypts whole blocks that stand in the file from block number `first` on.
    pub(crate) fn encrypt(&self, first: u64, bytes: &mut [u8]) {
        self.work(first, bytes, Way::Encrypt);
    }

    /// Decrypts whole blocks, as [`Xts::encrypt`] encrypted them.
    pub(crate) fn decrypt(&self, first: u64, bytes: &mut [u8]) {
        self.work(first, bytes, Way::Decrypt);
    }

    fn work(&self, first: u64, bytes: &mut [u8], way: Way) {
        debug_assert!(bytes.len().is_multiple_of(BLOCK), "whole blocks");
        let (mut sector, mut skip) = (first / BLOCKS as u64, (first % BLOCKS as u64) as usize);
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = rest.len().min(SECTOR - skip * BLOCK);
            let (part, behind) = rest.split_at_mut(length);
            self.sector(sector, skip, part, way);
            (rest, sector, skip) = (behind, sector + 1, 0);
        }
    }

    /// Encrypts or decrypts blocks of one sector, from its block number `skip` on.
    fn sector(&self, sector: u64, skip: usize, bytes: &mut [u8], way: Way) {
        let mut first = Array::from(u128::from(sector).to_le_bytes());
        self.tweak.encrypt_block(&mut first);
        let first = (0..skip).fold(u128::from_le_bytes(first.into()), |tweak, _| doubled(tweak));
        add_tweaks(first, bytes);
        // Many blocks at once: the processor works on several in parallel.
        let (blocks, _) = Array::slice_as_chunks_mut(bytes);
        match way {
            Way::Encrypt => self.data.encrypt_blocks(blocks),
            Way::Decrypt => self.data.decrypt_blocks(blocks),
        }
        add_tweaks(first, bytes);
    }
}

fn add_tweaks(first: u128, bytes: &mut [u8]) {
    let mut tweak = first;
    let (blocks, _) = bytes.as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = (u128::from_le_bytes(*block) ^ tweak).to_le_bytes();
        tweak = doubled(tweak);
    }
}

/// Multiplied by α modulo x¹²⁸ + x⁷ + x² + x + 1.
fn doubled(tweak: u128) -> u128 {
    (tweak << 1) ^ if tweak >> 127 == 1 { 0x87 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap();
        (0..hexadecimal.len()).step_by(2).map(byte).collect()
    }

    fn counted() -> [u8; 64] {
        std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(3))
    }

    /// IEEE 1619-2018, annex B, vector 10: AES-256, data unit 0xff, 512 bytes that count up twice.
    #[test]
    fn the_standards_own_vector() {
        let key = bytes(
            "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502\
             88419716939937510582097494459230781640628620899862803482534211706798",
        );
        let mut data: Vec<u8> = (0..512).map(|at| at as u8).collect();
        let xts = Xts::new(&key.get(..64).unwrap().try_into().unwrap());
        xts.encrypt(0xff * BLOCKS as u64, &mut data);
        assert_eq!(data[..32], bytes("1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"));
        assert_eq!(data[496..], bytes("c4f36ffda9fcea70b9c6e693e148c151")[..]);
        xts.decrypt(0xff * BLOCKS as u64, &mut data);
        assert!((0..512).all(|at| data[at] == at as u8));
    }

    #[test]
    fn blocks_may_be_written_in_any_order_and_split_anywhere() {
        let xts = Xts::new(&counted());
        let plain: Vec<u8> = (0..3 * SECTOR).map(|at| (at * 31 / 7) as u8).collect();
        let mut whole = plain.clone();
        xts.encrypt(0, &mut whole);
        let mut pieces = plain.clone();
        for (first, blocks) in [(300, 468), (0, 1), (1, 254), (255, 45)] {
            xts.encrypt(first as u64, &mut pieces[first * BLOCK..(first + blocks) * BLOCK]);
        }
        assert!(whole == pieces);
        xts.decrypt(250, &mut whole[250 * BLOCK..270 * BLOCK]);
        assert!(whole[250 * BLOCK..270 * BLOCK] == plain[250 * BLOCK..270 * BLOCK]);
    }

    /// Another implementation: OpenSSL, by way of Python's `cryptography`.
    #[test]
    fn another_implementation_agrees_on_sectors_up_to_a_terabyte() {
        const SCRIPT: &str = "import sys\nfrom cryptography.hazmat.primitives.ciphers import Cipher, \
            algorithms, modes\nkey, sector, data = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), \
            sys.stdin.buffer.read()\ne = Cipher(algorithms.AES(key), \
            modes.XTS(sector.to_bytes(16, 'little'))).encryptor()\n\
            sys.stdout.buffer.write(e.update(data) + e.finalize())";
        let key: String = counted().iter().map(|byte| format!("{byte:02x}")).collect();
        for sector in [0_u64, 1, 255, 1 << 20, 1 << 28] {
            let mut data: Vec<u8> = (0..SECTOR).map(|at| (at ^ (at >> 5)) as u8).collect();
            let run = Command::new("python3")
                .args(["-c", SCRIPT, &key, &sector.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut run) = run else { return eprintln!("python3 is missing: no second opinion") };
            // A process that ended because the module is missing reads nothing.
            let _ = run.stdin.take().unwrap().write_all(&data);
            let theirs = run.wait_with_output().unwrap();
            if !theirs.status.success() {
                return eprintln!("Python's cryptography is missing: no second opinion");
            }
            Xts::new(&counted()).encrypt(sector * BLOCKS as u64, &mut data);
            assert!(data == theirs.stdout, "sector {sector}");
        }
    }
}
