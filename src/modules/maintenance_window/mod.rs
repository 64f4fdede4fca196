//! `maintenance-window`: work begins only at times that were agreed.

mod window;

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, List, Text};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, RunsOn, State};
use window::{Window, WindowState};

/// Goes on only while a maintenance window is open, and for long enough; outside of it fails, or waits.
///
/// Works in krun itself, by the clock of krun's machine. In check mode a closed window is only told of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// When the window opens: `22:00`.
    start: Text,
    /// When it closes: `05:00`. A time that is not later than `start` is on the next day.
    end: Text,
    /// The days on which the window opens (`mon`, `tue` … `sun`): one that opens on `fri` may close on Saturday. Default:
    /// every day.
    #[serde(default)]
    days: Option<List>,
    /// The time zone of these times, as `Europe/Berlin`. Default: that of krun's machine.
    #[serde(default)]
    timezone: Option<Text>,
    /// Seconds that must be left until the window closes. Default: 0.
    #[serde(default)]
    needs: Count,
    /// What happens while it is closed. Default: fail.
    #[serde(default)]
    when_closed: WhenClosed,
    /// Seconds to wait at most; where the window opens later than that, the task fails at once. Default: the task's
    /// `timeout`.
    #[serde(default)]
    max_wait: Option<Count>,
}

/// What happens while the window is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WhenClosed {
    /// The task fails.
    #[default]
    Fail,
    /// It waits until the window opens.
    Wait,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// How often a wait looks at the clock: it may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);
/// How often it says what it waits for.
const SAY: Duration = Duration::from_secs(1800);

fn time_of_day(text: &str) -> Option<Time> {
    // The end of a day is the start of the next one.
    if text.trim() == "24:00" {
        return Some(Time::midnight());
    }
    Time::strptime("%H:%M", text.trim()).ok()
}

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.trim().to_lowercase();
    DAYS.iter().find(|(name, _)| *name == text).map(|(_, day)| *day)
}

