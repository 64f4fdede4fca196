//! Runs plays: batches, the stop rule, tasks on hosts in parallel, handlers. Emits events and prints nothing.

mod batches;
mod endpoint;
mod event;
mod fused;
mod handlers;
mod host_task;
mod items;
mod items_of_loops;
mod loops;
mod module_call;
mod options;
mod play_run;
mod prompts;
mod roles;
mod run;
mod stats;
mod undo;
mod verdict;
mod windows;
mod world;

pub use batches::{BatchError, check_serial, plan_batches};
pub use event::{CleanUp, Event, EventSink, HostReport, Status};
pub use options::{AnswerReader, RunOptions};
pub use run::{Summary, run};
pub use stats::{Counts, Recap};
pub use undo::Undos;
pub use verdict::{BatchResult, StopReason, Verdict, verdict};
