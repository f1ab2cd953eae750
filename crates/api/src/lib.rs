//! REST, event streams and metrics.
