use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;

use super::gathering::Gathering;
use super::undo::Undos;
use super::verdict::FailurePolicy;
use crate::connection::BecomeMethod;
use crate::inventory::Pattern;
use crate::modules::{Answer, Question};
use crate::playbook::TagSelection;
use crate::vars::VarMap;

/// Waits for the answer to a question that the output has printed.
pub type AnswerReader = Arc<dyn Fn(&Question) -> Answer + Send + Sync>;

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
    /// Begin at the task of this name.
    pub start_at_task: Option<String>,
    /// Ask before each task.
    pub step: bool,
    /// Each task travels by itself (`--no-fuse`).
    pub no_fuse: bool,
    /// Where answers come from; without it nobody is there.
    pub answers: Option<AnswerReader>,
    /// What a failed host means for the batches and plays that are still to come.
    pub failure_policy: FailurePolicy,
    /// For which plays facts are gathered.
    pub gathering: Gathering,
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
    /// `--ssh-common-args` and `--ssh-extra-args`, split into words.
    pub ssh_args: Vec<String>,
    /// `-b`
    pub become_enabled: bool,
    /// `--become-user`
    pub become_user: Option<String>,
    /// `--become-method`
    pub become_method: Option<BecomeMethod>,
    /// `-K`
    pub become_password: Option<SecretString>,
    /// Number of `-v`.
    pub verbosity: u8,
    /// Set by Ctrl-C: the tasks in flight are finished, no further one is begun.
    pub interrupted: Arc<AtomicBool>,
    /// What is taken back then.
    pub undos: Arc<Undos>,
}
