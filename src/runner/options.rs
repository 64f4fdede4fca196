use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;

use super::fact_cache::FactCache;
use super::gathering::Gathering;
use super::record::Earlier;
use super::standing::Standing;
use super::undo::Undos;
use super::verdict::FailurePolicy;
use crate::connection::{BecomeMethod, HostKeyPolicy};
use crate::inventory::Pattern;
use crate::modules::{Answer, Question, RunIdentity};
use crate::playbook::TagSelection;
use crate::vars::{Secrets, VarMap};

/// Waits for the answer to a question that the output has printed.
pub type AnswerReader = Arc<dyn Fn(&Question) -> Answer + Send + Sync>;

/// Options for ssh, split into words. A variable of a host stands in place of the option of the same name.
#[derive(Clone, Default)]
pub struct SshArgs {
    /// `--ssh-args`
    pub args: Vec<String>,
    /// `--ssh-common-args`
    pub common: Vec<String>,
    /// `--ssh-extra-args`
    pub extra: Vec<String>,
}

/// What the command line says about a run.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RunOptions {
    /// Only look.
    pub check_mode: bool,
    /// Show contents before and after.
    pub diff: bool,
    /// Hosts in flight at most; 0 for the size of the batch, 50 at most.
    pub forks: usize,
    /// Hosts to work on, beside what the plays say.
    pub limit: Option<Pattern>,
    /// The limit as written, for the magic variable.
    pub limit_text: Option<String>,
    /// Which tasks.
    pub tags: TagSelection,
    /// `-e`
    pub extra_vars: Arc<VarMap>,
    /// Find out only what would be done: plays tagged `preflight` look, of the others the batches are told.
    pub planning: bool,
    /// Begin at the task of this name.
    pub start_at_task: Option<String>,
    /// Ask before each task.
    pub step: bool,
    /// Each task travels by itself (`--no-fuse`).
    pub no_fuse: bool,
    /// Where answers come from; without it nobody is there.
    pub answers: Option<AnswerReader>,
    /// There is a terminal to ask on.
    pub has_terminal: bool,
    /// What a failed host means for the batches and plays that are still to come.
    pub failure_policy: FailurePolicy,
    /// For which plays facts are gathered.
    pub gathering: Gathering,
    /// Where facts are kept from run to run.
    pub fact_cache: Option<FactCache>,
    /// Forget what the cache knows of the inventory's hosts.
    pub flush_cache: bool,
    /// Run handlers also on hosts that failed.
    pub force_handlers: bool,
    /// `-u`
    pub remote_user: Option<String>,
    /// `--private-key`
    pub private_key: Option<PathBuf>,
    /// `-k`
    pub connection_password: Option<SecretString>,
    /// `-c`
    pub connection: Option<String>,
    /// `-T`, in seconds.
    pub connect_timeout: Option<u64>,
    /// `--ssh-args` and what belongs to it.
    pub ssh_args: SshArgs,
    /// `--host-key-checking`, where it is not left to OpenSSH's configuration.
    pub host_key_policy: Option<HostKeyPolicy>,
    /// `-b`
    pub become_enabled: bool,
    /// `--become-user`
    pub become_user: Option<String>,
    /// `--become-method`
    pub become_method: Option<BecomeMethod>,
    /// `--become-exe`
    pub become_exe: Option<String>,
    /// `--become-flags`, split into words.
    pub become_flags: Vec<String>,
    /// `-K`
    pub become_password: Option<SecretString>,
    /// Number of `-v`.
    pub verbosity: u8,
    /// Set by Ctrl-C: the tasks in flight are finished, no further one is begun.
    pub interrupted: Arc<AtomicBool>,
    /// A journal is kept: its answer is waited for before a task is begun.
    pub journalled: bool,
    /// What the run did that this one goes on from.
    pub earlier: Option<Arc<Earlier>>,
    /// Which run this is, and whose.
    pub run: RunIdentity,
    /// What must stand in nothing that is written.
    pub secrets: Secrets,
    /// What is taken back then.
    pub undos: Arc<Undos>,
    /// What is held as long as the run lasts.
    pub standing: Arc<Standing>,
}
