//! Datagrams, one or many a system call, and what a thread that handles them needs: waiting for many sockets, a core
//! and a priority of its own, room for open files. Linux only.
//!
//! Every system call that the standard library lacks is here, and with it all unsafe code of the project. Each module
//! is a safe interface: no call of a function of this crate can break memory.

mod batch;
mod icmp;
mod poll;
mod process;
mod socket;
mod thread;

use std::io;

pub use batch::{Arrived, Batch, DATAGRAM, prepare};
pub use icmp::{next_refusal, watch_refusals};
pub use poll::{Poll, Timer, Waker};
pub use process::{Space, files_allowed, make_files_private, make_room_for_files, space};
pub use socket::{disconnect, mark_as_voice};
pub use thread::{Urgency, hurry, pin_to_core, run_delay};

/// A system call's result, or the error that it left.
fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
