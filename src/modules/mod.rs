//! What a task can do: one file (or folder) a module, each with typed options, a check, an apply and its shell scripts.

pub mod args;
mod context;
mod definition;
mod failure;
mod module;
mod outcome;
mod registry;

pub use context::{Context, FileFinder, Reporter};
pub use definition::{ArgumentError, ModuleDefinition, RunsOn};
pub use failure::Failure;
pub use module::{Module, Pending, State};
pub use outcome::{Diff, Outcome};
pub use registry::{all, find, names};
