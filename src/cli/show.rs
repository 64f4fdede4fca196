//! `krun show`: a run of the journal as its terminal showed it, and how it was left.

use std::sync::mpsc;

use clap::Args;
use indexmap::IndexMap;

use super::error::Error;
use super::history::{result, took};
use super::journal::JournalFolder;
use super::print::print;
use crate::journal::{RunState, StoredRun};
use crate::output::{self, Format, Style, TextOptions};
use crate::runner::{CleanUp, Event, Known};

/// Show what a run did, and how it was left
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// The run, or the beginning of its name [default: the newest]
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Say more; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Text for people, or the events as JSON lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    journal: JournalFolder,
}

/// Shows the run; gives the exit code.
pub(super) fn run(args: &ShowArgs) -> i32 {
    match show(args) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

fn show(args: &ShowArgs) -> Result<i32, Error> {
    let folder = args.journal.folder()?;
    let run = folder.open(&folder.find(args.run.as_deref())?)?;
    let events = run.events()?;
    let left = left_open(&run, &events)?;
    if args.output == Format::Text {
        print(&beginning(&run));
    }
    let (sender, receiver) = mpsc::channel();
    for event in events {
        // The receiver stands below.
        let _ = sender.send(event);
    }
    drop(sender);
    let text = TextOptions {
        style: Style::Play,
        verbosity: args.verbose,
        live: false,
        width: 80,
    };
    output::consume(args.output, text, &receiver);
    if args.output == Format::Json {
        return Ok(0);
    }
    Ok(print(&end(&run, &left)))
}

fn beginning(run: &StoredRun) -> String {
    let header = &run.header;
    let zone = jiff::tz::TimeZone::system();
    let began = header.started_at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z");
    let mut text = format!(
        "run {}: {} at {began} by {} on {}, krun {}\nin {}: krun {}",
        header.id,
        result(run),
        header.user,
        header.machine,
        header.version,
        header.directory.display(),
        header.arguments.join(" ")
    );
    if !header.withheld.is_empty() {
        text.push_str(&format!("\nnot kept, since secret: {}", header.withheld.join(", ")));
    }
    text
}

/// What a run left behind, by host.
fn left_open(run: &StoredRun, events: &[Event]) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    if run.state == RunState::AtWork {
        return Ok(lines);
    }
    for task in run.tasks()? {
        if matches!(task.known, Known::Begun) {
            lines.push(format!(
                "{}: `{}` was at work; how far it got is not known",
                task.key.host, task.title
            ));
        }
    }
    let mut handlers: IndexMap<&str, Vec<&str>> = IndexMap::new();
    let mut steps: IndexMap<(&str, &str), &str> = IndexMap::new();
    for event in events {
        match event {
            Event::Notified { host, handlers: names } => {
                let all = handlers.entry(host).or_default();
                let new = names.iter().map(String::as_str).filter(|name| !all.contains(name));
                let new: Vec<_> = new.collect();
                all.extend(new);
            }
            Event::TaskStarted {
                handler: true,
                name,
                hosts,
                ..
            } => {
                for host in hosts {
                    if let Some(all) = handlers.get_mut(host.as_str()) {
                        all.retain(|other| other != name);
                    }
                }
            }
            Event::Undoable { host, name, what } => {
                steps.insert((host, name), what);
            }
            Event::CleanedUp {
                host,
                what,
                state: CleanUp::Done,
                ..
            } => steps.retain(|(other, _), step| other != host || step != what),
            Event::Undone { host, name } => {
                steps.shift_remove(&(host.as_str(), name.as_str()));
            }
            _ => {}
        }
    }
    for (host, names) in handlers.iter().filter(|(_, names)| !names.is_empty()) {
        lines.push(format!("{host}: notified and not run: {}", names.join(", ")));
    }
    for ((host, _), what) in steps {
        lines.push(format!("{host}: left to do: {what}"));
    }
    Ok(lines)
}

fn end(run: &StoredRun, left: &[String]) -> String {
    let mut text = match &run.state {
        RunState::AtWork => "The run goes on.".to_owned(),
        RunState::Cut => "krun was cut off here: it was killed, or its machine went down.".to_owned(),
        RunState::Ended(end) => format!("It took {} and ended with the exit code {}.", took(run), end.exit_code),
    };
    for line in left {
        text.push_str(&format!("\n  {line}"));
    }
    let is_unfinished = match &run.state {
        RunState::AtWork => false,
        RunState::Cut => true,
        RunState::Ended(end) => end.exit_code != 0,
    };
    if is_unfinished && !run.header.check_mode {
        text.push_str(&format!("\nTo go on: krun resume {}", run.header.id));
    }
    text
}
