//! `krun PLAYBOOK…`: what a run takes from the command line, and how it is put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use clap::Args;
use secrecy::SecretString;
use serde_json::Value;

use super::lists;
use super::vault_options::VaultArgs;
use crate::connection::{BecomeMethod, SessionPool};
use crate::inventory::{Inventory, InventoryVariables, Pattern};
use crate::modules::Failure;
use crate::output::{self, Format, TextOptions};
use crate::playbook::{Known, Loader, LoaderOptions, Playbook, TagSelection, check_hosts, check_variables};
use crate::runner::{self, RunOptions, Summary};
use crate::syntax::{self, Diagnostic, Diagnostics, SourceFile};
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, Variable, files};

/// Exit code for an error that is no host's.
pub(super) const EXIT_ERROR: i32 = 1;
/// Exit code for a playbook or inventory that does not load.
pub(super) const EXIT_NOT_LOADED: i32 = 4;
/// Exit code after Ctrl-C.
const EXIT_INTERRUPTED: i32 = 99;

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
    #[arg(
        short,
        long,
        value_name = "N",
        env = "KRUN_FORKS",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(super) forks: usize,
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
    #[arg(short = 'T', long, value_name = "SECONDS", env = "KRUN_TIMEOUT")]
    pub(super) timeout: Option<u64>,
    /// Options for ssh's configuration, as for ssh (-o, -F, -J …)
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_common_args: Option<String>,
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

/// The options of a run.
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct RunArgs {
    /// Playbooks to run, one after the other
    #[arg(value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,
    #[command(flatten)]
    hosts: HostArgs,
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
    /// Run notified handlers also on hosts that failed
    #[arg(long)]
    force_handlers: bool,
    /// Folders with roles, beside those near the playbook (separated by `:`)
    #[arg(long, value_name = "FOLDERS", env = "KRUN_ROLES_PATH", value_delimiter = ':')]
    roles_path: Vec<PathBuf>,
}

/// Runs the playbooks; gives the exit code.
pub(super) fn run(args: &RunArgs) -> i32 {
    match prepare_and_run(args) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

/// Why nothing was run, or the run was given up.
pub(super) enum Error {
    /// What the user wrote is wrong.
    NotLoaded(Diagnostics),
    /// Something else.
    Other(Failure),
}

impl Error {
    /// Shows it on standard error; gives the exit code.
    pub(super) fn print(&self) -> i32 {
        match self {
            Error::NotLoaded(diagnostics) => {
                print_findings(diagnostics);
                EXIT_NOT_LOADED
            }
            Error::Other(failure) => {
                eprintln!("error: {}", failure.message);
                if let Some(help) = &failure.help {
                    eprintln!("  what to do: {help}");
                }
                EXIT_ERROR
            }
        }
    }
}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Self {
        Error::NotLoaded(diagnostics)
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Error::NotLoaded(diagnostic.into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Other(failure)
    }
}

pub(super) fn print_findings(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        eprintln!("{}", diagnostics.render(console::colors_enabled_stderr()));
    }
}

