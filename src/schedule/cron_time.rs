//! The part of systemd's calendar expressions that cron can say, too.

use std::fmt;

use jiff::civil::DateTime;

/// The five fields of cron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronTime {
    minute: String,
    hour: String,
    day: String,
    month: String,
    weekday: String,
}

/// Why cron cannot say an expression.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cron cannot say `{calendar}`: {reason}")]
pub struct NotInCron {
    calendar: String,
    reason: String,
}

impl fmt::Display for CronTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            minute,
            hour,
            day,
            month,
            weekday,
        } = self;
        write!(out, "{minute} {hour} {day} {month} {weekday}")
    }
}

impl CronTime {
    /// Translates a calendar expression of systemd.
    ///
    /// # Errors
    /// Cron has no such times, or they would be others there.
    pub fn of(calendar: &str) -> Result<Self, NotInCron> {
        translate(calendar).map_err(|reason| NotInCron {
            calendar: calendar.to_owned(),
            reason,
        })
    }
}

impl CronTime {
    /// Reads the five fields in front of a crontab's line.
    pub fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace().map(str::to_owned);
        Some(Self {
            minute: fields.next()?,
            hour: fields.next()?,
            day: fields.next()?,
            month: fields.next()?,
            weekday: fields.next()?,
        })
    }

    /// The first time that fits after this one, within the next years.
    pub fn next_after(&self, time: DateTime) -> Option<DateTime> {
        let fits = |field: &str, number: i8| fits(field, u32::try_from(number).unwrap_or(0));
        let minute = time.with().second(0).subsec_nanosecond(0).build().ok()?;
        let mut day = minute.date();
        // Leap days come every eight years at worst.
        for _ in 0..366 * 8 {
            let weekday = day.weekday().to_sunday_zero_offset();
            if fits(&self.month, day.month()) && fits(&self.day, day.day()) && fits(&self.weekday, weekday) {
                for hour in (0..24).filter(|hour| fits(&self.hour, *hour)) {
                    for minute in (0..60).filter(|minute| fits(&self.minute, *minute)) {
                        let found = day.at(hour, minute, 0, 0);
                        if found > time {
                            return Some(found);
                        }
                    }
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

/// Whether a field of cron has this number.
fn fits(field: &str, number: u32) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok(), last.parse().ok()),
            None if range == "*" => (Some(0), Some(u32::MAX)),
            None => (range.parse().ok(), range.parse().ok()),
        };
        let (Some(first), Some(last), Ok(step)) = (first, last, step.parse::<u32>()) else {
            return false;
        };
        (first..=last).contains(&number) && step > 0 && (number - first).is_multiple_of(step)
    })
}

/// Expressions that are one word.
const WORDS: [(&str, &str); 10] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("bi-annually", "*-01,07-01 00:00:00"),
];

fn translate(calendar: &str) -> Result<CronTime, String> {
    let lower = calendar.trim().to_ascii_lowercase();
    let known = WORDS.iter().find(|(word, _)| *word == lower);
    let text = known.map_or(calendar.trim(), |(_, meaning)| meaning);
    let mut weekday = "*".to_owned();
    let mut date = "*-*-*";
    let mut time = "00:00:00";
    let mut has_time = false;
    for (index, word) in text.split_whitespace().enumerate() {
        if index == 0
            && let Some(days) = weekdays(&word.to_ascii_lowercase())
        {
            weekday = days;
        } else if word.contains(':') && !has_time {
            (time, has_time) = (word, true);
        } else if word.contains('~') {
            return Err("it has no days that are counted from a month's end".to_owned());
        } else if word.contains('-') && !has_time {
            date = word;
        } else if has_time {
            return Err(format!("it takes the machine's time zone, not `{word}`"));
        } else {
            return Err(format!("`{word}` is no date, time or weekday"));
        }
    }
    let parts: Vec<&str> = date.split('-').collect();
    let (month, day) = match parts.as_slice() {
        ["*", month, day] | [month, day] => (*month, *day),
        [year, _, _] => return Err(format!("it has no years, and `{year}` is one")),
        _ => return Err(format!("`{date}` is no date")),
    };
    let parts: Vec<&str> = time.split(':').collect();
    let (hour, minute) = match parts.as_slice() {
        [hour, minute] | [hour, minute, "0" | "00"] => (*hour, *minute),
        [_, _, second] => return Err(format!("it counts in minutes, and `{second}` are seconds")),
        _ => return Err(format!("`{time}` is no time")),
    };
    let found = CronTime {
        minute: field(minute, 0, 59)?,
        hour: field(hour, 0, 23)?,
        day: field(day, 1, 31)?,
        month: field(month, 1, 12)?,
        weekday,
    };
    if found.day != "*" && found.weekday != "*" {
        return Err("it would take the day of the month or the weekday, where both have to fit".to_owned());
    }
    Ok(found)
}

/// A field of numbers: `*`, `0/15`, `1..5`, `1,3`.
fn field(text: &str, least: u32, most: u32) -> Result<String, String> {
    let parts: Result<Vec<String>, String> = text.split(',').map(|part| piece(part, least, most)).collect();
    let parts = parts?;
    // Beside others it says nothing more.
    Ok(if parts.iter().any(|part| part == "*") {
        "*".to_owned()
    } else {
        parts.join(",")
    })
}

