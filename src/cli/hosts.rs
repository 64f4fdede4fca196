//! What all commands that reach hosts have in common: their options, the inventory and its variables.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};

use super::error::{EXIT_ERROR, Error};
use super::extra_vars;
use super::secret;
use super::vault_options::VaultArgs;
use crate::connection::{BecomeMethod, HostKeyPolicy};
use crate::inventory::{Inventory, InventoryVariables, Pattern};
use crate::output::Format;
use crate::playbook::{Known, Loader, Playbook, TagSelection, check_variables};
use crate::runner::{RunOptions, SshArgs};
use crate::syntax::{Diagnostic, Diagnostics, parse_bool};
use crate::vars::vault::VaultPasswords;

/// What all commands that reach hosts have in common.
#[derive(Args, Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct HostArgs {
    /// Inventory: a file, a directory, or hosts with a comma (may be repeated)
    #[arg(short, long, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(super) inventory: Vec<String>,
    /// Only the hosts that this pattern means, too; @FILE reads one host a line
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) limit: Option<String>,
    /// Variables: NAME=VALUE, a JSON or YAML mapping, or @FILE (may be repeated)
    #[arg(short, long, value_name = "VARS")]
    pub(super) extra_vars: Vec<String>,
    /// Change nothing, say what would change
    #[arg(short = 'C', long)]
    pub(super) check: bool,
    /// Show contents before and after
    #[arg(short = 'D', long)]
    pub(super) diff: bool,
    /// Hosts in flight at most [default: the batch, at most 50]
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    pub(super) forks: Option<NonZeroUsize>,
    /// Log in as this user
    #[arg(short, long, value_name = "USER", env = "KRUN_REMOTE_USER")]
    pub(super) user: Option<String>,
    /// Private key to log in with
    #[arg(long, visible_alias = "key-file", value_name = "FILE", env = "KRUN_PRIVATE_KEY_FILE")]
    pub(super) private_key: Option<PathBuf>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    pub(super) ask_pass: bool,
    /// ssh or local
    #[arg(short, long, value_name = "KIND")]
    pub(super) connection: Option<String>,
    /// Seconds for connecting and logging in [default: 10]
    #[arg(short = 'T', long, value_name = "SECONDS", value_parser = at_least_one)]
    pub(super) timeout: Option<NonZeroUsize>,
    /// Whether unknown host keys are refused: yes (as ssh is configured), no, ask, accept-new or strict [default: yes]
    #[arg(long, value_name = "POLICY", value_parser = host_key_checking)]
    pub(super) host_key_checking: Option<HostKeyChecking>,
    /// Options for ssh, as on its command line (-o, -F, -J …); a host's variable stands in place of it
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_args: Option<String>,
    /// As --ssh-args, behind them
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_common_args: Option<String>,
    /// As --ssh-args, behind all others
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_extra_args: Option<String>,
    /// Become another user (root) for all tasks
    #[arg(short, long = "become")]
    pub(super) become_enabled: bool,
    /// User to become [default: root]
    #[arg(long, value_name = "USER")]
    pub(super) become_user: Option<String>,
    /// sudo, su or doas
    #[arg(long, value_name = "METHOD")]
    pub(super) become_method: Option<String>,
    /// The program that becomes another user, in place of sudo, su or doas by name
    #[arg(long, value_name = "PROGRAM")]
    pub(super) become_exe: Option<String>,
    /// Further options for that program
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    pub(super) become_flags: Option<String>,
    /// Ask for the password to become that user
    #[arg(short = 'K', long)]
    pub(super) ask_become_pass: bool,
    /// Say more; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Text for people, or the events as JSON lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
    /// Show hosts that a task skipped, and tasks that all hosts skipped [default: yes]
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub(super) display_skipped_hosts: Option<bool>,
    #[command(flatten)]
    pub(super) vault: VaultArgs,
}

