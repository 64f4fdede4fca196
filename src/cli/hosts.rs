//! What all commands that reach hosts have in common: their options, the inventory and its variables.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::error::{EXIT_ERROR, Error};
use super::extra_vars;
use super::secret;
use super::vault_options::VaultArgs;
use crate::connection::BecomeMethod;
use crate::inventory::{Inventory, InventoryVariables, Pattern};
use crate::output::Format;
use crate::playbook::{Known, Loader, Playbook, TagSelection, check_variables};
use crate::runner::RunOptions;
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::vault::VaultPasswords;

/// What all commands that reach hosts have in common.
#[derive(Args, Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct HostArgs {
    /// Inventory: a file, a directory, or hosts with a comma (may be repeated)
    #[arg(short, long, value_name = "SOURCE", env = "KRUN_INVENTORY", global = false)]
    pub(super) inventory: Vec<String>,
    /// Only the hosts that this pattern means, too; @FILE reads one host a line
    #[arg(short, long, value_name = "PATTERN", env = "KRUN_LIMIT")]
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
    #[arg(short, long, value_name = "N", env = "KRUN_FORKS", value_parser = at_least_one)]
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
    #[arg(short = 'T', long, value_name = "SECONDS", env = "KRUN_TIMEOUT", value_parser = at_least_one)]
    pub(super) timeout: Option<NonZeroUsize>,
    /// Options for ssh's configuration, as for ssh (-o, -F, -J …)
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_common_args: Option<String>,
    /// As --ssh-common-args, behind them
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
    /// Ask for the password to become that user
    #[arg(short = 'K', long)]
    pub(super) ask_become_pass: bool,
    /// Say more; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Text for people, or the events as JSON lines
    #[arg(long, value_name = "FORMAT", env = "KRUN_OUTPUT", value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) vault: VaultArgs,
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
    let mut ssh_args = Vec::new();
    for (option, text) in [
        ("--ssh-common-args", &args.ssh_common_args),
        ("--ssh-extra-args", &args.ssh_extra_args),
    ] {
        match text.as_deref().map(shlex::split) {
            None => {}
            Some(Some(words)) => ssh_args.extend(words),
            Some(None) => problems.push(Diagnostic::error(format!("{option}: a quote has no end"))),
        }
    }
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
