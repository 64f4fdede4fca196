//! What a task can do: one file (or folder) a module, each with typed options, a check, an apply and its shell scripts.

pub mod args;
mod assert;
mod command;
mod context;
mod copy;
mod cordon;
mod debug;
mod definition;
mod drain;
mod etcd_backup;
mod fail;
mod failure;
mod file;
mod kubeadm;
mod module;
mod node;
mod outcome;
mod package;
mod pause;
mod ping;
mod program;
mod random;
mod raw;
mod reboot;
mod registry;
mod remote_file;
mod script;
mod set_fact;
mod setup;
mod shell;
mod stat;
mod systemd;
mod template;
#[cfg(test)]
mod testing;
mod uncordon;
mod wait_for;
mod wait_ready;
mod yum_repo;

pub use context::{Context, FileFinder, Reporter};
pub use definition::{ArgumentError, ModuleDefinition, RunsOn};
pub use failure::Failure;
pub use module::{Module, Pending, State};
pub use outcome::{Diff, Outcome};
pub use registry::{all, find, names};