fn piece(text: &str, least: u32, most: u32) -> Result<String, String> {
    let wrong = || format!("`{text}` is none of the numbers from {least} to {most}");
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| is_number);
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(wrong)
    };
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (
            range,
            Some(step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(wrong)?),
        ),
        None => (text, None),
    };
    let step = step.filter(|step| *step > 1 || !range.contains("..") && range != "*");
    let (first, last) = match range.split_once("..") {
        Some((first, last)) => (number(first)?, Some(number(last)?)),
        None if range == "*" => (least, Some(most)),
        None => (number(range)?, step.map(|_| most)),
    };
    if last.is_some_and(|last| last < first) {
        return Err(wrong());
    }
    let range = match last {
        None => first.to_string(),
        // What `*/2` counts from in fields that begin with 1 is not everywhere the same.
        Some(last) if first == least && last == most && (least == 0 || step.is_none()) => "*".to_owned(),
        Some(last) => format!("{first}-{last}"),
    };
    Ok(match step {
        Some(step) if step > 1 => format!("{range}/{step}"),
        _ => range,
    })
}

/// Weekdays as cron numbers them: `mon,thu`, `mon..fri`, in small letters.
pub(super) fn weekdays(text: &str) -> Option<String> {
    const NAMES: [&str; 7] = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let day = |name: &str| {
        let is_day = |known: &str| known == name || (name.len() == 3 && known.starts_with(name));
        NAMES.iter().position(|known| is_day(known))
    };
    let mut days = std::collections::BTreeSet::new();
    for part in text.split(',') {
        match part.split_once("..") {
            None => {
                days.insert(day(part)?);
            }
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                // Systemd's week begins on Monday, and a span may lead over its end.
                let count = (last + 7 - first) % 7;
                days.extend((0..=count).map(|step| (first + step) % 7));
            }
        }
    }
    if days.len() == 7 {
        return Some("*".to_owned());
    }
    let days: Vec<_> = days.iter().map(ToString::to_string).collect();
    Some(days.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("*-*-* 02:00:00", "0 2 * * *")]
    #[case("Mon,Thu *-*-* 02:30", "30 2 * * 1,4")]
    #[case("Mon..Fri 09:00", "0 9 * * 1,2,3,4,5")]
    #[case("Sat..Mon 09:00", "0 9 * * 0,1,6")]
    #[case("Sunday", "0 0 * * 0")]
    #[case("*-*-01 04:05:00", "5 4 1 * *")]
    #[case("*:0/15", "*/15 * * * *")]
    #[case("*:5/20", "5-59/20 * * * *")]
    #[case("*-*-* 8..18:00", "0 8-18 * * *")]
    #[case("*-*-* 8..18/2:00", "0 8-18/2 * * *")]
    #[case("06,18:00", "0 6,18 * * *")]
    #[case("01-01", "0 0 1 1 *")]
    #[case("hourly", "0 * * * *")]
    #[case("minutely", "* * * * *")]
    #[case("weekly", "0 0 * * 1")]
    #[case("quarterly", "0 0 1 1,4,7,10 *")]
    #[case("Mon..Sun *-*-02 01:00", "0 1 2 * *")]
    #[case("*-*-1/2 01:00", "0 1 1-31/2 * *")]
    fn what_cron_can_say(#[case] calendar: &str, #[case] expected: &str) {
        assert_eq!(CronTime::of(calendar).unwrap().to_string(), expected);
    }

    #[rstest]
    #[case("*-*-* 02:00:30", "seconds")]
    #[case("*:*:0/10", "seconds")]
    #[case("2027-*-* 02:00", "years")]
    #[case("*-*~01 02:00", "month's end")]
    #[case("*-*-* 02:00 UTC", "time zone")]
    #[case("Mon *-*-01 02:00", "both have to fit")]
    #[case("*-*-* 24:00", "from 0 to 23")]
    #[case("*-*-00 02:00", "from 1 to 31")]
    #[case("*-*-* 5..2:00", "`5..2`")]
    #[case("nonsense", "no date, time or weekday")]
    fn what_cron_cannot_say(#[case] calendar: &str, #[case] reason: &str) {
        let error = CronTime::of(calendar).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[rstest]
    #[case("0 2 * * *", "2026-11-27T01:59:59", "2026-11-27T02:00:00")]
    #[case("0 2 * * *", "2026-11-27T02:00:00", "2026-11-28T02:00:00")]
    #[case("*/15 * * * *", "2026-11-27T23:50:10", "2026-11-28T00:00:00")]
    #[case("30 2 * * 1,4", "2026-11-27T00:00:00", "2026-11-30T02:30:00")]
    #[case("0 0 29 2 *", "2026-11-27T00:00:00", "2028-02-29T00:00:00")]
    #[case("0 8-18/2 1 * *", "2026-11-27T00:00:00", "2026-12-01T08:00:00")]
    fn the_next_time(#[case] line: &str, #[case] now: &str, #[case] next: &str) {
        let time = CronTime::read(line).unwrap();
        assert_eq!(time.next_after(now.parse().unwrap()), Some(next.parse().unwrap()));
    }
}