/// What `--host-key-checking` says.
#[derive(Clone, Copy, Debug)]
pub(super) enum HostKeyChecking {
    /// As OpenSSH is configured.
    AsConfigured,
    /// Whatever OpenSSH's configuration says.
    Always(HostKeyPolicy),
}

fn host_key_checking(text: &str) -> Result<HostKeyChecking, String> {
    Ok(match (parse_bool(text), text) {
        (Some(true), _) => HostKeyChecking::AsConfigured,
        (Some(false), _) => HostKeyChecking::Always(HostKeyPolicy::Off),
        (_, "ask") => HostKeyChecking::Always(HostKeyPolicy::Ask),
        (_, "accept-new") => HostKeyChecking::Always(HostKeyPolicy::AcceptNew),
        (_, "strict") => HostKeyChecking::Always(HostKeyPolicy::Strict),
        _ => return Err("give yes, no, ask, accept-new or strict".to_owned()),
    })
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| "give yes or no".to_owned())
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "give a whole number, 1 or more".to_owned())
}

/// Inventory and its variables.
pub(super) struct Ground {
    pub(super) inventory: Inventory,
    pub(super) variables: InventoryVariables,
    pub(super) warnings: Diagnostics,
}

impl Ground {
    pub(super) fn load(
        args: &HostArgs,
        playbook_folder: &Path,
        passwords: &VaultPasswords,
    ) -> Result<Self, Diagnostics> {
        let sources = if args.inventory.is_empty() {
            vec!["localhost,".to_owned()]
        } else {
            args.inventory.clone()
        };
        let (inventory, mut warnings) = Inventory::load(&sources, passwords)?;
        let (variables, more) = InventoryVariables::load(&inventory, Some(playbook_folder), passwords)?;
        warnings.extend(more);
        let found = variables.check_hosts(inventory.hosts());
        if found.has_errors() {
            return Err(found);
        }
        warnings.extend(found);
        Ok(Self {
            inventory,
            variables,
            warnings,
        })
    }

    /// Reports variables that the playbooks use and no source can define.
    pub(super) fn check_variables(
        &self,
        args: &HostArgs,
        playbooks: &[Playbook],
        tags: &TagSelection,
        options: &RunOptions,
        loader: &Loader<'_>,
        problems: &mut Diagnostics,
    ) {
        // A limit that cannot be read is reported by itself.
        let limit = self.limit(args).ok().flatten();
        let known = Known {
            inventory: &self.inventory,
            variables: &self.variables,
            extra_vars: &options.extra_vars,
            limit: limit.as_ref(),
            tags,
        };
        check_variables(playbooks, known, loader, problems);
    }

    /// The hosts that `--limit` leaves.
    pub(super) fn limit(&self, args: &HostArgs) -> Result<Option<Pattern>, Error> {
        let Some(text) = &args.limit else {
            return Ok(None);
        };
        let refused = |finding: Diagnostic| Error::Findings(finding.into(), EXIT_ERROR);
        let read = Pattern::parse_limit(text).and_then(|limit| Ok((limit.select(&self.inventory)?, limit)));
        let (hosts, limit) = read.map_err(|error| {
            let finding = Diagnostic::error(format!("--limit: {error}"));
            refused(match error.help() {
                Some(help) => finding.help(help),
                None => finding,
            })
        })?;
        if hosts.is_empty() {
            return Err(refused(
                Diagnostic::error(format!("--limit {text} leaves no host"))
                    .help("`krun inventory --graph` shows all groups and hosts"),
            ));
        }
        Ok(Some(limit))
    }
}

/// Says that an inventory is missing, when one was not given and would have had the hosts.
pub(super) fn hint_at_inventory(args: &HostArgs, problems: &mut Diagnostics) {
    if args.inventory.is_empty() && problems.has_errors() {
        problems.push(no_inventory("only localhost is known"));
    }
}

/// Says that an inventory is missing, and what comes of it.
pub(super) fn no_inventory(so: &str) -> Diagnostic {
    Diagnostic::warning(format!("no inventory was given, so {so}"))
        .help("give one with -i FILE, or in the environment variable KRUN_INVENTORY")
}

