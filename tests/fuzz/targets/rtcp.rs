//! See [`audio::rtcp`](hotline_fuzz::audio::rtcp).
#![no_main]

use hotline_fuzz::audio::rtcp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rtcp(bytes));
