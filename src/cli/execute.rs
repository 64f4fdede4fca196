//! Runs what was loaded: output, signals and answers around the runner.

use std::sync::Arc;
use std::sync::mpsc;

use super::answers;
use super::error::Error;
use super::hosts::{Ground, HostArgs};
use super::signals::Watch;
use super::terminal::Calm;
use crate::connection::SessionPool;
use crate::modules::Failure;
use crate::output::{self, Style, TextOptions};
use crate::playbook::{Loader, Playbook};
use crate::runner::{self, RunOptions, Summary};
use crate::vars::vault::VaultPasswords;

/// Banners are no narrower and no wider than this.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// Runs, shows what happens, and gives the exit code.
pub(super) fn execute(
    args: &HostArgs,
    style: Style,
    playbooks: &[Playbook],
    ground: Ground,
    mut options: RunOptions,
    loader: &Loader<'_>,
    passwords: &VaultPasswords,
) -> Result<i32, Error> {
    let columns = console::Term::stdout()
        .size_checked()
        .map_or(80, |(_, columns)| columns);
    let is_dumb = std::env::var_os("TERM").is_none_or(|kind| kind.is_empty() || kind == "dumb");
    let text = TextOptions {
        style,
        verbosity: args.verbose,
        // Lines that change in place and questions do not go together.
        live: console::user_attended() && !is_dumb && !options.step,
        shows_skipped: args.display_skipped_hosts.unwrap_or(true),
        width: usize::from(columns).clamp(*WIDTHS.start(), *WIDTHS.end()),
    };
    let format = args.output;
    let calm = text.live.then(Calm::new);
    options.answers = Some(answers::reader(&options.interrupted));
    let options = Arc::new(options);
    let sessions = SessionPool::new();
    let (events, receiver) = mpsc::channel();
    let watch = Watch::start(&options, events.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
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
        watch.end();
        // The output ends when the last sender is gone; a panic there has printed its own text.
        let _ = shown.join();
        summary
    });
    drop(calm);
    Ok(i32::from(summary?.exit_code))
}
