use regex::bytes::Captures;

use super::translate::octal;
use super::{Pattern, RegexpError};

/// What a match is replaced with: text with `\1`, `\g<1>`, `\g<name>` for groups and `\n`, `\t`, `\\` and the like.
#[derive(Clone, Debug)]
pub struct Replacement {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

impl Replacement {
    /// Reads a replacement for a pattern.
    ///
    /// # Errors
    /// It names a group that the pattern does not have, or has an escape that Python does not know.
    pub fn new(text: &str, pattern: &Pattern) -> Result<Self, RegexpError> {
        read(text, pattern)
            .map(|parts| Self { parts })
            .map_err(RegexpError::replacement)
    }

    /// Adds the text for one match; a group that took no part is empty.
    pub fn expand(&self, found: &Captures<'_>, output: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => output.extend_from_slice(text),
                Part::Group(number) => {
                    output.extend_from_slice(found.get(*number).map_or(b"".as_slice(), |group| group.as_bytes()));
                }
            }
        }
    }
}

fn read(text: &str, pattern: &Pattern) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.extend_from_slice(before.as_bytes());
        let mut characters = after.chars();
        let Some(first) = characters.next() else {
            return Err("it ends with a backslash".to_owned());
        };
        if let Some((number, length)) = group(after, pattern)? {
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Group(number));
            rest = after.get(length..).unwrap_or_default();
            continue;
        }
        if let Some((value, length)) = octal(after, 3) {
            push(value, pattern, &mut plain);
            rest = after.get(length..).unwrap_or_default();
            continue;
        }
        match first {
            'a' => plain.push(7),
            'b' => plain.push(8),
            'f' => plain.push(12),
            'n' => plain.push(b'\n'),
            'r' => plain.push(b'\r'),
            't' => plain.push(b'\t'),
            'v' => plain.push(11),
            '\\' => plain.push(b'\\'),
            letter if letter.is_ascii_alphanumeric() => return Err(format!("there is no escape `\\{letter}`")),
            // Python keeps the backslash before anything that is no letter.
            other => plain.extend_from_slice(format!("\\{other}").as_bytes()),
        }
        rest = characters.as_str();
    }
    plain.extend_from_slice(rest.as_bytes());
    parts.push(Part::Text(plain));
    Ok(parts)
}

/// A character by its number: a byte where the pattern works on bytes.
fn push(character: char, pattern: &Pattern, plain: &mut Vec<u8>) {
    match u8::try_from(u32::from(character)) {
        Ok(byte) if pattern.is_bytes() => plain.push(byte),
        _ => plain.extend_from_slice(character.to_string().as_bytes()),
    }
}

/// The group that the text behind a backslash names, and the name's length.
fn group(after: &str, pattern: &Pattern) -> Result<Option<(usize, usize)>, String> {
    let (name, length) = if let Some(rest) = after.strip_prefix('g') {
        let name = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (name, _) = name.ok_or("`\\g` is followed by a group in `<>`")?;
        (name, name.len() + 3)
    } else {
        if after.starts_with('0') || octal(after, 3).is_some() {
            return Ok(None);
        }
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        (after.get(..digits).unwrap_or_default(), digits)
    };
    if length == 0 {
        return Ok(None);
    }
    let number = match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < pattern.groups()),
        Err(_) => pattern.group(name),
    };
    match number {
        Some(number) => Ok(Some((number, length))),
        None => Err(format!("the regular expression has no group `{name}`")),
    }
}
