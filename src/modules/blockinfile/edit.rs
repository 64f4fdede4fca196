use crate::regexp::Pattern;

/// Where a block goes that is not there yet.
#[derive(Debug)]
pub enum Place {
    Beginning,
    End,
    After(Pattern),
    Before(Pattern),
}

/// Lines between two markers.
#[derive(Debug)]
pub struct Block {
    /// The marker's line before the block, with its line break.
    pub begin: Vec<u8>,
    /// The marker's line behind it.
    pub end: Vec<u8>,
    /// What is between them; empty when the block is not to be there.
    pub text: Vec<u8>,
    pub place: Place,
    /// An empty line is to be before the block.
    pub prepend_newline: bool,
    /// An empty line is to be behind it.
    pub append_newline: bool,
}

const EMPTY_LINE: &[u8] = b"\n";

impl Block {
    /// The text with the block in it, or without it.
    pub fn put_into(&self, text: &[u8]) -> Vec<u8> {
        let mut lines = lines(text);
        let last = |marker: &[u8]| lines.iter().rposition(|line| *line == marker);
        let position = match (last(&self.begin), last(&self.end)) {
            (Some(begin), Some(end)) => {
                let (first, last) = (begin.min(end), begin.max(end));
                lines.drain(first..=last);
                first
            }
            _ if self.text.is_empty() => return text.to_vec(),
            _ => self.position(&lines, text),
        };
        let (before, after) = lines.split_at(position.min(lines.len()));
        let mut output = before.concat();
        if !self.text.is_empty() {
            if before.last().is_some_and(|line| !line.ends_with(b"\n")) {
                output.push(b'\n');
            }
            if self.prepend_newline && before.last().is_some_and(|line| *line != EMPTY_LINE) {
                output.extend_from_slice(EMPTY_LINE);
            }
            for part in [&self.begin, &self.text, &self.end] {
                output.extend_from_slice(part);
            }
            if self.append_newline && after.first().is_some_and(|line| *line != EMPTY_LINE) {
                output.extend_from_slice(EMPTY_LINE);
            }
        }
        output.extend(after.concat());
        output
    }

    /// Before which line a new block goes.
    fn position(&self, lines: &[&[u8]], text: &[u8]) -> usize {
        match &self.place {
            Place::Beginning => 0,
            Place::End => lines.len(),
            Place::After(pattern) => find(pattern, lines, text, |found| found.end).map_or(lines.len(), |line| line + 1),
            Place::Before(pattern) => find(pattern, lines, text, |found| found.start).unwrap_or(lines.len()),
        }
    }
}

/// The last line that a pattern matches; one with `(?m)` is tried on the whole text and may span lines.
fn find(pattern: &Pattern, lines: &[&[u8]], text: &[u8], edge: fn(std::ops::Range<usize>) -> usize) -> Option<usize> {
    if !pattern.is_multi_line() {
        return lines.iter().rposition(|line| pattern.is_match(line));
    }
    let found = edge(pattern.captures(text)?.get(0)?.range());
    let before = text.get(..found).unwrap_or_default();
    Some(memchr::memchr_iter(b'\n', before).count())
}

/// The lines with their line breaks: `\n`, `\r\n` or `\r`.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = match memchr::memchr2(b'\n', b'\r', rest) {
            Some(at) if rest.get(at..at + 2) == Some(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, after) = rest.split_at(length);
        lines.push(line);
        rest = after;
    }
    lines
}
