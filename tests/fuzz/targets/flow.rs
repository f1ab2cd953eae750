//! See [`ivr::flow`](hotline_fuzz::ivr::flow).
#![no_main]

use hotline_fuzz::ivr::flow;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| flow(bytes));
