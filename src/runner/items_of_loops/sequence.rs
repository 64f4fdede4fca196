//! `with_sequence`: numbers from here to there, formatted.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::modules::Failure;
use crate::template;

/// A longer sequence is a mistake.
const MOST: i64 = 1_000_000;

struct Sequence {
    start: i64,
    end: i64,
    stride: i64,
    format: String,
}

/// The numbers of all terms, as texts.
pub(super) fn all(terms: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut numbers = Vec::new();
    for term in terms {
        let text = match term {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(sequence) = Sequence::parse(&text)? {
            sequence.write(&mut numbers)?;
        }
    }
    Ok(numbers)
}

impl Sequence {
    /// `start=1 end=9 stride=2 format=%02d`, `count=…`, or `1-9/2:%02d`; `None` for one without numbers.
    fn parse(text: &str) -> Result<Option<Self>, Failure> {
        static SHORT: LazyLock<Regex> =
            LazyLock::new(|| template::pattern(r"(?i)^((0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(/(0?x?[0-9a-f]+))?(:(.+))?$"));
        let (mut start, mut end, mut count, mut stride) = (1, None, None, 1);
        let mut format = "%d".to_owned();
        if let Some(found) = SHORT.captures(text.trim()) {
            let part = |number| found.get(number).map(|part| number_of(part.as_str())).transpose();
            start = part(2)?.unwrap_or(1);
            end = part(3)?;
            stride = part(5)?.unwrap_or(1);
            if let Some(given) = found.get(7) {
                given.as_str().clone_into(&mut format);
            }
        } else {
            let words = shlex::split(text).ok_or_else(|| Failure::new("a quote has no end in with_sequence"))?;
            for word in words {
                match word.split_once('=') {
                    Some(("start", value)) => start = number_of(value)?,
                    Some(("end", value)) => end = Some(number_of(value)?),
                    Some(("count", value)) => count = Some(number_of(value)?),
                    Some(("stride", value)) => stride = number_of(value)?,
                    Some(("format", value)) => value.clone_into(&mut format),
                    _ => {
                        return Err(Failure::new(format!("with_sequence does not know `{word}`"))
                            .help("it takes start, end or count, stride and format"));
                    }
                }
            }
        }
        let end = match (end, count) {
            (Some(_), Some(_)) => return Err(Failure::new("with_sequence takes `end` or `count`, not both")),
            (None, None) => return Err(Failure::new("with_sequence needs `end` or `count`")),
            (Some(end), None) => end,
            (None, Some(0)) => return Ok(None),
            (None, Some(count)) => count
                .checked_mul(stride)
                .and_then(|length| start.checked_add(length)?.checked_sub(1))
                .ok_or_else(|| Failure::new("the sequence is too long"))?,
        };
        if (stride > 0 && end < start) || (stride < 0 && end > start) {
            return Err(
                Failure::new("with_sequence never comes to its end").help("count backwards with a negative stride")
            );
        }
        Ok((stride != 0).then_some(Self {
            start,
            end,
            stride,
            format,
        }))
    }

    fn write(&self, numbers: &mut Vec<Value>) -> Result<(), Failure> {
        let length = (i128::from(self.end) - i128::from(self.start)) / i128::from(self.stride);
        if length >= i128::from(MOST) {
            return Err(Failure::new(format!("the sequence has more than {MOST} numbers")));
        }
        let format = Format::parse(&self.format)?;
        let mut number = self.start;
        while (self.stride > 0 && number <= self.end) || (self.stride < 0 && number >= self.end) {
            numbers.push(Value::from(format.apply(number)));
            match number.checked_add(self.stride) {
                Some(next) => number = next,
                None => break,
            }
        }
        Ok(())
    }
}

fn number_of(text: &str) -> Result<i64, Failure> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let lower = digits.to_lowercase();
    let parsed = match lower.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => lower.parse(),
    };
    parsed
        .map(|number| sign * number)
        .map_err(|_| Failure::new(format!("with_sequence: `{text}` is no number")))
}

/// One number in a text, in the style of printf.
struct Format {
    before: String,
    after: String,
    zeros: bool,
    left: bool,
    plus: bool,
    width: usize,
    letter: char,
}

impl Format {
    fn parse(text: &str) -> Result<Self, Failure> {
        static FORMAT: LazyLock<Regex> =
            LazyLock::new(|| template::pattern(r"^([^%]*)%([0+-]*)([0-9]{0,3})([dixXos])([^%]*)$"));
        let found = FORMAT.captures(text).ok_or_else(|| {
            Failure::new(format!("with_sequence cannot use the format `{text}`"))
                .help("it holds one number, such as %d, %02d or 0x%04x")
        })?;
        Ok(Self {
            before: found[1].to_owned(),
            zeros: found[2].contains('0'),
            left: found[2].contains('-'),
            plus: found[2].contains('+'),
            width: found[3].parse().unwrap_or_default(),
            letter: found[4].chars().next().unwrap_or('d'),
            after: found[5].to_owned(),
        })
    }

    fn apply(&self, number: i64) -> String {
        let size = number.unsigned_abs();
        let digits = match self.letter {
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' => format!("{size:o}"),
            _ => size.to_string(),
        };
        let sign = if number < 0 {
            "-"
        } else if self.plus {
            "+"
        } else {
            ""
        };
        let missing = self.width.saturating_sub(digits.len() + sign.len());
        let (before, after) = (&self.before, &self.after);
        match (self.left, self.zeros) {
            (true, _) => format!("{before}{sign}{digits}{}{after}", " ".repeat(missing)),
            (false, true) => format!("{before}{sign}{}{digits}{after}", "0".repeat(missing)),
            (false, false) => format!("{before}{}{sign}{digits}{after}", " ".repeat(missing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("3", &["1", "2", "3"])]
    #[case("5-8", &["5", "6", "7", "8"])]
    #[case("2-10/4", &["2", "6", "10"])]
    #[case("3:host%02d", &["host01", "host02", "host03"])]
    #[case("start=4 end=16 stride=4 format=n%02x", &["n04", "n08", "n0c", "n10"])]
    #[case("count=3", &["1", "2", "3"])]
    #[case("start=0 count=5 stride=2", &["0", "2", "4", "6", "8"])]
    #[case("start=0x0f00 count=2 format=%04x", &["0f00", "0f01"])]
    #[case("start=5 end=1 stride=-2", &["5", "3", "1"])]
    #[case("count=0", &[])]
    #[case("end=3 format='%-3d|'", &["1  |", "2  |", "3  |"])]
    fn as_ansible_counts(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(json!(all(&[json!(text)]).unwrap()), json!(expected));
    }

    #[rstest]
    #[case("")]
    #[case("start=1")]
    #[case("end=3 count=3")]
    #[case("start=3 end=1")]
    #[case("end=3 format=%d%d")]
    #[case("end=3 format=none")]
    #[case("end=99999999999")]
    #[case("end=three")]
    #[case("end=3 step=2")]
    #[case("start=9223372036854775807 count=9223372036854775807")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert!(all(&[json!(text)]).is_err());
    }
}