pub(super) fn folder_of(playbook: Option<&PathBuf>) -> &Path {
    playbook
        .and_then(|path| path.parent())
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The options that all commands share, without the passwords that have to be asked for.
pub(super) fn run_options(args: &HostArgs, passwords: &VaultPasswords) -> Result<RunOptions, Diagnostics> {
    let mut problems = Diagnostics::default();
    let become_method = args.become_method.as_deref().and_then(|name| {
        let method = [BecomeMethod::Sudo, BecomeMethod::Su, BecomeMethod::Doas]
            .into_iter()
            .find(|method| method.name() == name);
        if method.is_none() {
            problems.push(
                Diagnostic::error(format!("--become-method: there is no method `{name}`")).help("use sudo, su or doas"),
            );
        }
        method
    });
    if let Some(kind) = args
        .connection
        .as_deref()
        .filter(|kind| !["ssh", "local", "smart"].contains(kind))
    {
        problems
            .push(Diagnostic::error(format!("--connection: there is no connection `{kind}`")).help("use ssh or local"));
    }
    if let Some(key) = args.private_key.as_ref().filter(|key| !key.is_file()) {
        problems.push(
            Diagnostic::error(format!("--private-key: there is no file {}", key.display()))
                .help("give the private key, not the one that ends with .pub"),
        );
    }
    let mut words = |option: &str, text: &Option<String>| match text.as_deref().map(shlex::split) {
        None => Vec::new(),
        Some(Some(words)) => words,
        Some(None) => {
            problems.push(Diagnostic::error(format!("{option}: a quote has no end")));
            Vec::new()
        }
    };
    let ssh_args = SshArgs {
        args: words("--ssh-args", &args.ssh_args),
        common: words("--ssh-common-args", &args.ssh_common_args),
        extra: words("--ssh-extra-args", &args.ssh_extra_args),
    };
    let become_flags = words("--become-flags", &args.become_flags);
    let extra_vars = match extra_vars::read(&args.extra_vars, passwords) {
        Ok(vars) => vars,
        Err(errors) => {
            problems.extend(errors);
            return Err(problems);
        }
    };
    problems.into_result(RunOptions {
        check_mode: args.check,
        diff: args.diff,
        forks: args.forks.map_or(0, NonZeroUsize::get),
        limit_text: args.limit.clone(),
        extra_vars: Arc::new(extra_vars),
        remote_user: args.user.clone(),
        private_key: args.private_key.clone(),
        // Without an inventory there is only this machine, and no host that was meant to be reached by ssh.
        connection: args
            .connection
            .clone()
            .or_else(|| args.inventory.is_empty().then(|| "local".to_owned())),
        connect_timeout: args.timeout.map(|seconds| seconds.get() as u64),
        ssh_args,
        host_key_policy: args.host_key_checking.and_then(|checking| match checking {
            HostKeyChecking::AsConfigured => None,
            HostKeyChecking::Always(policy) => Some(policy),
        }),
        become_exe: args.become_exe.clone(),
        become_flags,
        become_enabled: args.become_enabled,
        become_user: args.become_user.clone(),
        become_method,
        verbosity: args.verbose,
        ..RunOptions::default()
    })
}

/// Asks for the passwords that `-k` and `-K` want; comes last, when nothing else can be wrong any more.
pub(super) fn ask_passwords(args: &HostArgs, options: &mut RunOptions) -> Result<(), Error> {
    let ask = |question: &str| {
        secret::ask(question).map_err(|error| {
            Error::options(
                Diagnostic::error(format!("cannot ask for the password: {error}"))
                    .help("without a terminal set `ansible_password` or `ansible_become_password`, best from a vault"),
            )
        })
    };
    if args.ask_pass {
        options.connection_password = Some(ask("SSH password: ")?);
    }
    if args.ask_become_pass {
        options.become_password = Some(ask("BECOME password: ")?);
    }
    Ok(())
}
