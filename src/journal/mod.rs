//! The record of runs: one SQLite file a run, written while it goes on and before anything rests on what it says.
//!
//! The writer is a consumer of the run's events, in front of the output, so that nothing is shown that is not written.
//! `krun history` and `krun show` read the files, and `krun resume` goes on from them.

mod folder;
mod header;
mod reader;
mod schema;
mod sources;
mod writer;

pub use folder::{Folder, KEPT_RUNS};
pub use header::{End, Header};
pub use reader::{JournalError, RunState, StoredRun, StoredTask};
pub use sources::Sources;
pub use writer::Writer;
