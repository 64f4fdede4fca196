//! `krun history`: the runs that stand in the journal.

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SpanRound, Unit};

use super::error::Error;
use super::journal::JournalFolder;
use super::print::{complain, print};
use crate::journal::{JournalError, RunState, StoredRun};
use crate::output::Format;

/// Show the runs of the journal, the newest first
#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// So many runs at most; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    count: usize,
    /// Text for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    journal: JournalFolder,
}

/// Shows the runs; gives the exit code.
pub(super) fn run(args: &HistoryArgs) -> i32 {
    match text(args) {
        Ok(text) => print(&text),
        Err(error) => error.print(),
    }
}

fn text(args: &HistoryArgs) -> Result<String, Error> {
    let folder = args.journal.folder()?;
    let mut ids = folder.ids();
    if ids.is_empty() {
        return Err(Error::Other(JournalError::NoRuns(folder.path().to_owned()).into()));
    }
    ids.reverse();
    if args.count > 0 {
        ids.truncate(args.count);
    }
    let mut lines = Vec::new();
    if args.output == Format::Text {
        lines.push(format!(
            "{:<20}  {:<16}  {:>8}  {:<24}  WHAT",
            "RUN", "BEGAN", "TOOK", "RESULT"
        ));
    }
    for id in ids {
        match folder.open(&id) {
            Ok(run) if args.output == Format::Json => lines.push(json(&run)),
            Ok(run) => lines.push(line(&run)),
            Err(error) => complain(&format!("warning: {error}")),
        }
    }
    Ok(lines.join("\n"))
}

fn line(run: &StoredRun) -> String {
    let header = &run.header;
    let began = header
        .started_at
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M");
    let mut what = header.playbooks.join(" ");
    for source in &header.inventory {
        what.push_str(&format!(" -i {source}"));
    }
    if let Some(earlier) = &header.continues {
        what.push_str(&format!(" (goes on from {earlier})"));
    }
    format!(
        "{:<20}  {began:<16}  {:>8}  {:<24}  {what}",
        header.id,
        took(run),
        result(run)
    )
}

/// How long a run took.
pub(super) fn took(run: &StoredRun) -> String {
    let RunState::Ended(end) = &run.state else {
        return String::new();
    };
    let span = end.at - run.header.started_at;
    let rounded = span.round(SpanRound::new().smallest(Unit::Second).largest(Unit::Hour));
    rounded.map_or_else(|_| String::new(), |span| format!("{span:#}"))
}

/// How a run stands, in a few words.
pub(super) fn result(run: &StoredRun) -> String {
    let words = match &run.state {
        RunState::AtWork => "at work".to_owned(),
        RunState::Cut => "cut".to_owned(),
        RunState::Ended(end) => match (end.exit_code, end.lost.as_slice()) {
            (0, _) => "well".to_owned(),
            (99, _) => "interrupted".to_owned(),
            (_, []) => format!("exit code {}", end.exit_code),
            (2, [host]) => format!("failed: {host}"),
            (4, [host]) => format!("unreachable: {host}"),
            (_, hosts) => format!("{} hosts lost", hosts.len()),
        },
    };
    if run.header.check_mode {
        format!("{words} (check)")
    } else {
        words
    }
}

fn json(run: &StoredRun) -> String {
    let header = &run.header;
    let (state, end) = match &run.state {
        RunState::AtWork => ("at_work", None),
        RunState::Cut => ("cut", None),
        RunState::Ended(end) => ("ended", Some(end)),
    };
    serde_json::json!({
        "run": header.id, "began": header.started_at, "state": state, "end": end, "playbooks": header.playbooks,
        "inventory": header.inventory, "check_mode": header.check_mode, "continues": header.continues,
        "user": header.user, "machine": header.machine, "version": header.version, "directory": header.directory,
        "arguments": header.arguments,
    })
    .to_string()
}
