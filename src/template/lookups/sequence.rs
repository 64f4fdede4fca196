use std::sync::LazyLock;

use minijinja::{Error, Value};
use regex::Regex;

use super::Query;
use crate::template::pattern;

/// The most numbers that one may have.
const MOST: i64 = 1_000_000;

/// What a sequence is made of.
#[derive(Default)]
struct Fields {
    start: Option<String>,
    end: Option<String>,
    count: Option<String>,
    stride: Option<String>,
    format: Option<String>,
}

impl Fields {
    fn set(&mut self, name: &str, value: String) -> bool {
        let place = match name {
            "start" => &mut self.start,
            "end" => &mut self.end,
            "count" => &mut self.count,
            "stride" => &mut self.stride,
            "format" => &mut self.format,
            _ => return false,
        };
        *place = Some(value);
        true
    }
}

/// `start=1 end=5`, or in short `1-5/2:host%02d`.
pub(super) fn sequence(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    static SHORT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\A(?:(0?[xX]?[0-9a-fA-F]+)\s*-\s*)?(0?[xX]?[0-9a-fA-F]+)(?:\s*/\s*([0-9a-fA-F]+))?(?:\s*:\s*(.+))?\z")
    });
    let mut numbers = Vec::new();
    let mut terms = query.texts()?;
    if terms.is_empty() {
        terms.push(String::new());
    }
    for term in terms {
        let mut fields = Fields::default();
        for (name, value) in &query.options {
            fields.set(name, value.to_string());
        }
        if let Some(found) = SHORT.captures(term.trim()) {
            for (index, name) in ["start", "end", "stride", "format"].into_iter().enumerate() {
                if let Some(value) = found.get(index + 1) {
                    fields.set(name, value.as_str().to_owned());
                }
            }
        } else {
            let words = shlex::split(&term).ok_or_else(|| query.wrong("a quote has no end"))?;
            for word in words {
                let known = word
                    .split_once('=')
                    .is_some_and(|(name, value)| fields.set(name, value.to_owned()));
                if !known {
                    return Err(query.wrong(format!("`{word}` is none of start=, end=, count=, stride= and format=")));
                }
            }
        }
        numbers.extend(fields.numbers(query)?);
    }
    Ok(numbers)
}

impl Fields {
    fn numbers(&self, query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
        let number = |text: &Option<String>, otherwise: Option<i64>| match text {
            None => Ok(otherwise),
            Some(text) => read(text)
                .map(Some)
                .ok_or_else(|| query.wrong(format!("`{text}` is no number"))),
        };
        let start = number(&self.start, Some(1))?.unwrap_or(1);
        let stride = number(&self.stride, Some(1))?.unwrap_or(1);
        let end = match (number(&self.count, None)?, number(&self.end, None)?) {
            (None, None) => return Err(query.wrong("give `count` or `end`")),
            (Some(_), Some(_)) => return Err(query.wrong("give either `count` or `end`")),
            (Some(0), None) => return Ok(Vec::new()),
            (Some(count), None) => start
                .saturating_add(count.saturating_mul(stride))
                .saturating_sub(stride.signum()),
            (None, Some(end)) => end,
        };
        if stride == 0 {
            return Ok(Vec::new());
        }
        if (stride > 0 && end < start) || (stride < 0 && end > start) {
            return Err(query.wrong("the end lies on the other side: give `stride` the other sign"));
        }
        if ((i128::from(end) - i128::from(start)) / i128::from(stride)).abs() >= i128::from(MOST) {
            return Err(query.wrong(format!("these are more than {MOST} numbers")));
        }
        let format = self.format.as_deref().unwrap_or("%d");
        let mut numbers = Vec::new();
        let mut number = start;
        while (stride > 0 && number <= end) || (stride < 0 && number >= end) {
            let text = formatted(format, number)
                .ok_or_else(|| query.wrong(format!("`{format}` needs one `%` with d, x, X or o behind it")))?;
            numbers.push(Value::from(text));
            let Some(next) = number.checked_add(stride) else { break };
            number = next;
        }
        Ok(numbers)
    }
}

/// A number as C reads it: decimal, `0x…` or `0…` for octal.
fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let number = if let Some(hex) = lower.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if lower.len() > 1 && lower.starts_with('0') {
        i64::from_str_radix(lower.trim_start_matches("0o"), 8)
    } else {
        lower.parse()
    };
    number.ok().map(|number| sign * number)
}

fn formatted(format: &str, number: i64) -> Option<String> {
    static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A%([0-]*)(\d*)([dixXo])"));
    let at = format.find('%')?;
    let (before, rest) = format.split_at(at);
    let found = DIRECTIVE.captures(rest)?;
    let after = rest.get(found[0].len()..)?;
    if after.contains('%') {
        return None;
    }
    let width: usize = if found[2].is_empty() { 0 } else { found[2].parse().ok()? };
    let width = width.min(100);
    let digits = match &found[3] {
        "x" => format!("{number:x}"),
        "X" => format!("{number:X}"),
        "o" => format!("{number:o}"),
        _ => number.to_string(),
    };
    let digits = match &found[1] {
        flags if flags.contains('-') => format!("{digits:<width$}"),
        flags if flags.contains('0') => match digits.strip_prefix('-') {
            Some(digits) => format!("-{digits:0>width$}", width = width.saturating_sub(1)),
            None => format!("{digits:0>width$}"),
        },
        _ => format!("{digits:>width$}"),
    };
    Some(format!("{before}{digits}{after}"))
}
