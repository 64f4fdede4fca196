//! `krun schedule`: has playbooks run at set times, by systemd, by cron or by a cluster.

mod add;
mod command;
mod cron;
mod found;
mod given;
mod list;
mod places;
mod print;
mod remove;
mod run_now;
mod store;
mod systemd;
mod unattended;

use clap::{ArgMatches, Args, Subcommand, ValueEnum};

use super::error::Error;
use crate::modules::Failure;

/// Run playbooks at set times: by systemd, cron or Kubernetes
#[derive(Args, Debug)]
pub(super) struct ScheduleArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(Box<add::AddArgs>),
    List(list::ListArgs),
    Run(run_now::RunNowArgs),
    Remove(remove::RemoveArgs),
}

/// Whose schedule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    /// The machine's: in /etc, as root.
    System,
    /// One user's own.
    User,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// The one that is meant when none is said.
    fn or_default(given: Option<Self>) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        given.unwrap_or(if is_root { Self::System } else { Self::User })
    }
}

impl ScheduleArgs {
    /// Keeps what stands on the command line apart from what the configuration says, which the run reads by itself.
    pub(super) fn note_given(&mut self, matches: &ArgMatches) {
        if let (Action::Add(args), Some((_, matches))) = (&mut self.action, matches.subcommand()) {
            args.given = given::of(matches);
        }
    }

    /// The values of `-e`.
    pub(super) fn extra_vars_mut(&mut self) -> Option<&mut Vec<String>> {
        match &mut self.action {
            Action::Add(args) => Some(args.run.extra_vars_mut()),
            _ => None,
        }
    }
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &ScheduleArgs) -> i32 {
    let done: Result<i32, Error> = match &args.action {
        Action::Add(args) => add::add(args),
        Action::List(args) => Ok(list::list(args)),
        Action::Run(args) => run_now::run_now(args).map_err(Error::from),
        Action::Remove(args) => remove::remove(args).map_err(Error::from),
    };
    done.unwrap_or_else(|error| error.print())
}

/// A file cannot be read or written.
fn cannot(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot {what} {}: {error}", path.display()));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        failure.help("a schedule of the machine needs root; `--scope user` makes one of your own")
    } else {
        failure
    }
}
