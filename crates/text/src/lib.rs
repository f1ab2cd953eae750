//! Reads TOML into checked values, so that every problem of every file is reported at once, with its line and a hint.
//!
//! [`parse`] gives the file's outermost [`Section`]. Each read of a key takes its value out and marks the key as known;
//! [`Section::finish`] reports the keys that nobody asked for. A read that fails returns nothing, adds a [`Problem`] to
//! the shared [`Problems`], and reading goes on. What is in [`Problems`] at the end decides whether the values may be
//! used.

#![forbid(unsafe_code)]

mod problems;
mod section;

pub use problems::{Problem, Problems, Text};
pub use section::{At, Section, parse};

#[cfg(test)]
mod tests;
