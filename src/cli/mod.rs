//! The command line: one file a subcommand.

mod answers;
mod doc;
mod error;
mod exec;
mod execute;
mod extra_vars;
mod hosts;
mod inventory;
mod lint;
mod lists;
mod print;
mod run;
mod schema;
mod secret;
mod signals;
mod terminal;
mod vault_options;

use error::EXIT_BAD_OPTIONS;
use print::complain;

use clap::{CommandFactory, Parser, Subcommand};

/// Run Ansible-like playbooks over SSH; upgrade kubeadm clusters without an outage
#[derive(Debug, Parser)]
#[command(name = "krun", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 well, 1 error, 2 a host failed, 4 a host unreachable or the playbook does not load, \
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
    Lint(Box<lint::LintArgs>),
    Schema(schema::SchemaArgs),
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

fn run_command() -> i32 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors. When nobody reads them there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { EXIT_BAD_OPTIONS } else { 0 };
        }
    };
    match cli.command {
        Some(Command::Inventory(args)) => inventory::run(&args),
        Some(Command::Exec(args)) => exec::run(&args),
        Some(Command::Doc(args)) => doc::run(&args),
        Some(Command::Lint(args)) => lint::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
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
