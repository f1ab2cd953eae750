//! What a center has on disk: the archive's wiring to database and log, locks of folders, keys; and what brings lost
//! things back.

pub mod adopt;
pub mod backup;
pub mod guard;
pub mod ledger;
pub mod vault;
