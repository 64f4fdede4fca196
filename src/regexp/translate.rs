use super::Reading;
use super::class::{literal, number, translate_class};

/// Rewrites a pattern of Python's for the `regex` crate, and tells whether its `^` and `$` match at every line; the error
/// is the cause, to stand behind a colon.
pub(super) fn translate(pattern: &str, reading: Reading) -> Result<(String, bool), String> {
    let mut translation = Translation {
        reading,
        output: String::with_capacity(pattern.len() + 16),
        rest: pattern,
        at_start: true,
        multi_line: reading == Reading::Lines,
        verbose: false,
    };
    translation.run()?;
    Ok((translation.output, translation.multi_line))
}

struct Translation<'p> {
    reading: Reading,
    output: String,
    rest: &'p str,
    /// Nothing but flags for the whole pattern has been seen.
    at_start: bool,
    multi_line: bool,
    /// Blanks and comments do not count (`(?x)`).
    verbose: bool,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), String> {
        // A quantifier stands before: another one would mean something else in Python.
        let mut quantified = false;
        while let Some(character) = self.rest.chars().next() {
            if let Some(length) = quantifier(self.rest) {
                if quantified {
                    return Err(match character {
                        '+' => "possessive quantifiers (`*+`, `++`, `?+`) are beyond krun's patterns".to_owned(),
                        _ => "a quantifier follows another one".to_owned(),
                    });
                }
                self.quantifier(length);
                (quantified, self.at_start) = (true, false);
                continue;
            }
            quantified = false;
            if character != '(' {
                self.at_start = false;
            }
            self.advance(character.len_utf8());
            match character {
                '\\' => self.escape()?,
                '[' => {
                    let length = translate_class(self.rest, self.reading == Reading::Line, &mut self.output)?;
                    self.advance(length);
                }
                '(' => self.group()?,
                '{' => self.output.push_str(r"\{"),
                '}' => self.output.push_str(r"\}"),
                '$' => self.output.push_str(match self.reading {
                    // Before the line break at the end, too.
                    Reading::Line => "(?m:$)",
                    Reading::Piece if !self.multi_line => r"(?:\n?\z)",
                    _ => "$",
                }),
                '#' if self.verbose => self.advance(self.rest.find('\n').unwrap_or(self.rest.len())),
                other => self.output.push(other),
            }
        }
        Ok(())
    }

    fn advance(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Copies a quantifier; Python takes `{,3}` for `{0,3}`.
    fn quantifier(&mut self, length: usize) {
        let (text, rest) = self.rest.split_at(length);
        self.output.push_str(&text.replace("{,", "{0,"));
        self.rest = rest;
        if rest.starts_with('?') {
            self.output.push('?');
            self.advance(1);
        }
    }

    /// Behind a backslash outside of a class.
    fn escape(&mut self) -> Result<(), String> {
        let Some(character) = self.rest.chars().next() else {
            return Err("it ends with a backslash".to_owned());
        };
        if let Some((value, length)) = octal(self.rest, 3) {
            number(value, &mut self.output);
            self.advance(length);
            return Ok(());
        }
        self.advance(character.len_utf8());
        match character {
            '0'..='9' => {
                return Err(format!(
                    "it refers back to a group (`\\{character}`), which krun's patterns cannot"
                ));
            }
            'Z' => self.output.push_str(r"\z"),
            'u' | 'U' if self.reading == Reading::Line => {
                return Err(format!("there is no escape `\\{character}` here"));
            }
            'A' | 'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'u'
            | 'U' => {
                self.output.push('\\');
                self.output.push(character);
            }
            letter if letter.is_ascii_alphabetic() => return Err(format!("there is no escape `\\{letter}`")),
            other => literal(other, &mut self.output),
        }
        Ok(())
    }

    /// Behind an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        let was_start = std::mem::replace(&mut self.at_start, false);
        let Some(extension) = self.rest.strip_prefix('?') else {
            self.output.push('(');
            return Ok(());
        };
        for (mark, what) in [
            ("=", "it looks ahead (`(?=`)"),
            ("!", "it looks ahead (`(?!`)"),
            ("<=", "it looks behind (`(?<=`)"),
            ("<!", "it looks behind (`(?<!`)"),
            ("P=", "it refers back to a group (`(?P=`)"),
            ("(", "it has a condition (`(?(`)"),
            (">", "it has an atomic group (`(?>`)"),
        ] {
            if extension.starts_with(mark) {
                return Err(format!("{what}, which krun's patterns cannot"));
            }
        }
        if let Some(comment) = extension.strip_prefix('#') {
            let end = comment.find(')').ok_or("a comment is not closed")?;
            self.advance(end + 3);
            self.at_start = was_start;
            return Ok(());
        }
        for opening in [":", "P<"] {
            if extension.starts_with(opening) {
                self.output.push_str("(?");
                self.output.push_str(opening);
                self.advance(1 + opening.len());
                return Ok(());
            }
        }
        let is_flag = |c: char| !(c.is_ascii_alphabetic() || c == '-');
        let end = extension.find(is_flag).unwrap_or(extension.len());
        let (flags, behind) = extension.split_at(end);
        let is_global = behind.starts_with(')');
        if flags.is_empty() || !(is_global || behind.starts_with(':')) {
            return Err("`(?` is followed by something unknown".to_owned());
        }
        if is_global && (!was_start || flags.contains('-')) {
            return Err(format!(
                "flags for the whole pattern (`(?{flags})`) belong at its start"
            ));
        }
        self.flags(flags, is_global)?;
        self.at_start = is_global;
        self.advance(end + 2);
        Ok(())
    }

    fn flags(&mut self, flags: &str, is_global: bool) -> Result<(), String> {
        let mut kept = String::new();
        for flag in flags.chars() {
            match flag {
                'i' | 'm' | 's' | 'x' | '-' => kept.push(flag),
                // What the pattern is anyway.
                'a' if self.reading == Reading::Line => {}
                'u' if self.reading != Reading::Line => {}
                other => return Err(format!("the flag `{other}` is beyond krun's patterns")),
            }
        }
        if is_global {
            self.verbose |= kept.contains('x');
            self.multi_line |= kept.contains('m');
        }
        match (kept.as_str(), is_global) {
            ("", true) => {}
            ("", false) => self.output.push_str("(?:"),
            (kept, true) => self.output.push_str(&format!("(?{kept})")),
            (kept, false) => self.output.push_str(&format!("(?{kept}:")),
        }
        Ok(())
    }
}

/// The length of the quantifier that a text begins with; a brace that is none stands for itself.
fn quantifier(text: &str) -> Option<usize> {
    if text.starts_with(['*', '+', '?']) {
        return Some(1);
    }
    let inner = text.strip_prefix('{')?;
    let end = inner.find('}')?;
    let range = inner.get(..end)?;
    let is_range = !range.is_empty()
        && range.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
        && range.matches(',').count() <= 1;
    is_range.then_some(end + 2)
}

/// A character by its octal number (`\0`, `\012`, `\123`), and the number's length. One that does not begin with a zero
/// needs `least` digits; a shorter one is a group's.
pub(super) fn octal(text: &str, least: usize) -> Option<(char, usize)> {
    let digits = text
        .bytes()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    if digits == 0 || (digits < least && !text.starts_with('0')) {
        return None;
    }
    let value = u32::from_str_radix(text.get(..digits)?, 8).ok()?;
    Some((char::from(u8::try_from(value).ok()?), digits))
}
