//! The command line: one file a subcommand.

mod answers;
mod arguments;
mod completion;
mod config;
mod doc;
mod error;
mod exec;
mod execute;
mod extra_vars;
mod history;
mod hosts;
mod init;
mod inventory;
mod journal;
mod lint;
mod lists;
mod plan;
mod print;
mod resume;
mod run;
mod schedule;
mod schema;
mod secret;
mod show;
mod signals;
mod terminal;
mod vault;
mod vault_options;

use config::Configuration;
use error::EXIT_BAD_OPTIONS;
use print::{complain, print_findings};

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Run Ansible-like playbooks over SSH; upgrade kubeadm clusters without an outage
#[derive(Debug, Parser)]
#[command(name = "krun", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
#[command(
    after_help = "Every option has a key in krun.toml and an environment variable KRUN_…: `krun config` lists them.\n\n\
Exit codes: 0 well, 1 error, 2 a host failed, 4 a host unreachable or the playbook does not load, \
5 bad options, 99 interrupted, 250 a bug."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inventory(inventory::InventoryArgs),
    Exec(Box<exec::ExecArgs>),
    Doc(doc::DocArgs),
    Plan(Box<plan::PlanArgs>),
    Resume(resume::ResumeArgs),
    History(history::HistoryArgs),
    Show(show::ShowArgs),
    Vault(vault::VaultCommandArgs),
    Config(config::ConfigArgs),
    Init(init::InitArgs),
    Completion(completion::CompletionArgs),
    Lint(Box<lint::LintArgs>),
    Schema(schema::SchemaArgs),
    Schedule(Box<schedule::ScheduleArgs>),
}

/// Exit code for a bug.
const EXIT_BUG: i32 = 250;

/// Runs the program; gives its exit code.
pub fn main() -> i32 {
    std::panic::catch_unwind(run_command).unwrap_or_else(|_| {
        complain("krun made a mistake (see above): please report it with these lines");
        EXIT_BUG
    })
}

/// Names of the subcommands.
fn command_names() -> Vec<String> {
    let names = Cli::command();
    let names = names.get_subcommands().map(|command| command.get_name().to_owned());
    names.chain(["help".to_owned()]).collect()
}

/// Variables of the command line stand behind those of the configuration, and do not put them out of force.
fn add_configured_variables(cli: &mut Cli, matches: &ArgMatches, configuration: &Configuration) {
    const NAME: &str = "extra_vars";
    let (given, matches) = match (&mut cli.command, matches.subcommand()) {
        (Some(Command::Exec(args)), Some((_, matches))) => (args.extra_vars_mut(), matches),
        (Some(Command::Schedule(args)), Some((_, matches))) => match (args.extra_vars_mut(), matches.subcommand()) {
            (Some(given), Some((_, matches))) => (given, matches),
            _ => return,
        },
        (Some(Command::Plan(args)), Some((_, matches))) => (args.extra_vars_mut(), matches),
        (None, _) => (cli.run.extra_vars_mut(), matches),
        _ => return,
    };
    if matches.value_source(NAME) == Some(ValueSource::CommandLine) {
        given.splice(0..0, configuration.values_of(NAME).iter().cloned());
    }
}

/// Reads the arguments, the program's name first, with what the configuration says about options that are not given.
fn parse(arguments: &[OsString]) -> (Configuration, Result<Cli, clap::Error>) {
    let configuration = Configuration::load(&Cli::command(), arguments);
    let parsed = configuration
        .apply(Cli::command())
        .try_get_matches_from(arguments)
        .and_then(|matches| {
            let mut cli = Cli::from_arg_matches(&matches)?;
            if let (Some(Command::Schedule(args)), Some((_, matches))) = (&mut cli.command, matches.subcommand()) {
                args.note_given(matches);
            }
            add_configured_variables(&mut cli, &matches, &configuration);
            Ok(cli)
        });
    (configuration, parsed)
}

fn run_command() -> i32 {
    let arguments: Vec<_> = std::env::args_os().collect();
    let (configuration, parsed) = parse(&arguments);
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let problems = configuration.problems();
            if error.use_stderr() && problems.has_errors() {
                print_findings(&problems);
            }
            // Help and version are no errors. When nobody reads them there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { EXIT_BAD_OPTIONS } else { 0 };
        }
    };
    // `config` shows what is wrong itself, and the others depend on no setting.
    let is_free = matches!(
        cli.command,
        Some(Command::Config(_) | Command::Doc(_) | Command::Init(_) | Command::Completion(_))
    );
    if !is_free {
        let problems = configuration.problems();
        print_findings(&problems);
        if problems.has_errors() {
            return EXIT_BAD_OPTIONS;
        }
    }
    match cli.command {
        Some(Command::Inventory(args)) => inventory::run(&args),
        Some(Command::Exec(args)) => exec::run(&args),
        Some(Command::Doc(args)) => doc::run(&args),
        Some(Command::Plan(args)) => plan::run(&args),
        Some(Command::Resume(args)) => resume::run(&args),
        Some(Command::History(args)) => history::run(&args),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Vault(args)) => vault::run(&args),
        Some(Command::Config(args)) => config::run(&args, &configuration),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Completion(args)) => completion::run(&args, Cli::command()),
        Some(Command::Lint(args)) => lint::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Schedule(args)) => schedule::run(&args),
        None if cli.run.playbooks.is_empty() => {
            let help = Cli::command().render_help();
            if console::colors_enabled_stderr() {
                complain(&help.ansi().to_string());
            } else {
                complain(&help.to_string());
            }
            EXIT_BAD_OPTIONS
        }
        None => run::run(&cli.run),
    }
}
