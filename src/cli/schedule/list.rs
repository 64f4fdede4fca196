//! `krun schedule list`: when each schedule runs, and what came of the last time.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::found::{self, Found};
use super::systemd::Manager;
use super::{Scope, cron};
use crate::cli::error::EXIT_ERROR;
use crate::cli::print::{complain, print};
use crate::modules::Failure;
use crate::output::Format;

/// Exit code when the last run of a schedule failed.
const EXIT_FAILED: i32 = 2;

/// Show the schedules: when they run next, when they ran last, and how that went
///
/// Exit codes: 0 well, 1 a schedule cannot be looked at, 2 the last run of one failed.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Only those of the machine, or of this user
    #[arg(long, value_name = "SCOPE", value_enum)]
    scope: Option<Scope>,
    /// Text for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// How a schedule stands.
#[derive(Default)]
struct Standing {
    next: Option<When>,
    last: Option<When>,
    result: String,
    failed: bool,
}

/// A time as the scheduler tells it.
enum When {
    Known(Timestamp),
    Said(String),
}

impl When {
    fn text(&self) -> String {
        match self {
            Self::Known(time) => time
                .to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string(),
            Self::Said(text) => text.clone(),
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Known(time) => time.to_string(),
            Self::Said(text) => text.clone(),
        }
    }
}

/// Runs the subcommand; gives its exit code.
pub(super) fn list(args: &ListArgs) -> i32 {
    let all = match found::all(args.scope) {
        Ok(all) => all,
        Err(failure) => return crate::cli::error::Error::from(failure).print(),
    };
    if all.is_empty() {
        complain("there are no schedules: `krun schedule add` makes one");
        return 0;
    }
    let mut code = 0;
    let mut lines = Vec::new();
    let width = all
        .iter()
        .map(|found| found.name.len())
        .max()
        .unwrap_or(0)
        .max("NAME".len());
    let when = all
        .iter()
        .map(|found| found.when.chars().count())
        .max()
        .unwrap_or(0)
        .max("WHEN".len());
    if args.output == Format::Text {
        lines.push(format!(
            "{:width$}  {:when$}  {:<19}  {:<19}  {:<20}  BY",
            "NAME", "WHEN", "NEXT", "LAST", "RESULT"
        ));
    }
    for found in &all {
        let standing = look(found).unwrap_or_else(|failure| {
            complain(&format!("error: {}: {}", found.name, failure.message));
            code = code.max(EXIT_ERROR);
            Standing {
                result: "cannot be looked at".to_owned(),
                ..Standing::default()
            }
        });
        if standing.failed {
            code = EXIT_FAILED;
        }
        let clock = if found.by_cron { "cron" } else { "systemd" };
        lines.push(if args.output == Format::Json {
            serde_json::json!({
                "name": found.name, "when": found.when, "runs": found.runs, "scope": found.scope.name(), "by": clock,
                "next": standing.next.as_ref().map(When::json), "last": standing.last.as_ref().map(When::json),
                "result": standing.result, "failed": standing.failed,
            })
            .to_string()
        } else {
            let time = |time: &Option<When>| time.as_ref().map_or_else(|| "-".to_owned(), When::text);
            format!(
                "{:width$}  {:when$}  {:<19}  {:<19}  {:<20}  {clock}, {}",
                found.name,
                found.when,
                time(&standing.next),
                time(&standing.last),
                standing.result,
                found.scope.name()
            )
        });
    }
    match print(&lines.join("\n")) {
        0 => code,
        failed => failed,
    }
}

fn look(found: &Found) -> Result<Standing, Failure> {
    if found.by_cron {
        return of_cron(found);
    }
    let manager = Manager::find(found.scope)
        .map_err(|reason| Failure::new(format!("systemd ({}) does not answer: {reason}", found.scope.name())))?;
    let timer = manager.show(
        &format!("krun-{}.timer", found.name),
        "ActiveState,NextElapseUSecRealtime,LastTriggerUSec",
    )?;
    let service = manager.show(
        &found.unit(),
        "ActiveState,Result,ExecMainCode,ExecMainStatus,ExecMainStartTimestamp",
    )?;
    let of = |properties: &std::collections::BTreeMap<String, String>, name: &str| {
        properties.get(name).cloned().unwrap_or_default()
    };
    let began = time(&of(&service, "ExecMainStartTimestamp"));
    let ran = began.is_some();
    let (result, failed) = match (of(&service, "ActiveState").as_str(), of(&service, "Result").as_str()) {
        ("activating" | "active", _) => ("at work".to_owned(), false),
        (_, "success") if ran => ("well".to_owned(), false),
        // It may have run before the machine was started.
        (_, "success" | "") => ("none since boot".to_owned(), false),
        (_, "exit-code") => (format!("exit code {}", of(&service, "ExecMainStatus")), true),
        (_, "timeout") => ("took too long".to_owned(), true),
        (_, other) => (format!("failed: {other}"), true),
    };
    let is_on = of(&timer, "ActiveState") == "active";
    Ok(Standing {
        next: if is_on {
            time(&of(&timer, "NextElapseUSecRealtime"))
        } else {
            Some(When::Said("switched off".to_owned()))
        },
        last: began.or_else(|| time(&of(&timer, "LastTriggerUSec"))),
        result,
        failed,
    })
}

/// A time of systemd's: `Sat 2026-11-28 02:00:00 UTC`.
fn time(text: &str) -> Option<When> {
    if text.is_empty() || text == "n/a" {
        return None;
    }
    let inner = text.split_once(' ').and_then(|(_, time)| time.strip_suffix(" UTC"));
    let time = inner.and_then(|time| DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok());
    let time = time.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    Some(time.map_or_else(|| When::Said(text.to_owned()), |time| When::Known(time.timestamp())))
}

fn second(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
}

fn of_cron(found: &Found) -> Result<Standing, Failure> {
    let last = cron::last_run(found.scope, &found.name)?;
    let value = |wanted: &str| last.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let now = Timestamp::now().to_zoned(TimeZone::system());
    let next = found.time.as_ref().and_then(|time| time.next_after(now.datetime()));
    let next = next.and_then(|next| next.to_zoned(TimeZone::system()).ok());
    let (result, failed) = match (value("began"), value("status")) {
        (_, Some(0)) => ("well".to_owned(), false),
        (_, Some(124)) => ("took too long".to_owned(), true),
        (_, Some(code)) => (format!("exit code {code}"), true),
        // The script writes how it ended also when the run is killed; only its own death leaves this.
        (Some(_), None) => ("at work, or cut".to_owned(), false),
        (None, None) => ("none yet".to_owned(), false),
    };
    Ok(Standing {
        next: next.map(|next| When::Known(next.timestamp())),
        last: value("began").and_then(second).map(When::Known),
        result,
        failed,
    })
}
