//! See [`playout::playout`](hotline_fuzz::playout::playout).
#![no_main]

use hotline_fuzz::playout::playout;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| playout(bytes));
