use std::fs;

use audio::wav::{HEADER_LEN, MAX_RIFF, StereoWav};
use model::Seed;
use testing::Scratch;
use zeroize::Zeroizing;

use super::*;
use crate::disk::Folder;
use crate::repair::{repair, repair_in};

fn keys(fill: u8) -> Arc<CenterKeys> {
    Arc::new(CenterKeys::new(Some(CenterKey::new(Zeroizing::new([fill; 32]))), Vec::new()))
}

fn vault(scratch: &Scratch) -> Vault {
    Vault::new(Arc::new(Folder::open(scratch.path()).unwrap()), keys(1))
}

/// What a reader gets of a file.
fn seen(scratch: &Scratch, name: &str) -> Vec<u8> {
    let path = scratch.join(name);
    let file = open(File::open(&path).unwrap(), &path, &keys(1)).unwrap();
    let mut all = vec![0; file.length().unwrap() as usize];
    assert_eq!(read_all(&*file, 0, &mut all).unwrap(), all.len());
    all
}

/// The same writes to an encrypted file and to bytes in memory, with holes, over the end and within.
#[test]
fn whatever_is_written_in_whatever_order_reads_as_from_a_plain_file() {
    let scratch = Scratch::new("writes");
    let mut draws = Seed::new(7).fork("vault");
    for round in 0..40 {
        let name = format!("{round}.wav.enc");
        let (mut file, mut plain) = (vault(&scratch).create(&name).unwrap(), Vec::new());
        for _ in 0..30 {
            let offset = draws.below(plain.len() as u64 + 60) as usize;
            let bytes: Vec<u8> =
                (0..1 + draws.below(9000) as usize).map(|at| (at * 7 + offset) as u8).collect();
            if draws.below(5) == 0 {
                plain.resize(offset, 0);
                file.set_len(offset as u64).unwrap();
            } else {
                plain.resize(plain.len().max(offset + bytes.len()), 0);
                plain[offset..offset + bytes.len()].copy_from_slice(&bytes);
                file.write_at(offset as u64, &bytes).unwrap();
            }
            assert_eq!(file.length().unwrap(), plain.len() as u64);
        }
        drop(file);
        assert!(seen(&scratch, &name) == plain, "round {round}");
    }
}

#[test]
fn a_name_without_the_ending_passes_as_it_is() {
    let scratch = Scratch::new("plain");
    vault(&scratch).create("a.wav").unwrap().write_at(0, b"RIFF").unwrap();
    assert_eq!(fs::read(scratch.join("a.wav")).unwrap(), b"RIFF");
}

fn a_recording(scratch: &Scratch, name: &str, samples: usize) -> Vec<u8> {
    let (mut wav, mut data) = (StereoWav::default(), Vec::new());
    let audio: Vec<[i16; 2]> = (0..samples).map(|at| [at as i16, 0x5a5a]).collect();
    wav.append(&audio, &mut data).unwrap();
    let mut file = vault(scratch).create(name).unwrap();
    file.write_at(0, &StereoWav::default().header()).unwrap();
    file.write_at(HEADER_LEN as u64, &data).unwrap();
    [StereoWav::default().header().as_slice(), &data].concat()
}

#[test]
fn a_file_cut_off_anywhere_is_repaired_to_what_it_held() {
    let scratch = Scratch::new("cut");
    // Not a whole number of blocks: the last one is padded.
    let plain = a_recording(&scratch, "whole.wav.enc", 997);
    let stored = fs::read(scratch.join("whole.wav.enc")).unwrap();
    assert!(!stored.windows(4).any(|bytes| bytes == b"RIFF" || bytes == [0x5a; 4]), "all of it is hidden");
    let path = scratch.join("cut.wav.enc");
    for cut in (0..stored.len()).step_by(61).chain(stored.len() - 40..=stored.len()) {
        fs::write(&path, &stored[..cut]).unwrap();
        let repaired = repair(&path, &keys(1)).unwrap();
        let seen = seen(&scratch, "cut.wav.enc");
        let samples = (seen.len() - HEADER_LEN) / 4;
        let held = cut.saturating_sub(LEN + HEADER_LEN) / 4;
        // Where the padding is cut off it cannot be told from audio, and a torn block is lost.
        assert!(samples <= held.min(997) && samples + 8 > held, "cut at {cut}: {samples} of {held}");
        assert!(seen[HEADER_LEN..] == plain[HEADER_LEN..seen.len()], "cut at {cut}");
        assert_eq!(hound::WavReader::new(seen.as_slice()).unwrap().duration() as usize, samples);
        assert_eq!(repair(&path, &keys(1)).unwrap(), repaired, "repairing twice changes nothing");
    }
}

