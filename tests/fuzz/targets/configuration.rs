//! See [`configuration::configuration`](hotline_fuzz::configuration::configuration).
#![no_main]

use hotline_fuzz::configuration::configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| configuration(bytes));
