use std::io::Write;
use std::sync::mpsc::Receiver;

use console::style;
use serde_json::Value;

use super::diff;
use super::excerpt::last_lines;
use super::live::Live;
use crate::runner::{Counts, Event, HostReport, Recap, Status};

/// What the text shows.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Number of `-v`.
    pub verbosity: u8,
    /// Standard output is a terminal.
    pub terminal: bool,
    /// Width of the banners.
    pub width: usize,
}

/// Writes a run as Ansible's users know it, and says more where more is known.
pub(super) struct TextOutput {
    options: TextOptions,
    live: Option<Live>,
}

impl TextOutput {
    pub(super) fn new(options: TextOptions) -> Self {
        Self {
            live: options.terminal.then(Live::new),
            options,
        }
    }

    pub(super) fn consume(&mut self, events: &Receiver<Event>) {
        for event in events {
            self.show(&event);
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::RunStarted { check_mode, .. } => {
                if *check_mode {
                    self.line(&style("check mode: nothing is changed").yellow().to_string());
                }
            }
            Event::PlayStarted { name, hosts } => {
                self.banner(&format!("PLAY [{name}]"));
                if self.options.verbosity > 0 {
                    self.line(&format!("hosts: {}", hosts.join(", ")));
                }
            }
            Event::PlaySkipped { name, reason } => {
                self.banner(&format!("PLAY [{name}]"));
                self.line(&style(format!("skipping: {reason}")).cyan().to_string());
            }
            Event::BatchStarted { number, of, hosts } => {
                self.line(
                    &style(format!("\nbatch {number} of {of}: {}", hosts.join(", ")))
                        .bold()
                        .to_string(),
                );
            }
            Event::TaskStarted { name, handler, place } => {
                let kind = if *handler { "RUNNING HANDLER" } else { "TASK" };
                self.banner(&format!("{kind} [{name}]"));
                if self.options.verbosity > 1 {
                    self.line(&style(format!("at {place}")).dim().to_string());
                }
            }
            Event::Progress { host, line } => self.progress(host, line),
            Event::Retrying { host, task, left } => {
                let text = format!("FAILED - RETRYING: [{host}]: {task} ({left} retries left).");
                self.line(&style(text).yellow().to_string());
            }
            Event::ItemFinished(report) => self.report(report),
            Event::HostFinished(report) => {
                if let Some(live) = &mut self.live {
                    live.end(&report.host);
                }
                // The items were shown one by one; the whole adds nothing but the count.
                let looped = report
                    .result
                    .get("results")
                    .and_then(Value::as_array)
                    .is_some_and(|items| !items.is_empty());
                if !looped {
                    self.report(report);
                }
            }
            Event::Included { what, hosts } => {
                self.line(
                    &style(format!("included: {what} for {}", hosts.join(", ")))
                        .cyan()
                        .to_string(),
                );
            }
            Event::Warning { message } => self.line(&style(format!("[WARNING]: {message}")).magenta().to_string()),
            Event::HandlersPending { host, handlers } => {
                let text = format!("pending handlers not run: {host}: {}", handlers.join(", "));
                self.line(&style(text).yellow().to_string());
            }
            Event::RunStopped {
                reason,
                play,
                untouched,
                plays_not_started,
            } => {
                self.line(&style(format!("\nSTOPPED: {reason}")).red().bold().to_string());
                if !untouched.is_empty() {
                    self.line(&format!("  not reached in \"{play}\": {}", untouched.join(", ")));
                }
                if !plays_not_started.is_empty() {
                    self.line(&format!("  plays not started: {}", plays_not_started.join("; ")));
                }
            }
            Event::RunFinished { recap, .. } => self.recap(recap),
        }
    }

    fn progress(&mut self, host: &str, line: &str) {
        match &mut self.live {
            Some(bars) if self.options.verbosity == 0 => bars.show(host, line),
            _ => self.line(&format!("  {host} | {line}")),
        }
    }

