//! See [`rtp::rtp`](hotline_fuzz::rtp::rtp).
#![no_main]

use hotline_fuzz::rtp::rtp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rtp(bytes));
