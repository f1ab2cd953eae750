//! What follows a call. So far: the random samples that the quality group listens to.

mod sampling;

pub use sampling::{margin, sample, sample_size};
