//! `krun schedule remove`: takes away what `krun schedule add` has made.

use clap::Args;

use super::found;
use super::store::Change;
use super::systemd::Manager;
use super::{Scope, cron, places};
use crate::cli::print::{complain, print};
use crate::modules::Failure;

/// Take a schedule away
#[derive(Args, Debug)]
pub(super) struct RemoveArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    name: String,
    /// The machine's, or this user's
    #[arg(long, value_name = "SCOPE", value_enum)]
    scope: Option<Scope>,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn remove(args: &RemoveArgs) -> Result<i32, Failure> {
    let found = found::one(&args.name, args.scope)?;
    if found.by_cron {
        let files = cron::removal(&found.name, found.scope)?;
        files.apply()?;
        let state = places::state(found.scope, &found.name)?;
        // There is none before the first run.
        let _ = std::fs::remove_file(state);
        return Ok(print(&format!("removed {} from cron", found.name)));
    }
    let folder = places::units(found.scope)?;
    let mut changes = Vec::new();
    for ending in [".timer", ".service", "-failed.service"] {
        changes.extend(Change::of(
            folder.join(format!("krun-{}{ending}", found.name)),
            None,
            0,
        )?);
    }
    let timer = format!("krun-{}.timer", found.name);
    // Without its manager the files are all there is to take away.
    let manager = match Manager::find(found.scope) {
        Ok(manager) => Some(manager),
        Err(reason) => {
            complain(&format!(
                "note: systemd ({}) does not answer ({reason}): only the files go",
                found.scope.name()
            ));
            None
        }
    };
    if let Some(manager) = &manager {
        manager.tell(&["disable", "--now", &timer])?;
        // When it ran last: a schedule that is made anew under this name has missed nothing. Older versions keep it.
        let _ = manager.tell(&["clean", "--what=state", &timer]);
        let state = manager.show(&found.unit(), "ActiveState")?;
        if state.get("ActiveState").is_some_and(|state| state == "activating") {
            complain(&format!(
                "note: a run of {} is at work, and goes on to its end",
                found.name
            ));
        }
    }
    for change in &changes {
        change.apply()?;
    }
    if let Some(manager) = &manager {
        manager.tell(&["daemon-reload"])?;
        // What failed and is gone would stay in the list of failed units. Nothing failed, mostly.
        let _ = manager.tell(&["reset-failed", &found.unit()]);
    }
    let lines: Vec<String> = changes.iter().map(|change| change.words(false)).collect();
    Ok(print(&lines.join("\n")))
}
