//! What a task can do: one file (or folder) a module, each with typed options, a check, an apply and its shell scripts.

pub mod args;
mod assert;
mod command;
mod context;
mod debug;
mod definition;
mod fail;
mod failure;
mod kubeadm;
mod module;
mod outcome;
mod package;
mod pause;
mod ping;
mod program;
mod random;
mod raw;
mod reboot;
mod registry;
mod script;
mod set_fact;
mod setup;
mod shell;
mod systemd;
#[cfg(test)]
mod testing;
mod wait_for;
mod yum_repo;

pub use context::{Context, FileFinder, Reporter};
pub use definition::{ArgumentError, ModuleDefinition, RunsOn};
pub use failure::Failure;
pub use module::{Module, Pending, State};
pub use outcome::{Diff, Outcome};
pub use registry::{all, find, names};
