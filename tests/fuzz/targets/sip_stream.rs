//! See [`sip::stream`](hotline_fuzz::sip::stream).
#![no_main]

use hotline_fuzz::sip::stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| stream(bytes));