/// A time between two moments, for people.
fn span(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn shown(time: &Zoned) -> String {
    time.strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

fn seconds_until(time: &Zoned, now: Timestamp) -> u64 {
    let seconds = time.timestamp().as_second() - now.as_second();
    u64::try_from(seconds).unwrap_or_default()
}

impl MaintenanceWindow {
    fn window(&self) -> Result<Window, ArgumentError> {
        let time = |option: &str, text: &Text| {
            let wrong = || ArgumentError::option(option, format!("a time is written as 22:00, this is `{text}`"));
            time_of_day(text).ok_or_else(wrong)
        };
        let (start, end) = (time("start", &self.start)?, time("end", &self.end)?);
        let days = self.days.iter().flat_map(|days| days.iter()).map(|day| {
            weekday(day).ok_or_else(|| {
                let known = DAYS.map(|(name, _)| name).join(", ");
                ArgumentError::option("days", format!("there is no day `{day}`: {known}"))
            })
        });
        let zone = match &self.timezone {
            None => TimeZone::system(),
            Some(name) => TimeZone::get(name).map_err(|error| {
                let message =
                    format!("the time zone `{name}` is not known here ({error}); a name is Europe/Berlin or UTC");
                ArgumentError::option("timezone", message)
            })?,
        };
        Ok(Window {
            start,
            end,
            days: days.collect::<Result<_, _>>()?,
            zone,
        })
    }

    fn state(&self, now: Timestamp) -> Result<WindowState, Failure> {
        let window = self.window().map_err(|error| Failure::new(error.message))?;
        Ok(window.state(now, Duration::from_secs(self.needs.0)))
    }

    /// The window in words.
    fn described(&self) -> String {
        let days = self.days.as_ref().filter(|days| !days.is_empty());
        let days = days.map_or_else(String::new, |days| format!(" on {}", days.join(", ")));
        let zone = self
            .timezone
            .as_ref()
            .map_or_else(String::new, |zone| format!(" {zone}"));
        format!("{} to {}{zone}{days}", &*self.start, &*self.end)
    }

    /// Why nothing may begin now.
    fn reason(&self, clock: Timestamp, closes: Option<&Zoned>, opens: Option<&Zoned>) -> String {
        let now = match closes {
            Some(closes) => format!(
                "the maintenance window ({}) closes at {}, and {} are needed",
                self.described(),
                shown(closes),
                span(self.needs.0)
            ),
            None => format!("the maintenance window ({}) is closed", self.described()),
        };
        match opens {
            Some(opens) => format!(
                "{now}; it opens at {} (in {})",
                shown(opens),
                span(seconds_until(opens, clock))
            ),
            None => format!("{now}; it is never open for so long"),
        }
    }

    /// Waits as far as it may.
    fn until_open(&self, context: &Context<'_>, clock: &mut dyn FnMut() -> Timestamp) -> Result<Outcome, Failure> {
        let begun = clock();
        let mut said: Option<Timestamp> = None;
        let mut now = begun;
        loop {
            let (closes, opens) = match self.state(now)? {
                WindowState::Open { until } => {
                    let waited = now.as_second() - begun.as_second();
                    return Ok(Outcome::ok().with("open_until", shown(&until)).with("waited", waited));
                }
                WindowState::Closed { closes, opens } => (closes, opens),
            };
            let reason = self.reason(now, closes.as_ref(), opens.as_ref());
            let Some(opens) = opens.filter(|_| self.when_closed == WhenClosed::Wait) else {
                return Err(Failure::new(reason).help("run it then, or go on from here with `krun resume`"));
            };
            let wait = Duration::from_secs(seconds_until(&opens, now));
            if self.max_wait.is_some_and(|most| wait > Duration::from_secs(most.0)) {
                return Err(Failure::new(reason).help("that is later than `max_wait` lets it wait"));
            }
            if wait > context.remaining()? {
                return Err(Failure::new(reason).help("that is later than the task's `timeout` lets it wait"));
            }
            if said.is_none_or(|said| (now.as_second() - said.as_second()).unsigned_abs() >= SAY.as_secs()) {
                context.report(&reason);
                said = Some(now);
            }
            context.wait(wait.clamp(Duration::from_secs(1), LOOK))?;
            now = clock();
        }
    }
}

impl Module for MaintenanceWindow {
    const NAME: &'static str = "maintenance-window";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: Only in the nights before Saturday and Sunday
  maintenance-window:
    start: \"22:00\"
    end: \"05:00\"
    days: [fri, sat]
    timezone: Europe/Berlin
    needs: 1800
  run_once: true
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        self.window()?;
        if self.max_wait.is_some() && self.when_closed == WhenClosed::Fail {
            return Err(ArgumentError::option("max_wait", "it goes with `when_closed: wait`"));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<()>, Failure> {
        let now = Timestamp::now();
        Ok(match self.state(now)? {
            WindowState::Open { until } => State::Satisfied(Outcome::ok().with("open_until", shown(&until))),
            WindowState::Closed { closes, opens } => State::Unknown {
                plan: (),
                reason: self.reason(now, closes.as_ref(), opens.as_ref()),
            },
        })
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        self.until_open(context, &mut Timestamp::now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::{Trial, run_on_controller, scripted, with_context};
    use rstest::rstest;
    use serde_json::{Value, json};

    /// A window that opens so many minutes from now, for an hour.
    fn opens_in(minutes: i64) -> (String, String) {
        let zone = TimeZone::UTC;
        let at = |minutes: i64| {
            let time = Timestamp::from_second(Timestamp::now().as_second() + minutes * 60).unwrap();
            time.to_zoned(zone.clone()).strftime("%H:%M").to_string()
        };
        (at(minutes), at(minutes + 60))
    }

    fn options(minutes: i64, more: Value) -> Value {
        let (start, end) = opens_in(minutes);
        let mut options = json!({"start": start, "end": end, "timezone": "UTC"});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        options
    }

    #[test]
    fn an_open_window_lets_the_work_begin() {
        let outcome = run_on_controller("maintenance-window", options(-10, json!({"needs": 600}))).unwrap();
        assert!(!outcome.changed && outcome.result.contains_key("open_until"));
    }

    #[rstest]
    #[case(options(10, json!({})), "is closed; it opens at", "krun resume")]
    #[case(options(-50, json!({"needs": 1800})), "and 30 min are needed", "krun resume")]
    #[case(options(-50, json!({"needs": 7200})), "never open for so long", "krun resume")]
    #[case(options(10, json!({"when_closed": "wait", "max_wait": 60})), "it opens at", "max_wait")]
    #[case(options(600, json!({"when_closed": "wait"})), "in 9 h", "timeout")]
    fn a_closed_window_says_when_it_opens(#[case] options: Value, #[case] message: &str, #[case] help: &str) {
        let failure = run_on_controller("maintenance-window", options).unwrap_err();
        assert!(failure.message.contains(message), "{}", failure.message);
        assert!(failure.help.as_deref().unwrap().contains(help), "{:?}", failure.help);
    }

    #[test]
    fn it_waits_until_the_window_opens() {
        let options = json!({"start": "22:00", "end": "23:00", "timezone": "UTC", "when_closed": "wait"});
        let module: MaintenanceWindow = serde_json::from_value(options).unwrap();
        let mut times = ["21:59:58", "21:59:59", "22:00:00"].into_iter();
        let mut clock = || format!("2026-11-27T{}Z", times.next().unwrap()).parse().unwrap();
        let (mut node, _) = scripted([]);
        let outcome = with_context(&mut node, |context| module.until_open(context, &mut clock)).unwrap();
        assert_eq!(outcome.result["waited"], 2);
    }

    #[test]
    fn check_mode_tells_and_goes_on() {
        let outcome = Trial::new("maintenance-window", options(10, json!({})))
            .check_mode()
            .run()
            .unwrap();
        assert!(outcome.skipped.is_some_and(|reason| reason.contains("it opens at")));
    }

    #[rstest]
    #[case(json!({"start": "25:00", "end": "05:00"}), "start")]
    #[case(json!({"start": "22:00", "end": "5"}), "end")]
    #[case(json!({"start": "22:00", "end": "05:00", "days": ["fri", "someday"]}), "days")]
    #[case(json!({"start": "22:00", "end": "05:00", "timezone": "Mars/Olympus"}), "timezone")]
    #[case(json!({"start": "22:00", "end": "05:00", "max_wait": 5}), "max_wait")]
    fn nonsense_is_found_before_the_run(#[case] options: Value, #[case] option: &str) {
        let error = crate::modules::find("maintenance-window")
            .unwrap()
            .validate(options)
            .unwrap_err();
        assert_eq!(error.path, option);
    }
}
