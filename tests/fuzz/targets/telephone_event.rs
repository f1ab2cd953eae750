//! See [`audio::telephone_event`](hotline_fuzz::audio::telephone_event).
#![no_main]

use hotline_fuzz::audio::telephone_event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| telephone_event(bytes));
