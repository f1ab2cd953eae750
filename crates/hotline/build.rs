//! Writes down when the program is built: a machine whose clock is before that has a wrong clock.
//! `SOURCE_DATE_EPOCH` gives builds that can be repeated to the byte.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    println!("cargo::rustc-env=HOTLINE_BUILT_S={}", given.unwrap_or(now));
}
