//! `krun plan`: what a playbook would do to a cluster, and whether it may begin. Nothing is changed.

mod collect;
mod durations;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, mpsc};

use clap::{Args, FromArgMatches};
use serde_json::json;

use super::error::Error;
use super::hosts::HostArgs;
use super::journal::JournalFolder;
use super::print::{complain, print};
use super::run::{Prepared, RunArgs, prepare};
use super::signals::Watch;
use super::terminal::Calm;
use crate::connection::SessionPool;
use crate::modules::Failure;
use crate::output::Format;
use crate::playbook::Unsupported;
use crate::runner;
use crate::syntax::Diagnostic;
use collect::Plan;
use durations::Durations;

/// Exit code of a plan that may not be begun.
const EXIT_BLOCKED: i32 = 2;

/// Look at the cluster and show what the playbook would do; changes nothing
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the playbook may be run, 2 something blocks it or a host failed, 4 a host is unreachable \
or the playbook does not load."
)]
pub(super) struct PlanArgs {
    /// Playbooks that would be run, one after the other
    #[arg(value_name = "PLAYBOOK", required = true)]
    playbooks: Vec<PathBuf>,
    #[command(flatten)]
    hosts: HostArgs,
    /// A task that krun does not know: an error, or a failure when it is reached (when-reached)
    #[arg(long, value_name = "WHAT", env = "KRUN_UNSUPPORTED", default_value = "error", value_parser = Unsupported::from_str)]
    unsupported: Unsupported,
    /// Folders with roles, beside those near the playbook (separated by `:`)
    #[arg(long, value_name = "FOLDERS", env = "KRUN_ROLES_PATH", value_delimiter = ':')]
    roles_path: Vec<PathBuf>,
    #[command(flatten)]
    journal: JournalFolder,
}

impl PlanArgs {
    /// The values of `-e`.
    pub(super) fn extra_vars_mut(&mut self) -> &mut Vec<String> {
        &mut self.hosts.extra_vars
    }

    /// The run that is planned.
    fn of_run(&self) -> Result<RunArgs, Error> {
        if self.hosts.diff {
            let finding = Diagnostic::error("--diff shows contents of files, and a plan has none")
                .help("`krun PLAYBOOK --check --diff` shows them");
            return Err(Error::options(finding));
        }
        let defaults = RunArgs::augment_args(clap::Command::new("krun"));
        let mut args = RunArgs::from_arg_matches(&defaults.try_get_matches_from(["krun"]).unwrap_or_default())
            .map_err(|error| Failure::new(format!("the options of a run have no defaults: {error}")))?;
        args.playbooks.clone_from(&self.playbooks);
        args.hosts = self.hosts.clone();
        args.hosts.check = true;
        args.unsupported = self.unsupported;
        args.roles_path.clone_from(&self.roles_path);
        args.journal = self.journal.clone();
        Ok(args)
    }
}

/// Makes the plan and shows it; gives the exit code.
pub(super) fn run(args: &PlanArgs) -> i32 {
    let planned = args
        .of_run()
        .and_then(|run_args| prepare(&run_args, |prepared| plan(args, prepared)));
    planned.unwrap_or_else(|error| error.print())
}

fn plan(args: &PlanArgs, prepared: Prepared<'_>) -> Result<i32, Error> {
    let Prepared {
        playbooks,
        ground,
        mut options,
        loader,
        passwords,
    } = prepared;
    options.planning = true;
    let options = Arc::new(options);
    let sessions = SessionPool::new();
    let (events, receiver) = mpsc::channel();
    let watch = Watch::start(&options, events.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    let calm = console::user_attended().then(Calm::new);
    let verbosity = args.hosts.verbose;
    let (summary, plan) = std::thread::scope(|scope| {
        let collecting = scope.spawn(move || Plan::collect(&receiver, verbosity));
        let summary = runner::run(
            &playbooks,
            (ground.inventory, ground.variables),
            &options,
            loader,
            passwords,
            &sessions,
            events,
        );
        watch.end();
        (summary, collecting.join().unwrap_or_default())
    });
    drop(calm);
    let code = i32::from(summary?.exit_code);
    let code = if code == 0 && !plan.may_start() {
        EXIT_BLOCKED
    } else {
        code
    };
    let durations = match args.journal.folder() {
        Ok(folder) => Durations::of(&folder, &args.playbooks),
        // A plan can do without.
        Err(error) => {
            complain(&format!("warning: no earlier durations: {}", error.message));
            Durations::default()
        }
    };
    let failed = match args.hosts.output {
        Format::Text => print(&text::of(&plan, &durations, code)),
        Format::Json => print(&json(&plan, &durations, code).to_string()),
    };
    Ok(if failed == 0 { code } else { failed })
}

fn json(plan: &Plan, durations: &Durations, code: i32) -> serde_json::Value {
    let order: Vec<_> = plan
        .phases
        .iter()
        .map(|phase| {
            json!({
                "play": phase.play, "batches": phase.batches,
                "seconds_a_batch": durations.seconds(&phase.play).map(f64::round),
            })
        })
        .collect();
    json!({
        "format": 1, "may_start": code == 0, "exit_code": code, "preflight": plan.report, "order": order,
        "problems": plan.problems, "stopped": plan.stopped,
    })
}
