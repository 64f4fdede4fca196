//! `krun PLAYBOOK…`: what a run takes from the command line, and how it is put together.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::error::{EXIT_NOT_LOADED, Error};
use super::execute::execute;
use super::hosts::{Ground, HostArgs, ask_passwords, folder_of, hint_at_inventory, no_inventory, run_options};
use super::journal::{self, Continued, JournalFolder};
use super::lists;
use super::print::{print, print_findings};
use crate::output::Style;
use crate::playbook::{
    Loader, LoaderOptions, Playbook, TagSelection, Unsupported, check_hosts, check_prompts, check_selection,
};
use crate::runner::{FactCache, FailurePolicy, Gathering, RunOptions};
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::vault::VaultPasswords;

/// The options of a run.
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct RunArgs {
    /// Playbooks to run, one after the other
    #[arg(value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) hosts: HostArgs,
    /// Only tasks with one of these tags
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    tags: Vec<String>,
    /// No tasks with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    skip_tags: Vec<String>,
    /// Show the hosts of each play, run nothing
    #[arg(long)]
    list_hosts: bool,
    /// Show the tasks, run nothing
    #[arg(long)]
    list_tasks: bool,
    /// Show the tags, run nothing
    #[arg(long)]
    list_tags: bool,
    /// Check everything that can be known without a node, run nothing
    #[arg(long)]
    syntax_check: bool,
    /// Begin at the task of this name
    #[arg(long, value_name = "NAME")]
    start_at_task: Option<String>,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// Send each task by itself, instead of consecutive tasks of a host together
    #[arg(long)]
    no_fuse: bool,
    /// A task that krun does not know: an error before the run, or a failure when it is reached (when-reached)
    #[arg(long, value_name = "WHAT", env = "KRUN_UNSUPPORTED", default_value = "error", value_parser = Unsupported::from_str)]
    pub(super) unsupported: Unsupported,
    /// After a failure: stop, or go on with the hosts that are left as ansible does
    #[arg(long, value_name = "POLICY", env = "KRUN_FAILURE_POLICY", default_value = "stop", value_parser = FailurePolicy::from_str)]
    failure_policy: FailurePolicy,
    /// Gather facts for all plays (implicit), those that ask for it (explicit), or where none are known (smart)
    #[arg(long, value_name = "WAY", env = "KRUN_GATHERING", default_value = "implicit", value_parser = Gathering::from_str)]
    gathering: Gathering,
    /// Keep facts from run to run, in files of this folder (Ansible's jsonfile)
    #[arg(long, value_name = "FOLDER", env = "KRUN_FACT_CACHE")]
    fact_cache: Option<PathBuf>,
    /// Seconds that kept facts hold, 0 for ever [default: a day]
    #[arg(long, value_name = "SECONDS", env = "KRUN_FACT_CACHE_TIMEOUT")]
    fact_cache_timeout: Option<u64>,
    /// Forget the facts of the inventory's hosts that were kept
    #[arg(long)]
    flush_cache: bool,
    /// Run notified handlers also on hosts that failed
    #[arg(long)]
    force_handlers: bool,
    /// Folders with roles, beside those near the playbook (separated by `:`)
    #[arg(long, value_name = "FOLDERS", env = "KRUN_ROLES_PATH", value_delimiter = ':')]
    pub(super) roles_path: Vec<PathBuf>,
    /// Keep no journal: the run cannot be resumed
    #[arg(long, env = "KRUN_NO_JOURNAL")]
    pub(super) no_journal: bool,
    #[command(flatten)]
    pub(super) journal: JournalFolder,
}

impl RunArgs {
    /// The values of `-e`.
    pub(super) fn extra_vars_mut(&mut self) -> &mut Vec<String> {
        &mut self.hosts.extra_vars
    }
}

impl RunArgs {
    /// What the loader has to know.
    pub(super) fn loader_options(&self) -> LoaderOptions {
        LoaderOptions {
            roles_path: self.roles_path.clone(),
            unsupported: self.unsupported,
        }
    }

