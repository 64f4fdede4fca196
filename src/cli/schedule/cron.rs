//! The crontabs: the system's, in files of their own, and the user's, which is one for all.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::places;
use super::store::Change;
use super::{Scope, cannot};
use crate::modules::Failure;
use crate::schedule::{BEGIN, CronTime, END, Job, crontab_line, crontab_script};

/// What has to be written for a job.
pub(super) struct Files {
    pub(super) files: Vec<Change>,
    /// The user's crontab, where it changes.
    pub(super) table: Option<Table>,
}

/// A user's crontab before and after.
pub(super) struct Table {
    pub(super) before: String,
    pub(super) after: String,
}

/// Compares what cron has with what a job wants.
pub(super) fn compare(job: &Job, time: &CronTime, scope: Scope) -> Result<Files, Failure> {
    let script = places::script(scope, &job.name)?;
    let place = script.display().to_string();
    let state = places::state(scope, &job.name)?.display().to_string();
    let mut files = Vec::new();
    files.extend(Change::of(script, Some(crontab_script(job, &state)), 0o755)?);
    let mut table = None;
    if scope == Scope::System {
        let line = crontab_line(time, Some("root"), &place);
        // Cron takes no file that others than root may write.
        files.extend(Change::of(
            places::crontabs().join(job.tag()),
            Some(job.crontab(&line)),
            0o644,
        )?);
    } else {
        table = change_table(&job.name, Some(&crontab_line(time, None, &place)))?;
    }
    Ok(Files { files, table })
}

/// What has to go.
pub(super) fn removal(name: &str, scope: Scope) -> Result<Files, Failure> {
    let mut files = Vec::new();
    let mut table = None;
    // The line first: a script that cron still calls must be there.
    if scope == Scope::System {
        files.extend(Change::of(places::crontabs().join(format!("krun-{name}")), None, 0)?);
    } else {
        table = change_table(name, None)?;
    }
    files.extend(Change::of(places::script(scope, name)?, None, 0)?);
    Ok(Files { files, table })
}

impl Files {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.table.is_none()
    }

    pub(super) fn apply(&self) -> Result<(), Failure> {
        let removes = self.files.iter().all(|file| file.after.is_none());
        if removes {
            self.write_table()?;
        }
        for file in &self.files {
            file.apply()?;
        }
        if removes { Ok(()) } else { self.write_table() }
    }

    fn write_table(&self) -> Result<(), Failure> {
        let Some(table) = &self.table else { return Ok(()) };
        let failed = |why: String| Failure::new(format!("the crontab cannot be written: {why}"));
        let mut program = Command::new("crontab")
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        if let Some(mut input) = program.stdin.take() {
            // What it says when it takes nothing follows below.
            let _ = input.write_all(table.after.as_bytes());
        }
        let output = program.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }
}

/// The user's crontab; empty where there is none.
pub(super) fn table() -> Result<String, Failure> {
    let output = Command::new("crontab")
        .arg("-l")
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| {
            Failure::new(format!("crontab cannot be run: {error}")).help("install cron, or use systemd")
        })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() || said.contains("no crontab for") {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::new(format!("`crontab -l` failed: {}", said.trim())))
}

/// The lines of a schedule in a crontab, without the marks.
pub(super) fn lines_of<'t>(table: &'t str, name: &str) -> Option<&'t str> {
    let begin = format!("{BEGIN}{name}\n");
    let start = table.find(&begin)?;
    let inner = &table[start + begin.len()..];
    inner.find(&format!("{END}{name}")).map(|end| &inner[..end])
}

/// Names of the schedules in a crontab.
pub(super) fn names_in(table: &str) -> Vec<&str> {
    table.lines().filter_map(|line| line.strip_prefix(BEGIN)).collect()
}

fn change_table(name: &str, line: Option<&str>) -> Result<Option<Table>, Failure> {
    let before = table()?;
    let after = with_lines(&before, name, line);
    Ok((before != after).then_some(Table { before, after }))
}

/// A crontab with other lines, or none, for a schedule.
fn with_lines(table: &str, name: &str, lines: Option<&str>) -> String {
    let (begin, end) = (format!("{BEGIN}{name}\n"), format!("{END}{name}\n"));
    let new = lines.map(|lines| format!("{begin}{lines}{end}")).unwrap_or_default();
    let old = lines_of(table, name).map(|old| format!("{begin}{old}{end}"));
    match old {
        Some(old) => table.replace(&old, &new),
        None if table.is_empty() || table.ends_with('\n') => format!("{table}{new}"),
        None => format!("{table}\n{new}"),
    }
}

/// What the last run has left: `began`, `ended` and `status`.
pub(super) fn last_run(scope: Scope, name: &str) -> Result<Vec<(String, i64)>, Failure> {
    let path = places::state(scope, name)?;
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| cannot("read", &path, &error))?,
    };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs
        .filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_of_a_crontab_stay() {
        let own = "MAILTO=me\n0 1 * * * other";
        let added = with_lines(own, "a", Some("0 2 * * * x\n"));
        assert_eq!(
            added,
            "MAILTO=me\n0 1 * * * other\n# BEGIN krun schedule a\n0 2 * * * x\n# END krun schedule a\n"
        );
        let both = with_lines(&added, "b", Some("0 3 * * * y\n"));
        assert_eq!(names_in(&both), ["a", "b"]);
        assert_eq!(lines_of(&both, "b"), Some("0 3 * * * y\n"));
        let changed = with_lines(&both, "a", Some("0 4 * * * x\n"));
        assert_eq!(lines_of(&changed, "a"), Some("0 4 * * * x\n"));
        assert_eq!(lines_of(&changed, "b"), Some("0 3 * * * y\n"));
        let left = with_lines(&with_lines(&changed, "a", None), "b", None);
        assert_eq!(left, format!("{own}\n"));
    }
}
