//! What people read: lines of the log, listings and stories of the command line, and the streams that they go to.

pub(crate) mod line;
pub mod listings;
pub mod log;
pub mod output;
pub mod story;
