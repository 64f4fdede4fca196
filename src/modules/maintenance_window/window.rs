//! When a window is open: pure, by days of the calendar in its time zone.

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// A window that opens on some days of the week, at the same time of the day.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// When it opens.
    pub(super) start: Time,
    /// When it closes: on the next day, unless that is later than it opens.
    pub(super) end: Time,
    /// The days on which it opens; empty: every day.
    pub(super) days: Vec<Weekday>,
    pub(super) zone: TimeZone,
}

/// How a window is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WindowState {
    /// It is open, for long enough.
    Open {
        /// When it closes.
        until: Zoned,
    },
    /// It is not, or not for long enough.
    Closed {
        /// When it closes, where it is open now.
        closes: Option<Zoned>,
        /// When it is next open for long enough; none: it never is.
        opens: Option<Zoned>,
    },
}

/// Days that are looked ahead: a week, and another one for a window that is shorter once for the change of the clock.
const DAYS_AHEAD: i64 = 15;

impl Window {
    /// How it is at a moment, for work that takes so long.
    pub(super) fn state(&self, now: Timestamp, needs: Duration) -> WindowState {
        let here = now.to_zoned(self.zone.clone());
        let needs = needs.as_secs();
        let mut closes = None;
        for (open, close) in self.openings(here.date()) {
            if close <= here {
                continue;
            }
            let is_open = open <= here;
            let from = if is_open { &here } else { &open };
            let left = close.timestamp().as_second() - from.timestamp().as_second();
            let is_enough = u64::try_from(left).is_ok_and(|left| left >= needs);
            match (is_open, is_enough) {
                (true, true) => return WindowState::Open { until: close },
                (true, false) => closes = Some(close),
                (false, true) => {
                    return WindowState::Closed {
                        closes,
                        opens: Some(open),
                    };
                }
                (false, false) => {}
            }
        }
        WindowState::Closed { closes, opens: None }
    }