    /// The tasks that it chooses.
    pub(super) fn selection(&self) -> TagSelection {
        TagSelection {
            only: self.tags.clone(),
            skip: self.skip_tags.clone(),
        }
    }

    /// Options that want somebody at the terminal, or run nothing.
    pub(super) fn attended(&self) -> Option<&'static str> {
        let given = [
            (self.list_hosts, "--list-hosts"),
            (self.list_tasks, "--list-tasks"),
            (self.list_tags, "--list-tags"),
            (self.syntax_check, "--syntax-check"),
            (self.step, "--step"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }

    /// What decides how the run goes, beside what all commands have in common.
    fn add_to(&self, options: &mut RunOptions) {
        options.start_at_task.clone_from(&self.start_at_task);
        options.force_handlers = self.force_handlers;
        options.step = self.step;
        options.failure_policy = self.failure_policy;
        options.gathering = self.gathering;
        options.flush_cache = self.flush_cache;
        let cache = |folder: &PathBuf| FactCache::new(folder, self.fact_cache_timeout);
        options.fact_cache = self.fact_cache.as_ref().map(cache);
        options.no_fuse = self.no_fuse;
    }
}

/// Runs the playbooks; gives the exit code.
pub(super) fn run(args: &RunArgs) -> i32 {
    match prepare_and_run(args, None) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

/// The playbooks that can be read.
fn load(paths: &[PathBuf], loader: &Loader<'_>, problems: &mut Diagnostics) -> Vec<Playbook> {
    let mut playbooks = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let (playbook, found) = loader.load(path);
        problems.extend(found);
        playbooks.extend(playbook);
        if index == 0 && !path.exists() {
            hint_at_command(path, problems);
        }
    }
    playbooks
}

/// A subcommand that is misspelt, or does not stand first, is taken for a playbook.
fn hint_at_command(path: &Path, problems: &mut Diagnostics) {
    let names = super::command_names();
    let Some(name) = path.to_str() else { return };
    if names.iter().any(|known| known == name) {
        let text = format!("`{name}` is a subcommand, which stands before all options");
        problems.push(Diagnostic::warning(text).help(format!("krun {name} …")));
    } else if !name.contains(['.', '/']) {
        let text = format!("`{name}` is no subcommand, so it was taken for a playbook");
        let names = names.iter().map(String::as_str);
        problems.push(Diagnostic::warning(text).did_you_mean(name, names));
    }
}

/// Where there is no terminal, questions of plays must be answered already.
fn check_questions(playbooks: &[Playbook], options: &RunOptions, problems: &mut Diagnostics) {
    if !std::io::stdin().is_terminal() {
        check_prompts(playbooks, &options.extra_vars, problems);
    }
}

/// Loads, checks and runs; perhaps going on from an earlier run.
pub(super) fn prepare_and_run(args: &RunArgs, continued: Option<&Continued>) -> Result<i32, Error> {
    prepare(args, |prepared| {
        let Prepared {
            playbooks,
            ground,
            mut options,
            loader,
            passwords,
        } = prepared;
        let folder = args.journal.folder().ok();
        options.run = journal::identity(continued, folder.as_ref());
        let journal = journal::begin(args, &options, continued)?;
        options.journalled = journal.is_some();
        options.earlier = continued.map(|continued| Arc::clone(&continued.earlier));
        execute(
            &args.hosts,
            Style::Play,
            &playbooks,
            ground,
            options,
            loader,
            passwords,
            journal,
        )
    })
}

/// What was loaded and found well.
pub(super) struct Prepared<'a> {
    pub(super) playbooks: Vec<Playbook>,
    pub(super) ground: Ground,
    pub(super) options: RunOptions,
    pub(super) loader: &'a Loader<'a>,
    pub(super) passwords: &'a VaultPasswords,
}

/// What was loaded, and found to be right.
pub(super) struct Checked {
    pub(super) playbooks: Vec<Playbook>,
    ground: Ground,
    options: RunOptions,
}

/// A further check of playbooks that were loaded.
pub(super) type FurtherCheck<'c> = &'c dyn Fn(&[Playbook], &RunOptions, &mut Diagnostics);

