//! Speaking with systemd: its own programs, found on PATH.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use super::Scope;
use crate::modules::Failure;
use crate::syntax::Diagnostic;

/// A systemd that answers.
pub(super) struct Manager {
    scope: Scope,
    version: u32,
}

/// The first version whose units may say where their credentials are (`%d`).
const CREDENTIALS: u32 = 250;

impl Manager {
    /// The manager of the machine or of this user; the error says why there is none.
    pub(super) fn find(scope: Scope) -> Result<Self, String> {
        let output = program("systemctl", scope)
            .args(["show", "--property=Version"])
            .output()
            .map_err(|error| format!("systemctl cannot be run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let digits = text
            .trim()
            .trim_start_matches("Version=")
            .trim_start_matches("systemd ");
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        match digits.parse() {
            Ok(version) if output.status.success() => Ok(Self { scope, version }),
            _ => Err(said(&output)),
        }
    }

    pub(super) fn has_credentials(&self) -> bool {
        // What belongs to the user the user's services can read anyway.
        self.scope == Scope::System && self.version >= CREDENTIALS
    }

    /// Tells it to do something.
    pub(super) fn tell(&self, words: &[&str]) -> Result<(), Failure> {
        let output = self.run("systemctl", words)?;
        if output.status.success() {
            return Ok(());
        }
        Err(
            Failure::new(format!("`systemctl {}` failed: {}", words.join(" "), said(&output)))
                .help("run the same command of krun again when that is mended: it goes on from here"),
        )
    }

    /// The properties of a unit.
    pub(super) fn show(&self, unit: &str, properties: &str) -> Result<BTreeMap<String, String>, Failure> {
        let properties = format!("--property={properties}");
        let words = ["show", unit, properties.as_str()];
        let output = self.run("systemctl", &words)?;
        if !output.status.success() {
            return Err(Failure::new(format!(
                "`systemctl {}` failed: {}",
                words.join(" "),
                said(&output)
            )));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Where the log ends now; empty when nothing is in it.
    pub(super) fn log_end(&self) -> String {
        let output = self.run("journalctl", &["--quiet", "--lines=0", "--show-cursor"]);
        output.map(|output| cursor(&output).1).unwrap_or_default()
    }

    /// What a unit has printed since, and where the log ends now.
    pub(super) fn log_since(&self, unit: &str, place: &str) -> Result<(String, String), Failure> {
        let unit = format!("--unit={unit}");
        let place = if place.is_empty() {
            "--boot".to_owned()
        } else {
            format!("--after-cursor={place}")
        };
        let output = self.run(
            "journalctl",
            &["--quiet", &unit, &place, "--output=cat", "--show-cursor"],
        )?;
        Ok(cursor(&output))
    }

    /// Has what was printed written into the log; only root may ask for it, and for others it comes soon.
    pub(super) fn flush_log(&self) {
        let _ = self.run("journalctl", &["--sync"]);
    }

    fn run(&self, name: &str, words: &[&str]) -> Result<Output, Failure> {
        let output = program(name, self.scope).args(words).output();
        output.map_err(|error| Failure::new(format!("{name} cannot be run: {error}")))
    }
}

/// Text and the cursor behind it.
fn cursor(output: &Output) -> (String, String) {
    const CURSOR: &str = "-- cursor: ";
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.rfind(CURSOR) {
        Some(start) if start == 0 || text[..start].ends_with('\n') => {
            (text[..start].to_owned(), text[start + CURSOR.len()..].trim().to_owned())
        }
        _ => (text, String::new()),
    }
}

fn program(name: &str, scope: Scope) -> Command {
    let mut command = Command::new(name);
    command
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        // Times are read here: which of them are printed as numbers when that is asked for differs by version.
        .env("TZ", "UTC")
        .env("SYSTEMD_PAGER", "");
    if scope == Scope::User {
        command.arg("--user");
        if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
            let user = rustix::process::geteuid().as_raw();
            command.env("XDG_RUNTIME_DIR", format!("/run/user/{user}"));
        }
    }
    command
}

/// What a program said, in one line.
fn said(output: &Output) -> String {
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        format!("it ended with {}", output.status)
    } else {
        lines.join("; ")
    }
}

/// Has systemd look at a calendar expression; gives the next time, where it says one.
pub(super) fn check_calendar(calendar: &str) -> Result<Option<String>, Diagnostic> {
    let output = Command::new("systemd-analyze")
        .args(["calendar", calendar])
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .output();
    // Where there is none the timer is for another machine.
    let Ok(output) = output else { return Ok(None) };
    if !output.status.success() {
        return Err(
            Diagnostic::error(format!("--on: systemd takes no `{calendar}`: {}", said(&output)))
                .help("daily, weekly, monthly, hourly, mon,thu or an expression as `man systemd.time` tells"),
        );
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let next = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Next elapse: ").map(str::to_owned));
    Ok(next)
}