    /// The times at which it is open, in order; those that meet are one.
    fn openings(&self, today: Date) -> Vec<(Zoned, Zoned)> {
        let mut openings: Vec<(Zoned, Zoned)> = Vec::new();
        for offset in -8..=DAYS_AHEAD {
            // At the ends of the calendar there is no such day, and no time zone either.
            let Ok(day) = today.checked_add(offset.days()) else {
                continue;
            };
            if !self.days.is_empty() && !self.days.contains(&day.weekday()) {
                continue;
            }
            let last = if self.end > self.start { Ok(day) } else { day.tomorrow() };
            // A time that the clock leaves out is as much later, one that comes twice is the first of the two.
            let at = |day: Date, time: Time| self.zone.to_zoned(day.to_datetime(time)).ok();
            let Some((open, close)) = at(day, self.start).zip(last.ok().and_then(|last| at(last, self.end))) else {
                continue;
            };
            match openings.last_mut() {
                Some((_, before)) if *before >= open => *before = close,
                _ => openings.push((open, close)),
            }
        }
        openings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn window(text: &str) -> Window {
        let words: Vec<&str> = text.split(' ').collect();
        let time = |text: &str| super::super::time_of_day(text).unwrap();
        Window {
            start: time(words[0]),
            end: time(words[1]),
            days: words[3..]
                .iter()
                .map(|day| super::super::weekday(day).unwrap())
                .collect(),
            zone: TimeZone::get(words[2]).unwrap(),
        }
    }

    fn shown(time: Option<Zoned>) -> String {
        time.map_or_else(
            || "never".to_owned(),
            |time| time.strftime("%a %d %H:%M%:z").to_string(),
        )
    }

    /// November 2026: the 27th is a Friday. Clocks in Berlin change on 29 March and 25 October 2026, at 2 and at 3.
    #[rstest]
    #[case::inside("22:00 23:30 UTC", "2026-11-27T22:10Z", 0, "open until Fri 27 23:30+00:00")]
    #[case::at_its_start("22:00 23:30 UTC", "2026-11-27T22:00Z", 0, "open until Fri 27 23:30+00:00")]
    #[case::at_its_end("22:00 23:30 UTC", "2026-11-27T23:30Z", 0, "opens Sat 28 22:00+00:00")]
    #[case::before("22:00 23:30 UTC", "2026-11-27T08:00Z", 0, "opens Fri 27 22:00+00:00")]
    #[case::midnight("22:00 05:00 UTC", "2026-11-28T04:59Z", 0, "open until Sat 28 05:00+00:00")]
    #[case::start_of_the_day("22:00 05:00 UTC", "2026-11-28T00:00Z", 0, "open until Sat 28 05:00+00:00")]
    #[case::after_midnight_of_its_day("22:00 05:00 UTC fri", "2026-11-28T04:00Z", 0, "open until Sat 28 05:00+00:00")]
    #[case::not_its_day("22:00 05:00 UTC sat", "2026-11-28T04:00Z", 0, "opens Sat 28 22:00+00:00")]
    #[case::days_that_meet("00:00 24:00 UTC sat sun", "2026-11-28T12:00Z", 0, "open until Mon 30 00:00+00:00")]
    #[case::next_week("10:00 12:00 UTC fri", "2026-11-27T12:00Z", 0, "opens Fri 04 10:00+00:00")]
    #[case::elsewhere("22:00 05:00 America/New_York", "2026-11-28T02:00Z", 0, "opens Fri 27 22:00-05:00")]
    #[case::elsewhere_inside(
        "22:00 05:00 America/New_York",
        "2026-11-28T03:00Z",
        0,
        "open until Sat 28 05:00-05:00"
    )]
    #[case::enough("22:00 23:30 UTC", "2026-11-27T22:30Z", 3600, "open until Fri 27 23:30+00:00")]
    #[case::not_enough(
        "22:00 23:30 UTC",
        "2026-11-27T22:31Z",
        3600,
        "closes Fri 27 23:30+00:00, opens Sat 28 22:00+00:00"
    )]
    #[case::never_enough(
        "22:00 23:30 UTC",
        "2026-11-27T22:31Z",
        5401,
        "closes Fri 27 23:30+00:00, opens never"
    )]
    #[case::enough_over_midnight(
        "00:00 24:00 UTC fri sat",
        "2026-11-27T23:00Z",
        7200,
        "open until Sun 29 00:00+00:00"
    )]
    #[case::always("00:00 00:00 UTC", "2026-11-27T12:00Z", 86400, "open until Sun 13 00:00+00:00")]
    #[case::spring_is_short("22:00 05:00 Europe/Berlin", "2026-03-28T21:00Z", 6 * 3600, "open until Sun 29 05:00+02:00")]
    #[case::spring_too_short("22:00 05:00 Europe/Berlin", "2026-03-28T21:00Z", 7 * 3600, "closes Sun 29 05:00+02:00, opens Sun 29 22:00+02:00")]
    #[case::autumn_is_long("22:00 05:00 Europe/Berlin", "2026-10-24T20:00Z", 8 * 3600, "open until Sun 25 05:00+01:00")]
    #[case::start_left_out("02:30 04:00 Europe/Berlin", "2026-03-29T00:59Z", 0, "opens Sun 29 03:30+02:00")]
    #[case::end_comes_twice("01:00 02:30 Europe/Berlin", "2026-10-25T00:15Z", 0, "open until Sun 25 02:30+02:00")]
    fn a_window_at_a_moment(#[case] text: &str, #[case] now: &str, #[case] needs: u64, #[case] expected: &str) {
        let text = if text.split(' ').count() == 2 {
            format!("{text} UTC")
        } else {
            text.to_owned()
        };
        let now: Timestamp = now.replace('Z', ":00Z").parse().unwrap();
        let said = match window(&text).state(now, Duration::from_secs(needs)) {
            WindowState::Open { until } => format!("open until {}", shown(Some(until))),
            WindowState::Closed { closes: None, opens } => format!("opens {}", shown(opens)),
            WindowState::Closed { closes, opens } => format!("closes {}, opens {}", shown(closes), shown(opens)),
        };
        assert_eq!(said, expected);
    }
}
