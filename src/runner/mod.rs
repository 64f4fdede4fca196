//! Runs plays: batches, the stop rule, tasks on hosts in parallel, handlers. Emits events and prints nothing.

mod batches;
mod budget;
mod company;
mod conditions;
mod endpoint;
mod event;
mod fused;
mod gathering;
mod handlers;
mod host_task;
mod includes;
mod items;
mod loops;
mod metas;
mod module_call;
mod options;
mod play_batch;
mod play_hosts;
mod play_run;
mod run;
mod stats;
mod task_run;
mod tries;
mod undo;
mod verdict;
mod windows;
mod world;

pub use batches::{BatchError, check_serial, plan_batches};
pub use event::{CleanUp, Event, EventSink, HostReport, Status};
pub use gathering::Gathering;
pub use options::{AnswerReader, RunOptions};
pub use run::{Summary, run};
pub use stats::{Counts, Recap};
pub use undo::Undos;
pub use verdict::{BatchResult, FailurePolicy, StopReason, Verdict, verdict};