fn prepare_and_run(args: &RunArgs) -> Result<i32, Error> {
    let passwords = args.hosts.vault.passwords()?;
    let loader_options = LoaderOptions {
        roles_path: args.roles_path.clone(),
    };
    let loader = Loader::new(&loader_options, &passwords);
    let mut problems = Diagnostics::default();
    let mut playbooks = Vec::new();
    for path in &args.playbooks {
        let (playbook, found) = loader.load(path);
        problems.extend(found);
        playbooks.extend(playbook);
    }
    let ground = match Ground::load(&args.hosts, folder_of(args.playbooks.first()), &passwords) {
        Ok(ground) => Some(ground),
        Err(errors) => {
            problems.extend(errors);
            None
        }
    };
    let tags = TagSelection {
        only: args.tags.clone(),
        skip: args.skip_tags.clone(),
    };
    if let Some(ground) = &ground {
        problems.extend(ground.warnings.clone());
        for playbook in &playbooks {
            check_hosts(playbook, &ground.inventory, &mut problems);
        }
        // A playbook that could not be read may be what defines the others' variables. Lists evaluate nothing, and
        // without an inventory nobody can tell.
        let all_loaded = playbooks.len() == args.playbooks.len();
        let lists_only = args.list_hosts || args.list_tasks || args.list_tags;
        let has_inventory = !args.hosts.inventory.is_empty() || !args.syntax_check;
        if all_loaded && !lists_only && has_inventory {
            ground.check_variables(&playbooks, &tags, &loader, &mut problems);
        }
    }
    let ground = problems.clone().into_result(ground)?;
    print_findings(&problems);
    let Some(ground) = ground else {
        return Ok(EXIT_NOT_LOADED);
    };
    if args.syntax_check {
        for playbook in &playbooks {
            println!("\nplaybook: {}", playbook.path.display());
        }
        return Ok(0);
    }
    if args.list_hosts || args.list_tasks || args.list_tags {
        let lists = lists::Lists {
            hosts: args.list_hosts,
            tasks: args.list_tasks,
            tags: args.list_tags,
        };
        lists.print(&playbooks, &ground.inventory, ground.limit.as_ref(), &tags);
        return Ok(0);
    }
    let mut options = run_options(&args.hosts, &ground)?;
    options.tags = tags;
    options.start_at_task.clone_from(&args.start_at_task);
    options.force_handlers = args.force_handlers;
    if args.step {
        options.step = Some(lists::step_gate());
    }
    execute(&args.hosts, &playbooks, ground, options, &loader, &passwords)
}

/// Inventory, its variables, the limit and the variables of the command line.
pub(super) struct Ground {
    pub(super) inventory: Inventory,
    pub(super) variables: InventoryVariables,
    pub(super) limit: Option<Pattern>,
    pub(super) extra_vars: Arc<VarMap>,
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
        let limit = args
            .limit
            .as_deref()
            .map(Pattern::parse_limit)
            .transpose()
            .map_err(Diagnostic::from)?;
        if let Some(limit) = &limit
            && limit.select(&inventory).map_err(Diagnostic::from)?.is_empty()
        {
            return Err(Diagnostic::error("--limit leaves no host").into());
        }
        Ok(Self {
            inventory,
            variables,
            limit,
            extra_vars: Arc::new(extra_vars(&args.extra_vars, passwords)?),
            warnings,
        })
    }

    /// Reports variables that the playbooks use and no source can define.
    pub(super) fn check_variables(
        &self,
        playbooks: &[Playbook],
        tags: &TagSelection,
        loader: &Loader<'_>,
        problems: &mut Diagnostics,
    ) {
        let known = Known {
            inventory: &self.inventory,
            variables: &self.variables,
            extra_vars: &self.extra_vars,
            limit: self.limit.as_ref(),
            tags,
        };
        check_variables(playbooks, known, loader, problems);
    }
}

