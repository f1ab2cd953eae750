//! Recordings at rest: they are written, kept through trouble with their folders, encrypted, repaired after a crash,
//! copied, signed, compared with their rows, brought back, opened to be heard, and erased here, and nowhere else.
//!
//! What it must know of the database and the event log it asks by the traits [`Rows`], [`Overdue`], [`Log`] and
//! [`Notary`], which the binary wires.

#![forbid(unsafe_code)]

mod adopt;
mod copier;
mod copies;
mod decoding;
mod disk;
mod erasure;
mod evidence;
mod ledger;
mod manifest;
mod names;
mod patient;
mod repair;
mod schedule;
mod shelves;
mod storage;
mod tally;
mod vault;
mod verify;
mod writer;
mod writers;
mod writing;

pub use adopt::{Adopted, Plan, newest_files};
pub use copier::Copier;
pub use copies::{CopyError, copy_as_flac};
pub use disk::{Disk, DiskFile, Folder, is_mount};
pub use erasure::{Eraser, NotApplied, Outcome};
pub use evidence::{Guard, keep_manifests};
pub use ledger::{Asked, LedgerError, Log, Notary, Overdue, Rows, Short, Stay};
pub use manifest::{Fate, Finding, Line, Manifests, PublicKeys, SigningKey, SigningKeyError, check};
pub use names::{contact_of, flac_name, flac_part_name, path_of, paths_of};
pub use repair::{RepairError, Repaired, repair, repair_in};
pub use schedule::{Schedule, erase_daily};
pub use shelves::{Shelves, Unopened, export};
pub use tally::{Counts, Tally};
pub use vault::{CenterKey, CenterKeys, KeyError, KeyId, Locked, Vault, open};
pub use verify::{Difference, VerifyError, sha256_of, verify, wav_files};
pub use writer::{Buffer, ToWriter};
pub use writers::{WriterSettings, Writers};

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
