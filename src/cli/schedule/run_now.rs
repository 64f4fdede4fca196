//! `krun schedule run`: what a clock would do, now.

use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;

use super::found::{self, Found};
use super::systemd::Manager;
use super::{Scope, places};
use crate::cli::error::EXIT_ERROR;
use crate::cli::print::{complain, print};
use crate::modules::Failure;

/// Run a schedule now, the way it would be run by the clock, and show its output; the exit code is the run's
#[derive(Args, Debug)]
pub(super) struct RunNowArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    name: String,
    /// The machine's, or this user's
    #[arg(long, value_name = "SCOPE", value_enum)]
    scope: Option<Scope>,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run_now(args: &RunNowArgs) -> Result<i32, Failure> {
    let found = found::one(&args.name, args.scope)?;
    if found.by_cron {
        by_cron(&found)
    } else {
        by_systemd(&found)
    }
}

fn by_cron(found: &Found) -> Result<i32, Failure> {
    let script = places::script(found.scope, &found.name)?;
    let status = Command::new("/bin/sh")
        .arg(&script)
        .arg("now")
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Failure::new(format!("{} cannot be run: {error}", script.display())))?;
    Ok(status.code().unwrap_or(EXIT_ERROR))
}

fn by_systemd(found: &Found) -> Result<i32, Failure> {
    /// How long the log is left alone between two looks.
    const PAUSE: Duration = Duration::from_millis(300);
    let manager = Manager::find(found.scope)
        .map_err(|reason| Failure::new(format!("systemd ({}) does not answer: {reason}", found.scope.name())))?;
    let unit = found.unit();
    let state = |properties: &std::collections::BTreeMap<String, String>, name: &str| {
        properties.get(name).cloned().unwrap_or_default()
    };
    let is_at_work = |state: &str| ["activating", "active", "reloading", "deactivating"].contains(&state);
    let before = manager.show(&unit, "ActiveState")?;
    if is_at_work(&state(&before, "ActiveState")) {
        complain(&format!("{} is at work already: its output from now on", found.name));
    }
    let mut place = manager.log_end();
    manager.tell(&["start", "--no-block", &unit])?;
    // The unit's own time limit ends this. Ctrl-C ends the watching only: the run belongs to systemd.
    loop {
        let now = manager.show(&unit, "ActiveState,Job,Result,ExecMainCode,ExecMainStatus")?;
        let has_ended = !is_at_work(&state(&now, "ActiveState")) && ["", "0"].contains(&state(&now, "Job").as_str());
        if has_ended {
            manager.flush_log();
        }
        let (text, end) = manager.log_since(&unit, &place)?;
        if !text.trim_end().is_empty() {
            print(text.trim_end());
        }
        if !end.is_empty() {
            place = end;
        }
        if has_ended {
            return Ok(code(found, &state(&now, "Result"), &state(&now, "ExecMainStatus")));
        }
        std::thread::sleep(PAUSE);
    }
}

fn code(found: &Found, result: &str, status: &str) -> i32 {
    match result {
        "success" => 0,
        "exit-code" => status.parse().unwrap_or(EXIT_ERROR),
        other => {
            complain(&format!(
                "error: the run of {} was ended by systemd: {other}",
                found.name
            ));
            EXIT_ERROR
        }
    }
}
