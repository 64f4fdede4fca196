//! `--on` and `--at`: words for what is usual, or any calendar expression of systemd.

use super::cron_time::weekdays;

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// As it was said: `daily at 02:00`.
    pub words: String,
    /// The calendar expression of systemd.
    pub calendar: String,
}

/// Why `--on` and `--at` cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// `--at` is no time.
    #[error("--at: `{0}` is no time of day")]
    NoTime(String),
    /// `--at` of an hourly schedule is no minute.
    #[error("--at: `{0}` is no minute of an hour")]
    NoMinute(String),
    /// The expression has the time in it.
    #[error("--at goes with daily, weekly, monthly, hourly and weekdays: `{0}` says its times itself")]
    SaidTwice(String),
    /// Nothing at all, or several lines.
    #[error("--on: `{0}` says no time")]
    Empty(String),
}

impl WhenError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoTime(_) => "hours and minutes, as in --at 02:00",
            Self::NoMinute(_) => "a colon and two digits, as in --at :15",
            Self::SaidTwice(_) => "leave --at out, and give the time in --on: --on 'Mon *-*-* 02:00'",
            Self::Empty(_) => "daily, weekly, monthly, hourly, mon,thu or an expression: `man systemd.time`",
        }
    }
}

impl When {
    /// Reads what the command line says.
    ///
    /// # Errors
    /// The two do not go together, or `--at` is no time. Whether systemd takes an expression it has to say itself.
    pub fn parse(on: &str, at: Option<&str>) -> Result<Self, WhenError> {
        let on = on.trim();
        if on.is_empty() || on.chars().any(char::is_control) {
            return Err(WhenError::Empty(on.to_owned()));
        }
        let lower = on.to_ascii_lowercase();
        if lower == "hourly" {
            let minute = at.map_or(Ok("00".to_owned()), minute)?;
            let words = at.map_or("hourly".to_owned(), |_| format!("hourly at :{minute}"));
            return Ok(Self {
                words,
                calendar: format!("*-*-* *:{minute}:00"),
            });
        }
        let days = match lower.as_str() {
            "daily" => String::new(),
            "weekly" => "Mon ".to_owned(),
            "monthly" => String::new(),
            other => match weekdays(other) {
                Some(_) => format!("{} ", capitalised(other)),
                None if at.is_some() => return Err(WhenError::SaidTwice(on.to_owned())),
                None => {
                    return Ok(Self {
                        words: on.to_owned(),
                        calendar: on.to_owned(),
                    });
                }
            },
        };
        let time = at.map_or(Ok("00:00".to_owned()), time)?;
        let date = if lower == "monthly" { "*-*-01" } else { "*-*-*" };
        Ok(Self {
            words: format!("{lower} at {time}"),
            calendar: format!("{days}{date} {time}:00"),
        })
    }
}

/// `mon,thu` as systemd writes it.
fn capitalised(days: &str) -> String {
    let mut text = String::new();
    let mut begins = true;
    for letter in days.chars() {
        text.push(if begins { letter.to_ascii_uppercase() } else { letter });
        begins = !letter.is_ascii_alphabetic();
    }
    text
}

fn time(text: &str) -> Result<String, WhenError> {
    let wrong = || WhenError::NoTime(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let hour = number(hour, 23).ok_or_else(wrong)?;
    let minute = number(minute, 59).filter(|_| minute.len() == 2).ok_or_else(wrong)?;
    Ok(format!("{hour:02}:{minute:02}"))
}

fn minute(text: &str) -> Result<String, WhenError> {
    let minute = text.strip_prefix(':').filter(|minute| minute.len() == 2);
    let minute = minute.and_then(|minute| number(minute, 59));
    minute
        .map(|minute| format!("{minute:02}"))
        .ok_or_else(|| WhenError::NoMinute(text.to_owned()))
}

fn number(text: &str, most: u32) -> Option<u32> {
    let is_short = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_short && *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("daily", Some("02:00"), "*-*-* 02:00:00", "daily at 02:00")]
    #[case("Daily", Some("2:05"), "*-*-* 02:05:00", "daily at 02:05")]
    #[case("daily", None, "*-*-* 00:00:00", "daily at 00:00")]
    #[case("weekly", Some("23:59"), "Mon *-*-* 23:59:00", "weekly at 23:59")]
    #[case("monthly", Some("04:30"), "*-*-01 04:30:00", "monthly at 04:30")]
    #[case("hourly", None, "*-*-* *:00:00", "hourly")]
    #[case("hourly", Some(":15"), "*-*-* *:15:00", "hourly at :15")]
    #[case("mon,thu", Some("02:00"), "Mon,Thu *-*-* 02:00:00", "mon,thu at 02:00")]
    #[case("mon..fri", None, "Mon..Fri *-*-* 00:00:00", "mon..fri at 00:00")]
    #[case("*:0/15", None, "*:0/15", "*:0/15")]
    #[case("Mon *-*-* 02:00 UTC", None, "Mon *-*-* 02:00 UTC", "Mon *-*-* 02:00 UTC")]
    fn words_become_a_calendar(
        #[case] on: &str,
        #[case] at: Option<&str>,
        #[case] calendar: &str,
        #[case] words: &str,
    ) {
        let when = When::parse(on, at).unwrap();
        assert_eq!((when.calendar.as_str(), when.words.as_str()), (calendar, words));
    }

    #[rstest]
    #[case("daily", "25:00", "no time of day")]
    #[case("daily", "2", "no time of day")]
    #[case("daily", "02:5", "no time of day")]
    #[case("daily", "02:00:00", "no time of day")]
    #[case("daily", "+2:00", "no time of day")]
    #[case("hourly", "02:15", "no minute")]
    #[case("hourly", ":5", "no minute")]
    #[case("*-*-* 02:00", "03:00", "says its times itself")]
    #[case("mon,never", "03:00", "says its times itself")]
    #[case(" ", "03:00", "says no time")]
    #[case("daily\nx", "03:00", "says no time")]
    fn what_makes_no_sense_is_refused(#[case] on: &str, #[case] at: &str, #[case] expected: &str) {
        let error = When::parse(on, Some(at)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.help().is_empty());
    }
}
