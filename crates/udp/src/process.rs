//! What the system allows a process: open files, their mode, and room on disks.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

use crate::checked;

/// Files and folders that this process makes from now on are not for other users of the machine: 0640 and 0750 at most.
pub fn make_files_private() {
    // SAFETY: takes no pointer and cannot fail.
    unsafe { libc::umask(0o027) };
}

/// Lets this process have `wanted` open files, or as many as the system allows it; returns how many.
///
/// The kernel's table of open files is made as large at once. Otherwise it grows by doubling, and the thread that
/// opens the file for which it grows waits until every processor has passed a quiet point (20 ms on a busy machine): a
/// media thread that opens a port would be late for all its calls.
pub fn make_room_for_files(wanted: usize) -> usize {
    // SAFETY: a plain struct of two integers.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: `limit` is live.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return wanted;
    }
    let allowed = limit.rlim_cur.max(limit.rlim_max.min(wanted as libc::rlim_t));
    if allowed > limit.rlim_cur {
        limit.rlim_cur = allowed;
        // SAFETY: as above.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
            return wanted;
        }
    }
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    let highest = libc::c_int::try_from(allowed.min(wanted).saturating_sub(1)).unwrap_or(libc::c_int::MAX);
    // SAFETY: takes no pointer; 2 is copied to the lowest free number from `highest` on. It fails where the number is
    // beyond the limit, and then the table grows as it goes.
    let copy = unsafe { libc::fcntl(2, libc::F_DUPFD_CLOEXEC, highest) };
    if copy >= 0 {
        // SAFETY: a fresh descriptor that nobody else owns.
        drop(unsafe { OwnedFd::from_raw_fd(copy) });
    }
    allowed
}

/// How many files this process may have open now, and how many it may ask for; `None` where the system does not say.
pub fn files_allowed() -> Option<(u64, u64)> {
    // SAFETY: a plain struct of two integers.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: `limit` is live.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0;
    told.then_some((limit.rlim_cur, limit.rlim_max))
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    /// The whole.
    pub total: u64,
}

/// The room on the file system that holds `path`.
///
/// # Errors
/// What the system said. It may wait for a disk that does not answer.
pub fn space(path: &Path) -> io::Result<Space> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a plain struct of integers.
    let mut told: libc::statvfs = unsafe { mem::zeroed() };
    // SAFETY: `path` ends in a zero and `told` is live.
    checked(unsafe { libc::statvfs(path.as_ptr(), &mut told) })?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(Space { free: bytes(told.f_bavail), total: bytes(told.f_blocks) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_files_is_made_as_far_as_it_is_allowed() {
        let now = make_room_for_files(1);
        let more = make_room_for_files(now + 1);
        assert!(more == now || more == now + 1, "{now} {more}");
        assert_eq!(make_room_for_files(usize::MAX), make_room_for_files(1), "as many as there can be");
    }
}