pub(super) fn folder_of(playbook: Option<&PathBuf>) -> &Path {
    playbook
        .and_then(|path| path.parent())
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The options that all commands share, with what has to be asked for.
pub(super) fn run_options(args: &HostArgs, ground: &Ground) -> Result<RunOptions, Error> {
    let become_method = match args.become_method.as_deref() {
        None => None,
        Some("sudo") => Some(BecomeMethod::Sudo),
        Some("su") => Some(BecomeMethod::Su),
        Some("doas") => Some(BecomeMethod::Doas),
        Some(other) => return Err(Diagnostic::error(format!("--become-method {other}: use sudo, su or doas")).into()),
    };
    let ssh_args = match &args.ssh_common_args {
        None => Vec::new(),
        Some(text) => shlex::split(text)
            .ok_or_else(|| Diagnostic::error(format!("--ssh-common-args has a quote without its end: {text}")))?,
    };
    Ok(RunOptions {
        check_mode: args.check,
        diff: args.diff,
        forks: args.forks,
        limit: ground.limit.clone(),
        limit_text: args.limit.clone(),
        extra_vars: Arc::clone(&ground.extra_vars),
        remote_user: args.user.clone(),
        private_key: args.private_key.clone(),
        connection_password: ask(args.ask_pass, "SSH password: ")?,
        connection: args.connection.clone(),
        connect_timeout: args.timeout,
        ssh_args,
        become_enabled: args.become_enabled,
        become_user: args.become_user.clone(),
        become_method,
        become_password: ask(args.ask_become_pass, "BECOME password: ")?,
        verbosity: args.verbose,
        ..RunOptions::default()
    })
}

fn ask(wanted: bool, question: &str) -> Result<Option<SecretString>, Diagnostic> {
    if !wanted {
        return Ok(None);
    }
    rpassword::prompt_password(question)
        .map(|password| Some(SecretString::from(password)))
        .map_err(|error| {
            Diagnostic::error(format!("cannot ask for the password: {error}")).help("a terminal is needed")
        })
}

/// `-e`: `name=value` gives text, a mapping or a file keeps types.
fn extra_vars(texts: &[String], passwords: &VaultPasswords) -> Result<VarMap, Diagnostics> {
    let mut all = VarMap::new();
    let mut problems = Diagnostics::default();
    for text in texts {
        let trimmed = text.trim();
        if let Some(file) = trimmed.strip_prefix('@') {
            if let Some(written) = files::read_file(Path::new(file), passwords, &mut problems) {
                all.extend(written.vars);
            }
        } else if trimmed.starts_with('{') || trimmed.contains(": ") || trimmed.ends_with(':') {
            let source = SourceFile::new("--extra-vars", text.clone());
            if let Some(node) = problems.keep(syntax::parse(&source)).flatten()
                && let Some(written) = files::read_mapping(&node, "--extra-vars", passwords, &mut problems)
            {
                all.extend(written.vars);
            }
        } else {
            for word in shlex::split(trimmed).unwrap_or_default() {
                match word.split_once('=') {
                    Some((name, value)) if !name.is_empty() => {
                        all.insert(name.to_owned(), Variable::written(Value::from(value)));
                    }
                    _ => problems.push(
                        Diagnostic::error(format!("--extra-vars {text}: `{word}` is not NAME=VALUE"))
                            .help("a value with blanks stands in quotes: -e 'name=\"two words\"'"),
                    ),
                }
            }
        }
    }
    problems.into_result(all)
}

/// Runs, shows what happens, and gives the exit code.
pub(super) fn execute(
    args: &HostArgs,
    playbooks: &[Playbook],
    ground: Ground,
    mut options: RunOptions,
    loader: &Loader<'_>,
    passwords: &VaultPasswords,
) -> Result<i32, Error> {
    let interrupted = Arc::clone(&options.interrupted);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second signal ends krun at once, the first one lets the tasks in flight finish.
        let registered =
            signal_hook::flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&interrupted))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)));
        registered.map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    }
    let terminal = console::user_attended() && args.output == Format::Text && options.step.is_none();
    let width = usize::from(
        console::Term::stdout()
            .size_checked()
            .map_or(80, |(_, columns)| columns),
    );
    let text = TextOptions {
        verbosity: args.verbose,
        terminal,
        width: width.clamp(40, 120),
    };
    let format = args.output;
    let sessions = SessionPool::new();
    options.verbosity = args.verbose;
    let options = Arc::new(options);
    let (events, receiver) = mpsc::channel();
    let summary: Result<Summary, Failure> = std::thread::scope(|scope| {
        let shown = scope.spawn(move || output::consume(format, text, &receiver));
        let summary = runner::run(
            playbooks,
            (ground.inventory, ground.variables),
            &options,
            loader,
            passwords,
            &sessions,
            events,
        );
        // The output ends when the last sender is gone; a panic there has printed its own text.
        let _ = shown.join();
        summary
    });
    Ok(i32::from(summary?.exit_code))
}
