use super::translate::octal;

/// One member of a class.
enum Member {
    /// Written as itself.
    Character(char),
    /// Written as a number (`\xe9`), which in bytes is a byte.
    Number(char),
    /// `\d`, `\s`, `\w` and their opposites.
    Kind(char),
}

impl Member {
    /// Adds it to a class; false when it is a character beyond ASCII.
    fn push_to(&self, class: &mut String) -> bool {
        match *self {
            Self::Character(character) => literal(character, class),
            Self::Number(character) => number(character, class),
            Self::Kind(letter) => {
                class.push('\\');
                class.push(letter);
            }
        }
        !matches!(self, Self::Character(character) if !character.is_ascii())
    }
}

/// Rewrites a class, given what follows its opening bracket; gives its length there, the closing bracket included.
///
/// Python has neither classes within classes nor operations on them, so that `[`, `&&`, `--` and `~~` are plain there.
pub(super) fn translate_class(text: &str, bytes: bool, output: &mut String) -> Result<usize, String> {
    let mut reader = Reader { rest: text };
    let mut class = String::from("[");
    if reader.take('^') {
        class.push('^');
    }
    let mut is_first = true;
    let mut is_ascii = true;
    loop {
        if !is_first && reader.take(']') {
            break;
        }
        is_first = false;
        let low = reader.member(bytes)?;
        is_ascii &= low.push_to(&mut class);
        if reader.rest.starts_with('-') && !reader.rest.starts_with("-]") {
            reader.take('-');
            let high = reader.member(bytes)?;
            if matches!(low, Member::Kind(_)) || matches!(high, Member::Kind(_)) {
                return Err("a range in a class begins or ends with a kind of characters".to_owned());
            }
            class.push('-');
            is_ascii &= high.push_to(&mut class);
        }
    }
    class.push(']');
    if bytes && !is_ascii {
        // A written `é` is one character and not its two bytes, whatever the rest of the pattern works on.
        class = format!("(?u:{class})");
    }
    output.push_str(&class);
    Ok(text.len() - reader.rest.len())
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn take(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Result<char, String> {
        let character = self.rest.chars().next().ok_or("a `[` is not closed")?;
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or_default();
        Ok(character)
    }

    fn member(&mut self, bytes: bool) -> Result<Member, String> {
        let character = self.next()?;
        if character != '\\' {
            return Ok(Member::Character(character));
        }
        // There are no groups to refer back to in a class.
        if let Some((value, length)) = octal(self.rest, 1) {
            self.rest = self.rest.get(length..).unwrap_or_default();
            return Ok(Member::Number(value));
        }
        let letter = self.next()?;
        Ok(Member::Character(match letter {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => return Ok(Member::Kind(letter)),
            'x' => return self.number(2),
            'u' if !bytes => return self.number(4),
            'U' if !bytes => return self.number(8),
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            letter if letter.is_ascii_alphanumeric() => {
                return Err(format!("there is no escape `\\{letter}` in a class"));
            }
            other => other,
        }))
    }

    /// A character by so many hexadecimal digits.
    fn number(&mut self, digits: usize) -> Result<Member, String> {
        let incomplete = || "a character's number is incomplete".to_owned();
        let text = self.rest.get(..digits).ok_or_else(incomplete)?;
        let value = u32::from_str_radix(text, 16).map_err(|_| incomplete())?;
        self.rest = self.rest.get(digits..).unwrap_or_default();
        char::from_u32(value).map(Member::Number).ok_or_else(incomplete)
    }
}

/// Adds a character that stands for itself, in a class and outside.
pub(super) fn literal(character: char, output: &mut String) {
    if character.is_ascii_alphanumeric() || !character.is_ascii() {
        output.push(character);
    } else {
        number(character, output);
    }
}

/// Adds a character that is known by its number; where the pattern works on bytes those up to 255 are bytes.
pub(super) fn number(character: char, output: &mut String) {
    match u32::from(character) {
        value @ 0..=0xff => output.push_str(&format!("\\x{value:02X}")),
        _ => output.push(character),
    }
}
