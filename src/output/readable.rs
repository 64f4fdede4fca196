//! Lines that programs on nodes print, made fit for a person's terminal.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What says nothing to whoever waits for the end of a task.
const NOISE: [&str; 7] = ["level", "ts", "time", "caller", "logger", "msg", "stacktrace"];

/// A text of a node: no control characters but line ends, and log lines in JSON as sentences.
pub(super) fn text(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(line).collect();
    lines.join("\n")
}

/// The same for one line.
pub(super) fn line(line: &str) -> String {
    let plain = without_controls(line);
    match log_entry(&plain) {
        Some(sentence) => sentence,
        None => plain.into_owned(),
    }
}

/// Nothing that moves the cursor or changes colours: of a line that overwrites itself only the last state counts.
fn without_controls(line: &str) -> Cow<'_, str> {
    if !line.contains(char::is_control) {
        return Cow::Borrowed(line);
    }
    let line = line.trim_end_matches('\r');
    let last = line.rsplit('\r').find(|state| !state.trim().is_empty()).unwrap_or(line);
    let plain = console::strip_ansi_codes(last);
    let shown = plain.replace('\t', "    ");
    Cow::Owned(shown.chars().filter(|letter| !letter.is_control()).collect())
}

/// The sentence of a structured log line, as etcd and other programs in Go print them: `{"level":"info",…,"msg":"…"}`.
/// What stands before it on the line stays.
fn log_entry(line: &str) -> Option<String> {
    let start = line.find("{\"")?;
    let entry: Map<String, Value> = serde_json::from_str(line[start..].trim_end()).ok()?;
    let message = entry.get("msg")?.as_str()?;
    let mut sentence = line[..start].to_owned();
    match entry.get("level").and_then(Value::as_str) {
        None | Some("info" | "debug") => {}
        Some(level) => sentence.push_str(&format!("{level}: ")),
    }
    sentence.push_str(message);
    let details: Vec<_> = entry
        .iter()
        .filter(|(name, _)| !NOISE.contains(&name.as_str()))
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        })
        .collect();
    if !details.is_empty() {
        sentence.push_str(&format!(" ({})", details.join(", ")));
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain {text}", "plain {text}")]
    #[case(
        r#"{"level":"info","ts":1638300000.1,"caller":"snapshot/v3_snapshot.go:68","msg":"fetching snapshot","endpoint":"127.0.0.1:2379"}"#,
        "fetching snapshot (endpoint: 127.0.0.1:2379)"
    )]
    #[case(
        r#"saving failed: {"level":"warn","msg":"retrying","attempt":2}"#,
        "saving failed: warn: retrying (attempt: 2)"
    )]
    #[case(r#"{"a": 1}"#, r#"{"a": 1}"#)]
    #[case(r#"{"level":"info","msg":"cut o"#, r#"{"level":"info","msg":"cut o"#)]
    #[case("\u{1b}[31mred\u{1b}[0m\u{7}", "red")]
    #[case(" 10 %\r 50 %\r100 %\r", "100 %")]
    #[case("a\tb", "a    b")]
    fn lines_are_readable(#[case] printed: &str, #[case] shown: &str) {
        assert_eq!(line(printed), shown);
    }
}
