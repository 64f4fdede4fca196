//! Points in time: `now()`, `strftime`, `to_datetime`.

use std::fmt;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Object, ObjectRepr, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::arguments::{Arguments, More, refusal};
use super::chance;
use super::registry::Registry;

/// How Ansible's `to_datetime` reads a text unless told otherwise.
const READ: &str = "%Y-%m-%d %H:%M:%S";

/// A point in time with Python's methods; its text is that of Python.
#[derive(Clone)]
struct Moment(Zoned);

pub(super) fn functions(engine: &mut Environment<'static>) {
    engine.add_function("now", now);
}

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("strftime", |format: String, values: More| {
        let arguments = Arguments::read("strftime", &["second", "utc"], values)?;
        let zone = if arguments.flag("utc", false) {
            TimeZone::UTC
        } else {
            TimeZone::system()
        };
        let moment = match arguments.get("second") {
            None => {
                chance::note();
                Timestamp::now()
            }
            Some(second) => seconds(second)?,
        };
        format_as("strftime", &format, &moment.to_zoned(zone))
    });
    registry.filter("to_datetime", |text: String, format: Option<String>| {
        let format = format.unwrap_or_else(|| READ.to_owned());
        let wrong = |error| refusal(format!("`to_datetime`: `{text}` is not written as `{format}`: {error}"));
        let read = DateTime::strptime(&format, &text).map_err(wrong)?;
        let moment = read.to_zoned(TimeZone::UTC).map_err(wrong)?;
        Ok::<_, Error>(Value::from_object(Moment(moment)))
    });
}

fn seconds(value: &Value) -> Result<Timestamp, Error> {
    let wrong = || refusal("`strftime`: `second` is a number of seconds since 1970");
    let number: f64 = match value.as_str() {
        Some(text) => text.trim().parse().map_err(|_| wrong())?,
        None => f64::try_from(value.clone()).map_err(|_| wrong())?,
    };
    let span = jiff::SignedDuration::try_from_secs_f64(number).map_err(|_| wrong())?;
    Timestamp::from_duration(span).map_err(|_| wrong())
}

fn format_as(what: &str, format: &str, moment: &Zoned) -> Result<String, Error> {
    strtime::format(format, moment).map_err(|error| refusal(format!("`{what}`: `{format}`: {error}")))
}

/// Ansible's `now(utc=False, fmt=None)`.
fn now(values: More) -> Result<Value, Error> {
    chance::note();
    let arguments = Arguments::read("now", &["utc", "fmt"], values)?;
    let zone = if arguments.flag("utc", false) {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let moment = Timestamp::now().to_zoned(zone);
    match arguments.text("fmt") {
        Some(format) => format_as("now", &format, &moment).map(Value::from),
        None => Ok(Value::from_object(Moment(moment))),
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text(' '))
    }
}

impl Moment {
    fn text(&self, between: char) -> String {
        let fraction = if self.0.subsec_nanosecond() == 0 { "" } else { ".%6f" };
        self.0
            .strftime(&format!("%Y-%m-%d{between}%H:%M:%S{fraction}"))
            .to_string()
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text(' '))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let moment = &self.0;
        Some(match key.as_str()? {
            "year" => Value::from(moment.year()),
            "month" => Value::from(moment.month()),
            "day" => Value::from(moment.day()),
            "hour" => Value::from(moment.hour()),
            "minute" => Value::from(moment.minute()),
            "second" => Value::from(moment.second()),
            "microsecond" => Value::from(moment.subsec_nanosecond() / 1000),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (format,): (String,) = from_args(args)?;
                format_as("strftime", &format, &self.0).map(Value::from)
            }
            "isoformat" => Ok(Value::from(self.text('T'))),
            "date" => Ok(Value::from(self.0.strftime("%Y-%m-%d").to_string())),
            "time" => Ok(Value::from(self.0.strftime("%H:%M:%S").to_string())),
            "weekday" => Ok(Value::from(self.0.weekday().to_monday_zero_offset())),
            "isoweekday" => Ok(Value::from(self.0.weekday().to_monday_one_offset())),
            "timestamp" => Ok(Value::from(self.0.timestamp().as_duration().as_secs_f64())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
