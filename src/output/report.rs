//! The end of a task on a host, as text.

use console::style;
use serde_json::{Map, Value};

use super::excerpt::last_lines;
use super::{diff, readable};
use crate::runner::{HostReport, Status};

/// One line, what changed, and all that a failure needs; as ansible-playbook writes it.
pub(super) fn in_play(report: &HostReport, verbosity: u8) -> Vec<String> {
    let mut lines = differences(report);
    let host = host(report);
    let item = report.item.as_deref().map(readable::text);
    let arrow = item
        .as_ref()
        .map(|item| format!(" => (item={item})"))
        .unwrap_or_default();
    let place = Some(report.place.as_str());
    lines.push(match report.status {
        Status::Ok => {
            let before = if report.done_before { " (done before)" } else { "" };
            style(format!("ok: [{host}]{arrow}{before}")).green().to_string()
        }
        Status::Changed => {
            let notes = notes(report);
            style(format!("changed: [{host}]{arrow}{notes}")).yellow().to_string()
        }
        Status::Skipped => {
            let is_news = |why: &&String| verbosity > 0 || why.starts_with("interrupted");
            let why = report.message.as_ref().filter(is_news);
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            style(format!("skipping: [{host}]{arrow}{why}")).cyan().to_string()
        }
        Status::Unreachable => failure(report, &format!("fatal: [{host}]{arrow}: UNREACHABLE! =>"), place),
        Status::Failed => match item {
            Some(item) => failure(report, &format!("failed: [{host}] (item={item}) =>"), place),
            None => failure(report, &format!("fatal: [{host}]: FAILED! =>"), place),
        },
    });
    lines.extend(warnings(report));
    let is_message = report.module == "debug" && report.status == Status::Ok;
    let is_asked_for = verbosity > 0 && matches!(report.status, Status::Ok | Status::Changed);
    if is_message || is_asked_for {
        let mut shown = report.result.clone();
        if is_message {
            shown.retain(|key, _| !["changed", "failed"].contains(&key.as_str()));
        }
        if !shown.is_empty() {
            let plain = Some(&shown).filter(|_| is_message).and_then(plain_message);
            lines.push(plain.unwrap_or_else(|| pretty(&Value::Object(shown))));
        }
    }
    lines
}

/// A message that is text, or lines of text, reads better without JSON around it.
fn plain_message(shown: &Map<String, Value>) -> Option<String> {
    let lines: Vec<&str> = match (shown.len(), shown.get("msg")?) {
        (1, Value::String(text)) => text.lines().collect(),
        (1, Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let indented: Vec<_> = lines.iter().map(|line| format!("    {line}")).collect();
    Some(indented.join("\n"))
}

/// What one module on its own (`krun exec`) has to say; as ansible writes it.
pub(super) fn of_module(report: &HostReport) -> Vec<String> {
    let mut lines = differences(report);
    let host = host(report);
    let word = match report.status {
        Status::Ok => "SUCCESS",
        Status::Changed => "CHANGED",
        Status::Skipped => "SKIPPED",
        Status::Failed => "FAILED!",
        Status::Unreachable => "UNREACHABLE!",
    };
    let coloured = |text: String| match report.status {
        Status::Ok => style(text).green().to_string(),
        Status::Changed => style(text).yellow().to_string(),
        _ => style(text).cyan().to_string(),
    };
    let output = |name: &str| report.result.get(name).and_then(Value::as_str).unwrap_or_default();
    match (report.status, report.result.get("rc")) {
        (Status::Failed | Status::Unreachable, _) => lines.push(failure(report, &format!("{host} | {word} =>"), None)),
        (Status::Skipped, _) => {
            let why = report.message.as_deref().unwrap_or("nothing was done");
            lines.push(coloured(format!("{host} | {word}: {why}")));
        }
        (_, Some(status)) => {
            lines.push(coloured(format!("{host} | {word} | rc={status} >>")));
            lines.extend(
                ["stdout", "stderr"]
                    .map(output)
                    .iter()
                    .filter(|text| !text.is_empty())
                    .map(|text| text.trim_end_matches('\n').to_owned()),
            );
        }
        (_, None) => {
            let mut shown = report.result.clone();
            shown.retain(|key, _| !["changed", "failed", "changes"].contains(&key.as_str()));
            let notes = notes(report);
            if shown.is_empty() {
                lines.push(coloured(format!("{host} | {word}{notes}")));
            } else {
                lines.push(coloured(format!("{host} | {word}{notes} =>")));
                lines.push(pretty(&Value::Object(shown)));
            }
        }
    }
    lines.extend(warnings(report));
    lines
}

fn host(report: &HostReport) -> String {
    match &report.delegated_to {
        Some(delegate) => format!("{} -> {delegate}", report.host),
        None => report.host.clone(),
    }
}

fn differences(report: &HostReport) -> Vec<String> {
    let shown = report.diff.iter().map(diff::render);
    shown.map(|text| text.trim_end().to_owned()).collect()
}

fn notes(report: &HostReport) -> String {
    if report.changes.is_empty() {
        String::new()
    } else {
        format!(" ({})", report.changes.join(", "))
    }
}

fn warnings(report: &HostReport) -> impl Iterator<Item = String> {
    report.warnings.iter().map(|warning| {
        style(format!("[WARNING]: {}: {warning}", report.host))
            .magenta()
            .to_string()
    })
}

/// What failed, why, where, and what to do.
fn failure(report: &HostReport, beginning: &str, place: Option<&str>) -> String {
    let message = readable::text(report.message.as_deref().unwrap_or("failed"));
    let mut text = style(format!("{beginning} {}", indented(message.trim())))
        .red()
        .to_string();
    for (name, label) in [("stdout", "standard output"), ("stderr", "standard error")] {
        let output = report.result.get(name).and_then(Value::as_str).unwrap_or_default();
        let output = readable::text(output.trim());
        if !output.is_empty() && !message.contains(&output) {
            text.push_str(&format!("\n  {label}:"));
            for line in last_lines(&output) {
                text.push_str(&format!("\n    {line}"));
            }
        }
    }
    match (place, &report.excerpt) {
        (Some(_), Some(excerpt)) => {
            let shown = excerpt.render(console::colors_enabled());
            text.push_str(&format!("\n{shown}"));
        }
        (Some(place), None) => text.push_str(&style(format!("\n  at {place}")).dim().to_string()),
        (None, _) => {}
    }
    if let Some(help) = &report.help {
        text.push_str(&format!("\n  {} {}", style("what to do:").bold(), indented(help)));
    }
    if report.ignored {
        text.push_str(&style("\n...ignoring").cyan().to_string());
    }
    text
}

/// Further lines stand below the first one, set off from what comes next.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ").replace("\n    \n", "\n\n")
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("    {}", indented(&text))
}
