//! What the command line has to do with the journal: where it is, what a run writes at its beginning, what is secret.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::arguments;
use super::hosts::folder_of;
use super::run::RunArgs;
use crate::journal::{Folder, Header, JournalError, RunState, Sources, Writer};
use crate::modules::{EndedRuns, Failure, RunIdentity};
use crate::runner::{Earlier, RunOptions};
use crate::vars::Secrets;
use crate::vars::vault::VaultPasswords;

/// Where the journal is.
#[derive(Args, Clone, Debug)]
pub(super) struct JournalFolder {
    /// Folder of the journal [default: krun/runs in `$XDG_STATE_HOME` or ~/.local/state]
    #[arg(long, value_name = "FOLDER", env = "KRUN_JOURNAL")]
    pub(super) journal: Option<PathBuf>,
}

impl JournalFolder {
    /// The folder.
    pub(super) fn folder(&self) -> Result<Folder, Failure> {
        let folder = self.journal.clone().map(Folder::at).or_else(Folder::of_user);
        folder.ok_or_else(|| {
            Failure::new("nobody knows where the journal is to be: neither XDG_STATE_HOME nor HOME is set")
                .help("name a folder with --journal, or run with --no-journal")
        })
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            JournalError::Folder(..) | JournalError::NotWritable(..) => failure
                .help("name another folder with --journal, or run with --no-journal (then nothing can be resumed)"),
            JournalError::NoRuns(_) => failure.help("`--journal FOLDER` names another journal"),
            JournalError::NoSuchRun(..) | JournalError::Ambiguous(_) => failure.help("`krun history` shows the runs"),
            JournalError::NotReadable(..) => failure.help("`krun history` shows the runs; name another one"),
        }
    }
}

/// The run that another one goes on from.
pub(super) struct Continued {
    pub(super) id: String,
    /// The runs that it went on from itself, the latest first.
    pub(super) before: Vec<String>,
    pub(super) earlier: Arc<Earlier>,
    /// Its command line, which stands for that of this run.
    pub(super) arguments: Vec<String>,
    pub(super) withheld: Vec<String>,
}

/// Begins the file of a run.
pub(super) fn begin(
    args: &RunArgs,
    options: &RunOptions,
    continued: Option<&Continued>,
) -> Result<Option<Writer>, Failure> {
    if args.no_journal {
        return Ok(None);
    }
    let folder = args.journal.folder()?;
    let (arguments, withheld) = match continued {
        Some(continued) => (continued.arguments.clone(), continued.withheld.clone()),
        None => {
            let given: Vec<String> = std::env::args_os()
                .skip(1)
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let kept = arguments::keep(&given);
            (kept.arguments, kept.withheld)
        }
    };
    let header = Header {
        id: options.run.id.clone(),
        started_at: Timestamp::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        user: options.run.user.clone(),
        machine: options.run.machine.clone(),
        directory: std::env::current_dir().unwrap_or_default(),
        arguments,
        withheld,
        playbooks: args.playbooks.iter().map(|path| path.display().to_string()).collect(),
        inventory: args.hosts.inventory.clone(),
        check_mode: options.check_mode,
        continues: continued.map(|continued| continued.id.clone()),
        sources: sources(args),
    };
    Ok(Some(Writer::begin(&folder, &header, options.secrets.clone())?))
}

/// A name for the run that begins, and who runs it; `folder` is that of the journal.
pub(super) fn identity(continued: Option<&Continued>, folder: Option<&Folder>) -> RunIdentity {
    let folder = folder.cloned();
    RunIdentity {
        ended: EndedRuns::by(move |run| {
            let stored = folder.as_ref().and_then(|folder| folder.open(run).ok());
            stored.is_some_and(|run| matches!(run.state, RunState::Ended(_)))
        }),
        id: Folder::new_id(Timestamp::now()),
        user: std::env::var("SUDO_USER")
            .or_else(|_| std::env::var("USER"))
            .unwrap_or_default(),
        machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        continues: continued.map_or_else(Vec::new, |continued| {
            std::iter::once(&continued.id)
                .chain(&continued.before)
                .cloned()
                .collect()
        }),
    }
}

/// The files that a run is made of.
pub(super) fn sources(args: &RunArgs) -> Sources {
    const BESIDE: [&str; 8] = [
        "roles",
        "tasks",
        "handlers",
        "vars",
        "group_vars",
        "host_vars",
        "templates",
        "files",
    ];
    let mut paths = args.playbooks.clone();
    let folder = folder_of(args.playbooks.first());
    paths.extend(BESIDE.map(|name| folder.join(name)));
    // `playbooks/upgrade.yml` finds roles in `roles/` beside its folder.
    paths.push(folder.join("../roles"));
    paths.extend(yaml_files(folder));
    paths.extend(args.roles_path.iter().cloned());
    for source in args.hosts.inventory.iter().filter(|source| !source.contains(',')) {
        let path = PathBuf::from(source);
        let beside = path.parent().map(Path::to_owned).unwrap_or_default();
        paths.extend(["group_vars", "host_vars"].map(|name| beside.join(name)));
        paths.push(path);
    }
    Sources::of(paths.iter().map(PathBuf::as_path))
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ending| ending == "yml" || ending == "yaml")
    };
    entries.map(|entry| entry.path()).filter(is_yaml).collect()
}

/// What must not be written: passwords, what came out of vaults, and variables that are secret by their name.
pub(super) fn secrets(options: &RunOptions, passwords: &VaultPasswords) -> Secrets {
    let mut texts = Vec::new();
    for password in [&options.connection_password, &options.become_password]
        .into_iter()
        .flatten()
    {
        texts.push(password.expose_secret().to_owned());
    }
    for (name, variable) in options.extra_vars.iter() {
        collect(variable.raw(), arguments::is_secret_name(name), &mut texts);
    }
    Secrets::new(texts, passwords.clone())
}

/// The texts that stand below a name which says that they are secret.
fn collect(value: &Value, is_secret: bool, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if is_secret => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_secret, texts)),
        Value::Object(map) => {
            for (name, value) in map {
                collect(value, is_secret || arguments::is_secret_name(name), texts);
            }
        }
        _ => {}
    }
}
