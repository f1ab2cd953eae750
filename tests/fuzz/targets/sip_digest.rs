//! See [`digest::digest`](hotline_fuzz::digest::digest).
#![no_main]

use hotline_fuzz::digest::digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| digest(bytes));
