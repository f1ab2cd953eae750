//! See [`srtp::srtp`](hotline_fuzz::srtp::srtp).
#![no_main]

use hotline_fuzz::srtp::srtp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| srtp(bytes));
