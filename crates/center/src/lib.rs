//! The conductor: one machine per call.
