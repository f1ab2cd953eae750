//! See [`sip::datagram`](hotline_fuzz::sip::datagram).
#![no_main]

use hotline_fuzz::sip::datagram;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| datagram(bytes));
