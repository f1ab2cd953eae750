//! What follows a call. So far: the random samples that the quality group listens to.

mod sampling;

pub use sampling::sample;
