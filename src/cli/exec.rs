//! `krun exec PATTERN -m MODULE -a ARGS`: one module on hosts, without a playbook.

use clap::Args;

use super::error::{EXIT_NOT_LOADED, Error};
use super::execute::execute;
use super::hosts::{Ground, HostArgs, ask_passwords, folder_of, hint_at_inventory, run_options};
use super::print::print_findings;
use crate::output::Style;
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

impl ExecArgs {
    /// The values of `-e`.
    pub(super) fn extra_vars_mut(&mut self) -> &mut Vec<String> {
        &mut self.hosts.extra_vars
    }
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &ExecArgs) -> i32 {
    match prepare_and_run(args) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

fn prepare_and_run(args: &ExecArgs) -> Result<i32, Error> {
    let passwords = args.hosts.vault.passwords().map_err(Error::options)?;
    let options = LoaderOptions::default();
    let loader = Loader::new(&options, &passwords);
    let mut problems = Diagnostics::default();
    let playbook = loader.single_task(&args.pattern, &args.module_name, &args.args)?;
    let mut ground = Ground::load(&args.hosts, folder_of(None), &passwords)?;
    check_hosts(
        std::slice::from_ref(&playbook),
        &mut ground.inventory,
        &loader,
        &mut problems,
    );
    hint_at_inventory(&args.hosts, &mut problems);
    problems.extend(ground.warnings.clone());
    let mut options = run_options(&args.hosts, &passwords).map_err(Error::options)?;
    let playbooks = [playbook];
    let tags = TagSelection::default();
    ground.check_variables(&args.hosts, &playbooks, &tags, &options, &loader, &mut problems);
    print_findings(&problems);
    if problems.has_errors() {
        return Ok(EXIT_NOT_LOADED);
    }
    options.limit = ground.limit(&args.hosts)?;
    ask_passwords(&args.hosts, &mut options)?;
    options.run = super::journal::identity(None, None);
    options.secrets = super::journal::secrets(&options, &passwords);
    execute(
        &args.hosts,
        Style::Module,
        &playbooks,
        ground,
        options,
        &loader,
        &passwords,
        None,
    )
}
