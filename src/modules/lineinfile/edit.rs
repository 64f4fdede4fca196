use crate::regexp::{Pattern, Replacement};

/// What tells the line that is meant.
#[derive(Debug)]
pub enum Sought {
    /// The line itself.
    Line,
    /// A line that the pattern matches.
    Matching(Pattern),
    /// A line with this text in it.
    Holding(Vec<u8>),
}

/// Where a line goes that is not there yet.
#[derive(Debug)]
pub enum Place {
    Beginning,
    End,
    After(Pattern),
    Before(Pattern),
}

/// A line that is to be in a text.
#[derive(Debug)]
pub struct Wanted {
    /// The line, without its line break.
    pub line: Vec<u8>,
    pub sought: Sought,
    pub place: Place,
    /// Makes the line out of the groups of the pattern; where nothing matches, the text stays.
    pub backrefs: Option<Replacement>,
    /// The first line that matches is meant, not the last.
    pub first_match: bool,
}

pub const REPLACED: &str = "line replaced";
pub const ADDED: &str = "line added";

impl Wanted {
    /// The text with the line in it, and what became of it; none when the text is right.
    pub fn put_into(&self, text: &[u8]) -> Option<(Vec<u8>, &'static str)> {
        let lines = lines(text);
        if let Some(index) = self.find(&lines) {
            return self.replace(&lines, index);
        }
        if self.backrefs.is_some() {
            return None;
        }
        let (same, place) = self.look_for_place(&lines);
        if let Some(index) = same {
            return self.replace(&lines, index);
        }
        let index = match (&self.place, place) {
            (Place::Beginning, _) => 0,
            (Place::After(_) | Place::Before(_), Some(index)) => index,
            _ => lines.len(),
        };
        // With `first_match` the look for the place ended before the line was seen.
        let is_there = |line: &&[u8]| without_break(line) == self.line;
        if matches!(self.place, Place::After(_)) && lines.get(index).is_some_and(is_there) {
            return None;
        }
        Some((insert(&lines, index, &with_break(self.line.clone())), ADDED))
    }

    /// The line that the pattern or the text names.
    fn find(&self, lines: &[&[u8]]) -> Option<usize> {
        let mut matching = lines.iter().enumerate().filter(|(_, line)| self.sought.is(line));
        let found = if self.first_match {
            matching.next()
        } else {
            matching.next_back()
        };
        found.map(|(index, _)| index)
    }

    /// The line as it is, if it is there, and else where it goes.
    fn look_for_place(&self, lines: &[&[u8]]) -> (Option<usize>, Option<usize>) {
        let (mut same, mut place) = (None, None);
        for (index, line) in lines.iter().enumerate() {
            if without_break(line) == self.line {
                same = Some(index);
                continue;
            }
            match &self.place {
                Place::After(pattern) if pattern.is_match(line) => place = Some(index + 1),
                Place::Before(pattern) if pattern.is_match(line) => place = Some(index),
                _ => continue,
            }
            if self.first_match {
                break;
            }
        }
        (same, place)
    }

    fn replace(&self, lines: &[&[u8]], index: usize) -> Option<(Vec<u8>, &'static str)> {
        let old = lines.get(index)?;
        let captures = match &self.sought {
            Sought::Matching(pattern) => pattern.captures(old),
            _ => None,
        };
        let new = match (&self.backrefs, captures) {
            (Some(replacement), Some(found)) => {
                let mut new = Vec::new();
                replacement.expand(&found, &mut new);
                new
            }
            _ => self.line.clone(),
        };
        let new = with_break(new);
        if *old == new {
            return None;
        }
        let before = lines.iter().take(index).copied();
        let after = lines.iter().skip(index + 1).copied();
        Some((
            before.chain([new.as_slice()]).chain(after).collect::<Vec<_>>().concat(),
            REPLACED,
        ))
    }
}

impl Sought {
    fn is(&self, line: &[u8]) -> bool {
        match self {
            Self::Line => false,
            Self::Matching(pattern) => pattern.is_match(line),
            Self::Holding(text) => memchr::memmem::find(line, text).is_some(),
        }
    }
}

/// The text without the lines that are meant, and how many they were.
pub fn remove_from(text: &[u8], sought: &Sought, line: &[u8]) -> (Vec<u8>, usize) {
    let is_meant = |candidate: &&[u8]| match sought {
        Sought::Line => without_break(candidate) == line,
        sought => sought.is(candidate),
    };
    let lines = lines(text);
    let kept: Vec<&[u8]> = lines.iter().copied().filter(|line| !is_meant(line)).collect();
    (kept.concat(), lines.len() - kept.len())
}

/// The lines, each with its line break.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn with_break(mut line: Vec<u8>) -> Vec<u8> {
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    line
}

fn without_break(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    line.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
}

/// Puts a line before the one at `index`; the last line gets the line break that it lacks.
fn insert(lines: &[&[u8]], index: usize, line: &[u8]) -> Vec<u8> {
    let mut output = lines.get(..index).unwrap_or(lines).concat();
    let is_open = |last: &u8| !matches!(last, b'\n' | b'\r');
    if index >= lines.len() && output.last().is_some_and(is_open) {
        output.push(b'\n');
    }
    output.extend_from_slice(line);
    output.extend(lines.get(index..).unwrap_or_default().concat());
    output
}
