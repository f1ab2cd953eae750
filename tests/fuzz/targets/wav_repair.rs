//! See [`audio::wav_repair`](hotline_fuzz::audio::wav_repair).
#![no_main]

use hotline_fuzz::audio::wav_repair;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| wav_repair(bytes));