/// Loads, and checks everything that can be known without a node.
pub(super) fn check(
    args: &RunArgs,
    passwords: &VaultPasswords,
    loader: &Loader<'_>,
    further: FurtherCheck<'_>,
) -> Result<Checked, Error> {
    let mut problems = Diagnostics::default();
    let playbooks = load(&args.playbooks, loader, &mut problems);
    let lists_only = args.list_hosts || args.list_tasks || args.list_tags;
    let only_looks = lists_only || args.syntax_check;
    let has_inventory = !args.hosts.inventory.is_empty();
    let mut ground = match Ground::load(&args.hosts, folder_of(args.playbooks.first()), passwords) {
        Ok(ground) => Some(ground),
        Err(errors) => {
            problems.extend(errors);
            None
        }
    };
    if let Some(ground) = &mut ground {
        problems.extend(ground.warnings.clone());
        let mut unknown = Diagnostics::default();
        check_hosts(&playbooks, &mut ground.inventory, loader, &mut unknown);
        // Where nothing is run the hosts may be left open.
        if has_inventory || !only_looks {
            hint_at_inventory(&args.hosts, &mut unknown);
            problems.extend(unknown);
        } else if unknown.has_errors() {
            problems.push(no_inventory("the hosts of the plays are not checked"));
        }
    }
    let options = match run_options(&args.hosts, passwords) {
        Ok(options) => Some(options),
        Err(errors) if problems.has_errors() => {
            problems.extend(errors);
            None
        }
        Err(errors) => {
            print_findings(&problems);
            return Err(Error::options(errors));
        }
    };
    let tags = args.selection();
    // A playbook that could not be read may be what defines the others' variables. Lists evaluate nothing, and without an
    // inventory nobody can tell.
    let all_loaded = playbooks.len() == args.playbooks.len();
    if let (Some(ground), Some(options)) = (&ground, &options)
        && all_loaded
        && !lists_only
        && (has_inventory || !args.syntax_check)
    {
        ground.check_variables(&args.hosts, &playbooks, &tags, options, loader, &mut problems);
    }
    if let Some(options) = options.as_ref().filter(|_| !only_looks) {
        further(&playbooks, options, &mut problems);
    }
    let ground = problems.clone().into_result(ground)?;
    print_findings(&problems);
    let (Some(ground), Some(mut options)) = (ground, options) else {
        return Err(Error::Findings(Diagnostics::default(), EXIT_NOT_LOADED));
    };
    options.tags = tags;
    let found = check_selection(&playbooks, &options.tags, args.start_at_task.as_deref());
    if found.has_errors() {
        return Err(Error::options(found));
    }
    print_findings(&found);
    options.limit = ground.limit(&args.hosts)?;
    Ok(Checked {
        playbooks,
        ground,
        options,
    })
}

/// Loads and checks, asks for passwords, and hands over to `begin`; gives the exit code.
pub(super) fn prepare(args: &RunArgs, begin: impl FnOnce(Prepared<'_>) -> Result<i32, Error>) -> Result<i32, Error> {
    let passwords = args.hosts.vault.passwords().map_err(Error::options)?;
    let loader_options = args.loader_options();
    let loader = Loader::new(&loader_options, &passwords);
    let Checked {
        playbooks,
        ground,
        mut options,
    } = check(args, &passwords, &loader, &check_questions)?;
    if args.syntax_check {
        let names: Vec<_> = playbooks
            .iter()
            .map(|playbook| format!("\nplaybook: {}", playbook.path.display()))
            .collect();
        return Ok(print(&names.join("\n")));
    }
    if args.list_hosts || args.list_tasks || args.list_tags {
        let lists = lists::Lists {
            hosts: args.list_hosts,
            tasks: args.list_tasks,
            tags: args.list_tags,
        };
        let text = lists.text(&playbooks, &ground.inventory, options.limit.as_ref(), &options.tags);
        return Ok(print(&text));
    }
    args.add_to(&mut options);
    ask_passwords(&args.hosts, &mut options)?;
    options.secrets = journal::secrets(&options, &passwords);
    begin(Prepared {
        playbooks,
        ground,
        options,
        loader: &loader,
        passwords: &passwords,
    })
}
