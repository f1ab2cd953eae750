//! See [`endpoint::endpoint`](hotline_fuzz::endpoint::endpoint).
#![no_main]

use hotline_fuzz::endpoint::endpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| endpoint(bytes));
