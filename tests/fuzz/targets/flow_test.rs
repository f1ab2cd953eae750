//! See [`ivr::flow_test`](hotline_fuzz::ivr::flow_test).
#![no_main]

use hotline_fuzz::ivr::flow_test;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| flow_test(bytes));
