use std::fmt;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::translate::translate;
use super::{RegexpError, Replacement};

/// What a pattern is used for: this decides what `^`, `$`, `.` and `\w` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// To search one line, its line break included, as bytes: `\w` are ASCII letters.
    Line,
    /// To search a text of several lines: `^` and `$` match at each of them.
    Lines,
    /// To find a piece of a text: `.` matches line breaks too, `^` and `$` match at the text's ends.
    Piece,
}

/// A compiled pattern.
#[derive(Clone)]
pub struct Pattern {
    regex: Regex,
    reading: Reading,
    multi_line: bool,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.regex.as_str())
    }
}

impl Pattern {
    /// Compiles a pattern in Python's spelling.
    ///
    /// # Errors
    /// It is no pattern, or needs what the `regex` crate does not have.
    pub fn new(text: &str, reading: Reading) -> Result<Self, RegexpError> {
        let (translated, multi_line) = translate(text, reading).map_err(RegexpError::pattern)?;
        let regex = RegexBuilder::new(&translated)
            .unicode(reading != Reading::Line)
            .multi_line(reading == Reading::Lines)
            .dot_matches_new_line(reading == Reading::Piece)
            .build()
            .map_err(|error| RegexpError::pattern(cause(&error)))?;
        Ok(Self {
            regex,
            reading,
            multi_line,
        })
    }

    /// `^` and `$` match at every line, by its reading or by its own `(?m)`.
    pub fn is_multi_line(&self) -> bool {
        self.multi_line
    }

    /// It matches somewhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The first match with its groups.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    /// `text` with every match replaced, and how many there were.
    ///
    /// As in Python an empty match may follow a match directly: `x*` matches twice in `x`.
    pub fn substitute(&self, text: &[u8], replacement: &Replacement) -> (Vec<u8>, usize) {
        let mut output = Vec::with_capacity(text.len());
        let (mut copied, mut from, mut count) = (0, 0, 0);
        let mut emptied = None;
        while from <= text.len() {
            let Some(captures) = self.regex.captures_at(text, from) else {
                break;
            };
            let Some(found) = captures.get(0) else { break };
            if found.is_empty() && emptied == Some(found.start()) {
                from += self.step(text, from);
                continue;
            }
            output.extend_from_slice(text.get(copied..found.start()).unwrap_or_default());
            replacement.expand(&captures, &mut output);
            count += 1;
            (copied, from) = (found.end(), found.end());
            emptied = found.is_empty().then_some(found.end());
        }
        output.extend_from_slice(text.get(copied..).unwrap_or_default());
        (output, count)
    }

    /// How many groups it has, the whole match among them.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len()
    }

    /// The number of a named group.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|known| known == Some(name))
    }

    /// It works on bytes, not on characters.
    pub(super) fn is_bytes(&self) -> bool {
        self.reading == Reading::Line
    }

    /// The length of the character at a position.
    fn step(&self, text: &[u8], at: usize) -> usize {
        let continues = |byte: &&u8| !self.is_bytes() && **byte & 0xc0 == 0x80;
        1 + text
            .get(at + 1..)
            .unwrap_or_default()
            .iter()
            .take_while(continues)
            .count()
    }
}

/// The crate's last line says it; those before show the translated pattern, which nobody has written.
fn cause(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or("syntax error").trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}
