use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use console::style;
use serde_json::Value;

use super::live::Live;
use super::paces::{Paces, Title};
use super::{Style, TextOptions, readable, report};
use crate::runner::{CleanUp, Counts, Event, HostReport, Recap, Status};

/// A task that takes longer than this is seen to be at work.
const PATIENCE: Duration = Duration::from_secs(1);

/// Width of the recap's first column, as Ansible's.
const RECAP_NAME: usize = 26;

/// Writes a run as Ansible's users know it, and says more where more is known.
pub(super) struct TextOutput {
    options: TextOptions,
    live: Option<Live>,
    /// The task that runs, and since when.
    task: String,
    since: Instant,
    /// Hosts that it has not ended on.
    at_work: Vec<String>,
    is_interrupted: bool,
    paces: Paces,
    /// The head of a task that no host has done anything in, where such tasks are not shown.
    held: Vec<String>,
}

impl TextOutput {
    pub(super) fn new(options: TextOptions) -> Self {
        Self {
            live: options.live.then(Live::new),
            options,
            task: String::new(),
            since: Instant::now(),
            at_work: Vec::new(),
            is_interrupted: false,
            paces: Paces::default(),
            held: Vec::new(),
        }
    }

    pub(super) fn consume(&mut self, events: &Receiver<Event>) {
        loop {
            match events.recv_timeout(PATIENCE) {
                Ok(event) => self.show(&event),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(live) = &mut self.live {
                        live.at_work(&self.at_work, self.since);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// What is said of a host is said below its task.
    fn show_task_of(&mut self, event: &Event) {
        let host = match event {
            Event::Progress { host, .. } if self.live.is_none() || self.options.verbosity > 0 => host,
            Event::Retrying { host, .. } => host,
            Event::ItemFinished(report) | Event::HostFinished(report) => &report.host,
            _ => return,
        };
        if let Some(task) = self.paces.is_to_be_told(host) {
            self.task_banner(&task);
        }
    }

    fn task_banner(&mut self, task: &Title) {
        self.held = vec![self.banner_text(&task.text)];
        if self.options.verbosity > 1 {
            self.held.push(style(format!("at {}", task.place)).dim().to_string());
        }
        if self.options.shows_skipped {
            self.show_held();
        }
    }

    fn show(&mut self, event: &Event) {
        self.show_task_of(event);
        match event {
            Event::Progress { host, line } => self.progress(host, &readable::line(line)),
            Event::Asked { question } => self.ask(question),
            Event::Retrying { host, task, left } => {
                let text = format!("FAILED - RETRYING: [{host}]: {task} ({left} retries left).");
                self.show_held();
                self.line(&style(text).yellow().to_string());
            }
            Event::ItemFinished(report) => self.report(report),
            Event::HostFinished(report) => {
                self.at_work.retain(|host| *host != report.host);
                if let Some(live) = &mut self.live {
                    live.end(&report.host);
                }
                // The items were shown one by one; the whole adds nothing but the count.
                let items = report.result.get("results").and_then(Value::as_array);
                if items.is_none_or(Vec::is_empty) {
                    self.report(report);
                }
            }
            Event::Warning { message } => {
                self.show_held();
                self.line(&style(format!("[WARNING]: {message}")).magenta().to_string());
            }
            Event::Interrupted => self.interrupted(),
            Event::CleanedUp { .. } => self.cleaned_up(event),
            // One module on its own is no play: what it said is all that there is to say.
            _ if self.options.style == Style::Module => self.begin_or_end(event),
            _ => self.play_event(event),
        }
    }

    /// What there is of a play around its tasks.
    fn play_event(&mut self, event: &Event) {
        match event {
            Event::RunStarted { check_mode: true, .. } => {
                self.line(&style("check mode: nothing is changed").yellow().to_string());
            }
            Event::PlayStarted {
                name, hosts, strategy, ..
            } => {
                self.held.clear();
                self.paces.play_begins(*strategy);
                self.banner(&format!("PLAY [{name}]"));
                if self.options.verbosity > 0 {
                    self.line(&format!("hosts: {}", hosts.join(", ")));
                }
            }
            Event::PlaySkipped { name, reason } => {
                self.banner(&format!("PLAY [{name}]"));
                self.line(&style(format!("skipping: {reason}")).cyan().to_string());
            }
            Event::BatchStarted { number, of, hosts, by } => {
                let by = by.as_ref().map(common).filter(|by| !by.is_empty());
                let by = by.map_or_else(String::new, |by| format!(" ({by})"));
                let text = format!("\nbatch {number} of {of}{by}: {}", hosts.join(", "));
                self.line(&style(text).bold().to_string());
            }
            Event::TaskStarted {
                name,
                handler,
                place,
                hosts,
            } => {
                let kind = if *handler { "RUNNING HANDLER" } else { "TASK" };
                let task = Title {
                    text: format!("{kind} [{name}]"),
                    place: place.clone(),
                };
                if let Some(task) = self.paces.task_begins(task, hosts) {
                    self.task_banner(&task);
                }
            }
            Event::Included { what, hosts } => {
                self.show_held();
                let text = format!("included: {what} for {}", hosts.join(", "));
                self.line(&style(text).cyan().to_string());
            }
            Event::HandlersPending { host, handlers } => {
                let text = format!("pending handlers not run: {host}: {}", handlers.join(", "));
                self.line(&style(text).yellow().to_string());
            }
            Event::RunStopped {
                reason,
                play,
                unfinished,
                untouched,
                plays_not_started,
            } => {
                self.line(&style(format!("\nSTOPPED: {reason}")).red().bold().to_string());
                if !unfinished.is_empty() {
                    self.line(&format!("  in the middle of \"{play}\": {}", unfinished.join(", ")));
                }
                if !untouched.is_empty() {
                    self.line(&format!("  not reached in \"{play}\": {}", untouched.join(", ")));
                }
                if !plays_not_started.is_empty() {
                    self.line(&format!("  plays not started: {}", plays_not_started.join("; ")));
                }
            }
            Event::RunFinished { recap, .. } => self.recap(recap),
            _ => {}
        }
        self.begin_or_end(event);
    }

    /// Keeps track of who is at work.
    fn begin_or_end(&mut self, event: &Event) {
        if let Event::TaskStarted { name, hosts, .. } = event {
            self.task.clone_from(name);
            self.since = Instant::now();
            if self.paces.is_at_own_pace() {
                self.at_work.retain(|host| !hosts.contains(host));
                self.at_work.extend(hosts.iter().cloned());
                return;
            }
            self.at_work.clone_from(hosts);
        }
        if matches!(event, Event::TaskStarted { .. } | Event::RunFinished { .. })
            && let Some(live) = &mut self.live
        {
            live.end_all();
        }
    }

    fn progress(&mut self, host: &str, line: &str) {
        self.show_held();
        match &mut self.live {
            Some(live) if self.options.verbosity == 0 => live.show(host, line, self.since),
            _ => self.line(&format!("  {host} | {line}")),
        }
    }

    /// The answer is typed right behind the question, so nothing may change below it.
    fn ask(&mut self, question: &str) {
        self.show_held();
        self.at_work.clear();
        if let Some(live) = &mut self.live {
            live.end_all();
        }
        let mut out = std::io::stdout().lock();
        // Without a reader nobody will answer either.
        let _ = write!(out, "{question}").and_then(|()| out.flush());
    }

    fn show_held(&mut self) {
        for line in std::mem::take(&mut self.held) {
            self.line(&line);
        }
    }

    fn report(&mut self, report: &HostReport) {
        if self.options.style == Style::Play && report.status == Status::Skipped && !self.options.shows_skipped {
            return;
        }
        self.show_held();
        let lines = match self.options.style {
            Style::Play => report::in_play(report, self.options.verbosity),
            Style::Module => report::of_module(report),
        };
        self.line(&lines.join("\n"));
    }

    fn interrupted(&mut self) {
        self.is_interrupted = true;
        let text = if self.at_work.is_empty() {
            "\ninterrupted: the run ends here; Ctrl-C again stops at once".to_owned()
        } else {
            format!(
                "\ninterrupted: \"{}\" is finished first on {}, then the run ends; Ctrl-C again stops at once",
                self.task,
                self.at_work.join(", ")
            )
        };
        self.line(&style(text).yellow().bold().to_string());
    }

    fn cleaned_up(&self, event: &Event) {
        let Event::CleanedUp {
            what,
            state,
            message,
            help,
            ..
        } = event
        else {
            return;
        };
        let again = format!("run this again, it goes on where it stopped; or do it by hand when all is well: {what}");
        match state {
            CleanUp::Done => self.line(&style(format!("  {message}")).green().to_string()),
            CleanUp::Left => {
                self.line(&style(format!("  {message}")).yellow().to_string());
                self.line(&format!("    {} {again}", style("what to do:").bold()));
            }
            CleanUp::Failed => {
                let text = format!("  {what}: failed: {}", readable::text(message));
                self.line(&style(text).red().to_string());
                let help = help.as_deref().unwrap_or(&again);
                self.line(&format!("    {} {help}", style("what to do:").bold()));
            }
        }
    }

    fn recap(&self, recap: &Recap) {
        self.banner("PLAY RECAP");
        let mut hosts: Vec<_> = recap.iter().collect();
        hosts.sort_by_key(|(host, _)| host.as_str());
        for (host, counts) in hosts {
            self.line(&recap_line(host, counts));
        }
        if self.is_interrupted {
            self.line("\nRun the same command again to go on: what is done stays done.");
        }
    }

    fn banner(&self, title: &str) {
        self.line(&self.banner_text(title));
    }

    fn banner_text(&self, title: &str) -> String {
        let title = readable::line(title);
        let stars = self
            .options
            .width
            .saturating_sub(console::measure_text_width(&title) + 1)
            .max(3);
        format!("\n{title} {}", "*".repeat(stars))
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(live) => live.print(text),
            // Without a reader the run goes on: a closed pipe must not leave a node half done.
            None => {
                if let Err(error) = write_stdout(text) {
                    super::tell_once(&error);
                }
            }
        }
    }
}

pub(super) fn write_stdout(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Ansible's line: the same columns, coloured by the worst count.
/// What the hosts of a batch have in common, in one line.
fn common(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => {
            let texts = items.iter().map(common).filter(|text| !text.is_empty());
            texts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn recap_line(host: &str, counts: &Counts) -> String {
    let name = console::pad_str(host, RECAP_NAME, console::Alignment::Left, None);
    let name = if counts.failed + counts.unreachable > 0 {
        style(name).red()
    } else if counts.changed > 0 {
        style(name).yellow()
    } else {
        style(name).green()
    };
    let line = format!(
        "{name} : ok={:<4} changed={:<4} unreachable={:<4} failed={:<4} skipped={:<4} rescued={:<4} ignored={:<4}",
        counts.ok, counts.changed, counts.unreachable, counts.failed, counts.skipped, counts.rescued, counts.ignored
    );
    line.trim_end().to_owned()
}
