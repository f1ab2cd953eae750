//! The machine and the process: its folders, its clock, its signals, and figures of the process.

pub mod clock;
pub mod folders;
pub(crate) mod process;
pub mod signals;