    fn report(&mut self, report: &HostReport) {
        for shown in &report.diff {
            self.line(diff::render(shown).trim_end());
        }
        let mut host = report.host.clone();
        if let Some(delegate) = &report.delegated_to {
            host = format!("{host} -> {delegate}");
        }
        let item = report
            .item
            .as_ref()
            .map(|item| format!(" => (item={item})"))
            .unwrap_or_default();
        let notes = if report.changes.is_empty() {
            String::new()
        } else {
            format!(" ({})", report.changes.join(", "))
        };
        match report.status {
            Status::Ok => self.line(&style(format!("ok: [{host}]{item}")).green().to_string()),
            Status::Changed => self.line(&style(format!("changed: [{host}]{item}{notes}")).yellow().to_string()),
            Status::Skipped => {
                let why = report.message.as_ref().filter(|_| self.options.verbosity > 0);
                let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                self.line(&style(format!("skipping: [{host}]{item}{why}")).cyan().to_string());
            }
            Status::Failed | Status::Unreachable => self.failure(report, &host, &item),
        }
        for warning in &report.warnings {
            self.line(
                &style(format!("[WARNING]: {}: {warning}", report.host))
                    .magenta()
                    .to_string(),
            );
        }
        self.message(report);
    }

    /// What `debug` says, and with `-v` every result.
    fn message(&self, report: &HostReport) {
        let failed = matches!(report.status, Status::Failed | Status::Unreachable);
        if report.module == "debug" && report.status == Status::Ok {
            let mut shown = report.result.clone();
            for key in ["changed", "failed"] {
                shown.remove(key);
            }
            self.line(&plain_message(&shown).unwrap_or_else(|| pretty(&Value::Object(shown))));
        } else if self.options.verbosity > 0 && !failed && !report.result.is_empty() && report.status != Status::Skipped
        {
            self.line(&pretty(&Value::Object(report.result.clone())));
        }
    }

    fn failure(&self, report: &HostReport, host: &str, item: &str) {
        let word = if report.status == Status::Unreachable {
            "UNREACHABLE!"
        } else {
            "FAILED!"
        };
        let message = report.message.as_deref().unwrap_or("failed");
        let mut text = style(format!("fatal: [{host}]{item}: {word} => {message}"))
            .red()
            .to_string();
        for (name, label) in [("stdout", "standard output"), ("stderr", "standard error")] {
            let output = report
                .result
                .get(name)
                .and_then(Value::as_str)
                .map(str::trim)
                .unwrap_or_default();
            if !output.is_empty() && !message.contains(output) {
                text.push_str(&format!("\n  {label}:"));
                for line in last_lines(output) {
                    text.push_str(&format!("\n    {line}"));
                }
            }
        }
        text.push_str(&style(format!("\n  at {}", report.place)).dim().to_string());
        if let Some(help) = &report.help {
            text.push_str(&format!("\n  {} {help}", style("what to do:").bold()));
        }
        if report.ignored {
            text.push_str(&style("\n...ignoring").cyan().to_string());
        }
        self.line(&text);
    }

    fn recap(&self, recap: &Recap) {
        self.banner("PLAY RECAP");
        let mut hosts: Vec<_> = recap.iter().collect();
        hosts.sort_by_key(|(host, _)| host.as_str());
        for (host, counts) in hosts {
            self.line(&recap_line(host, counts));
        }
    }

    fn banner(&self, title: &str) {
        let stars = self
            .options
            .width
            .saturating_sub(console::measure_text_width(title) + 1)
            .max(3);
        self.line(&format!("\n{title} {}", "*".repeat(stars)));
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(live) => live.print(text),
            // Without a reader the run goes on: a closed pipe must not leave a node half done.
            None => drop(write_stdout(text)),
        }
    }
}

pub(super) fn write_stdout(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A message that is text, or lines of text, reads better without JSON around it.
fn plain_message(shown: &serde_json::Map<String, Value>) -> Option<String> {
    let lines: Vec<&str> = match (shown.len(), shown.get("msg")?) {
        (1, Value::String(text)) => text.lines().collect(),
        (1, Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    Some(
        lines
            .iter()
            .map(|line| format!("    {line}"))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Ansible's line: the same columns, coloured by the worst count.
fn recap_line(host: &str, counts: &Counts) -> String {
    let name = format!("{host:<26}");
    let name = if counts.failed + counts.unreachable > 0 {
        style(name).red()
    } else if counts.changed > 0 {
        style(name).yellow()
    } else {
        style(name).green()
    };
    format!(
        "{name} : ok={:<4} changed={:<4} unreachable={:<4} failed={:<4} skipped={:<4} rescued={:<4} ignored={:<4}",
        counts.ok, counts.changed, counts.unreachable, counts.failed, counts.skipped, counts.rescued, counts.ignored
    )
}
