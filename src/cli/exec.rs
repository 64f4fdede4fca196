//! `krun exec PATTERN -m MODULE -a ARGS`: one module on hosts, without a playbook.

use clap::Args;

use super::run::{self, Ground, HostArgs};
use crate::playbook::{Loader, LoaderOptions, TagSelection, check_hosts};
use crate::syntax::Diagnostics;

/// Run one module on hosts
#[derive(Args, Debug)]
pub(super) struct ExecArgs {
    /// Hosts: a host, a group or a pattern
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// The module
    #[arg(short, long, value_name = "MODULE", default_value = "command")]
    module_name: String,
    /// Its options: `name=value …`, the text of a command, or a JSON mapping
    #[arg(short, long, value_name = "ARGS", default_value = "", allow_hyphen_values = true)]
    args: String,
    #[command(flatten)]
    hosts: HostArgs,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &ExecArgs) -> i32 {
    match prepare_and_run(args) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

fn prepare_and_run(args: &ExecArgs) -> Result<i32, run::Error> {
    let passwords = args.hosts.vault.passwords()?;
    let options = LoaderOptions::default();
    let loader = Loader::new(&options, &passwords);
    let mut problems = Diagnostics::default();
    let playbook = loader.single_task(&args.pattern, &args.module_name, &args.args)?;
    let ground = Ground::load(&args.hosts, run::folder_of(None), &passwords)?;
    check_hosts(&playbook, &ground.inventory, &mut problems);
    problems.extend(ground.warnings.clone());
    let playbooks = [playbook];
    ground.check_variables(&playbooks, &TagSelection::default(), &loader, &mut problems);
    run::print_findings(&problems);
    if problems.has_errors() {
        return Ok(run::EXIT_NOT_LOADED);
    }
    let mut hosts = args.hosts.clone();
    // What a module says is what the user asked for.
    hosts.verbose = hosts.verbose.max(1);
    let options = run::run_options(&hosts, &ground)?;
    run::execute(&hosts, &playbooks, ground, options, &loader, &passwords)
}
