//! Runs what was loaded: output, signals and answers around the runner.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc;

use super::answers;
use super::error::Error;
use super::hosts::{Ground, HostArgs};
use super::print::complain;
use super::signals::Watch;
use super::terminal::Calm;
use crate::connection::SessionPool;
use crate::journal::{End, Writer};
use crate::modules::Failure;
use crate::output::{self, Format, Style, TextOptions};
use crate::playbook::{Loader, Playbook};
use crate::runner::{self, RunOptions, Summary};
use crate::vars::vault::VaultPasswords;

/// Banners are no narrower and no wider than this.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// Runs, shows what happens, writes the journal, and gives the exit code.
#[expect(clippy::too_many_arguments, reason = "all that was loaded, each a thing of its own")]
pub(super) fn execute(
    args: &HostArgs,
    style: Style,
    playbooks: &[Playbook],
    ground: Ground,
    mut options: RunOptions,
    loader: &Loader<'_>,
    passwords: &VaultPasswords,
    journal: Option<Writer>,
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
    options.has_terminal = std::io::stdin().is_terminal();
    let is_check = options.check_mode;
    let options = Arc::new(options);
    let sessions = SessionPool::new();
    let (events, receiver) = mpsc::channel();
    let watch = Watch::start(&options, events.clone())
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    let (summary, journal): (Result<Summary, Failure>, _) = std::thread::scope(|scope| {
        let (receiver, writing) = match journal {
            None => (receiver, None),
            Some(mut writer) => {
                let (next, written) = mpsc::channel();
                let writing = scope.spawn(move || {
                    writer.consume(&receiver, &next);
                    writer
                });
                (written, Some(writing))
            }
        };
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
        (summary, writing.and_then(|writing| writing.join().ok()))
    });
    drop(calm);
    if let Some(writer) = journal {
        let (exit_code, lost) = match &summary {
            Ok(summary) => (summary.exit_code, summary.lost.clone()),
            Err(_) => (1, Vec::new()),
        };
        let end = End {
            at: jiff::Timestamp::now(),
            exit_code,
            lost,
        };
        let id = writer.id().to_owned();
        if let Err(error) = writer.end(&end) {
            complain(&format!("warning: {error}"));
        } else if exit_code != 0 && !is_check && format == Format::Text {
            complain(&format!("to go on from here: krun resume {id}"));
        }
    }
    Ok(i32::from(summary?.exit_code))
}