#[test]
fn without_the_key_nothing_is_touched_and_the_error_names_it() {
    let scratch = Scratch::new("locked");
    a_recording(&scratch, "a.wav.enc", 100);
    let path = scratch.join("a.wav.enc");
    let before = fs::read(&path).unwrap();
    let source = std::error::Error::source(&repair(&path, &keys(2)).unwrap_err()).unwrap().to_string();
    assert!(source.contains("needs the encryption key"), "{source}");
    assert!(fs::read(&path).unwrap() == before);
    let Err(error) = open(File::open(&path).unwrap(), &path, &CenterKeys::default()) else {
        panic!("opened")
    };
    assert!(matches!(Locked::of(&error), Some(Locked::NeedsKey(_))));
}

#[test]
fn once_encryption_is_switched_off_old_recordings_are_repaired_and_copied_all_the_same() {
    let scratch = Scratch::new("off");
    a_recording(&scratch, "a.wav.enc", 5000);
    let key = CenterKey::new(Zeroizing::new([1; 32]));
    let old = Arc::new(CenterKeys::new(None, vec![key]));
    let path = scratch.join("a.wav.enc");
    assert_eq!(repair(&path, &old).unwrap().duration_ms, 625);
    let (copy, _) = crate::copy_as_flac(&path, &old).unwrap();
    assert!(copy.ends_with("a.flac.enc") && seen(&scratch, "a.flac.enc").starts_with(b"fLaC"));
}

#[test]
fn blocks_that_a_power_cut_left_unwritten_are_an_empty_recording() {
    let scratch = Scratch::new("blank");
    let path = scratch.join("a.wav.enc");
    for length in [0, 100, LEN, LEN + 96] {
        fs::write(&path, vec![0; length]).unwrap();
        assert_eq!(repair(&path, &keys(1)).unwrap().duration_ms, 0);
        assert_eq!(seen(&scratch, "a.wav.enc").len(), HEADER_LEN);
    }
    fs::write(&path, vec![0; 100_000]).unwrap();
    assert!(repair(&path, &keys(1)).is_err());
    assert_eq!(fs::metadata(&path).unwrap().len(), 100_000, "what may hold more is left alone");
}

#[test]
fn two_encrypted_parts_of_a_recording_become_one() {
    let (main, second) = (Scratch::new("main"), Scratch::new("second"));
    let plain = a_recording(&main, "a.wav.enc", 1003);
    let mut later = vault(&second).create("a.wav.enc").unwrap();
    later.write_at(0, &StereoWav::default().header()).unwrap();
    later.write_at(HEADER_LEN as u64 + 1003 * 4, &[7; 4000]).unwrap();
    drop(later);
    let folders = [&main, &second].map(|scratch| scratch.path().to_owned());
    repair_in(&folders, "a.wav.enc", 8_000, &keys(1)).unwrap();
    let seen = seen(&second, "a.wav.enc");
    assert!(!main.join("a.wav.enc").exists() && seen.len() == HEADER_LEN + 2003 * 4);
    assert!(seen[HEADER_LEN..plain.len()] == plain[HEADER_LEN..] && seen[plain.len()..] == [7; 4000]);
}

#[test]
fn above_four_gigabytes_an_encrypted_file_becomes_rf64_too() {
    let scratch = Scratch::new("rf64");
    a_recording(&scratch, "a.wav.enc", 10);
    let path = scratch.join("a.wav.enc");
    let mut file = reopen(&path, &keys(1)).unwrap();
    // A hole: 37 hours cost no room, here as in a plain file.
    file.write_at(HEADER_LEN as u64 + MAX_RIFF + 4000, &[1; 4]).unwrap();
    drop(file);
    // The test checks the length alone: to hash four gigabytes would take too long.
    let file = reopen(&path, &keys(1)).unwrap();
    let mut head = [0; HEADER_LEN];
    file.read_at(0, &mut head).unwrap();
    let repaired = audio::wav::repair(&head, file.length().unwrap()).unwrap();
    assert!(repaired.header.starts_with(b"RF64"));
    let mut silence = [1; 4096];
    file.read_at(1 << 31, &mut silence).unwrap();
    assert_eq!((repaired.samples, silence), (MAX_RIFF / 4 + 1001, [0; 4096]));
}
