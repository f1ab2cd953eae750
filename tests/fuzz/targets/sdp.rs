//! See [`sip::sdp`](hotline_fuzz::sip::sdp).
#![no_main]

use hotline_fuzz::sip::sdp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sdp(bytes));
