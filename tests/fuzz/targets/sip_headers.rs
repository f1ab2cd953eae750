//! See [`sip::headers`](hotline_fuzz::sip::headers).
#![no_main]

use hotline_fuzz::sip::headers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headers(bytes));
