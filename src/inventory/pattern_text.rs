//! The text of a host pattern: where its parts end, and what one part is made of.

use regex::{Regex, RegexBuilder};

use super::address::is_host_pattern;
use super::patterns::PatternError;

/// Largest compiled size of a pattern's regular expression.
const REGEX_LIMIT: usize = 1 << 20;

/// Splits a pattern into its parts.
///
/// A comma separates if there is one; if not, a colon does, except where it belongs to an address or a range.
pub(super) fn split(text: &str) -> Result<Vec<&str>, PatternError> {
    let parts: Vec<&str> = if text.contains(',') {
        text.split(',').collect()
    } else if is_host_pattern(text.trim()) {
        vec![text]
    } else {
        split_at_colons(text)?
    };
    Ok(parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect())
}

fn split_at_colons(text: &str) -> Result<Vec<&str>, PatternError> {
    let unbalanced = || PatternError::Invalid {
        part: text.to_owned(),
        reason: "its brackets are not balanced".to_owned(),
    };
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => inside = true,
            ']' if !inside => return Err(unbalanced()),
            ']' => inside = false,
            c if !inside && (c == ':' || c.is_whitespace()) => {
                parts.push(&text[begin..at]);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if inside {
        return Err(unbalanced());
    }
    parts.push(&text[begin..]);
    Ok(parts)
}

/// Which of the matching hosts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscript {
    /// `[2]`, `[-1]`
    One(i64),
    /// `[0:2]`, `[1:]`; the end is included.
    Range(usize, Option<usize>),
}

/// Takes the subscript off a part: `masters[0]` gives `masters` and the first host.
pub(super) fn split_subscript(part: &str) -> Result<(&str, Option<Subscript>), PatternError> {
    let whole = Ok((part, None));
    if part.starts_with('~') {
        return whole;
    }
    let Some((name, inside)) = part.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) else {
        return whole;
    };
    if name.is_empty() {
        return whole;
    }
    let invalid = |reason: String| PatternError::Invalid {
        part: part.to_owned(),
        reason,
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let too_large = |_| invalid("the number is too large".to_owned());
    if is_number(inside.strip_prefix('-').unwrap_or(inside)) {
        let position = inside.parse().map_err(too_large)?;
        return Ok((name, Some(Subscript::One(position))));
    }
    if let Some((begin, end)) = inside.split_once('-')
        && is_number(begin)
        && (end.is_empty() || is_number(end))
    {
        return Err(invalid(format!("positions are written `{name}[{begin}:{end}]`")));
    }
    let Some((begin, end)) = inside.split_once(':') else {
        return whole;
    };
    if !is_number(begin) || !(end.is_empty() || is_number(end)) {
        return whole;
    }
    let begin: usize = begin
        .parse()
        .map_err(|_| invalid("the number is too large".to_owned()))?;
    let end: Option<usize> = match end {
        "" => None,
        end => Some(end.parse().map_err(|_| invalid("the number is too large".to_owned()))?),
    };
    if end.is_some_and(|end| end < begin) {
        return Err(invalid("the range ends before it begins".to_owned()));
    }
    Ok((name, Some(Subscript::Range(begin, end))))
}

/// What names are compared with.
#[derive(Debug)]
pub(super) enum Matcher {
    /// The name itself.
    Name,
    /// A name with wildcards.
    Glob(Regex),
    /// `~…`
    Regex(Regex),
}

impl Matcher {
    pub(super) fn of(expression: &str) -> Result<Self, PatternError> {
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(REGEX_LIMIT)
                .build()
                .map_err(|error| PatternError::Invalid {
                    part: expression.to_owned(),
                    reason: match error {
                        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
                        error => last_line(&error.to_string()),
                    },
                })
        };
        if let Some(pattern) = expression.strip_prefix('~') {
            // It must match from the name's beginning, and need not reach its end.
            return compile(&format!("^(?:{pattern})")).map(Self::Regex);
        }
        if expression.contains(['*', '?', '[']) {
            return compile(&glob_to_regex(expression)).map(Self::Glob);
        }
        Ok(Self::Name)
    }

    pub(super) fn matches(&self, expression: &str, name: &str) -> bool {
        match self {
            Self::Name => expression == name,
            Self::Glob(regex) | Self::Regex(regex) => regex.is_match(name),
        }
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Whether a shell glob means a text.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    regex::Regex::new(&glob_to_regex(glob)).is_ok_and(|regex| regex.is_match(text))
}

/// A shell glob as a regular expression: `*`, `?`, `[abc]`, `[!a-c]`.
fn glob_to_regex(glob: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class_end(rest) {
                Some(end) => {
                    let (negated, class) = match rest[..end].strip_prefix('!') {
                        Some(class) => ("^", class),
                        None => ("", &rest[..end]),
                    };
                    regex.push('[');
                    regex.push_str(negated);
                    for c in class.chars() {
                        if c.is_ascii_punctuation() && c != '-' {
                            regex.push('\\');
                        }
                        regex.push(c);
                    }
                    regex.push(']');
                    rest = &rest[end + 1..];
                }
                None => regex.push_str("\\["),
            },
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}

/// Where the bracket closes; a `]` that stands first is a member of the class.
fn class_end(text: &str) -> Option<usize> {
    let skip = usize::from(text.starts_with('!'));
    let skip = skip + usize::from(text[skip..].starts_with(']'));
    text[skip..].find(']').map(|at| at + skip)
}
