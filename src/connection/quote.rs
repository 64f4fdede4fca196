use std::fmt::Write as _;

/// Quotes a word for a POSIX shell; `None` when it holds a NUL, which no shell can carry.
pub(super) fn word(text: &str) -> Option<String> {
    shlex::try_quote(text).ok().map(std::borrow::Cow::into_owned)
}

/// Writes bytes as a quoted format for the shell's `printf`, which can give back any byte, NUL included.
pub(super) fn printf_format(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len() + bytes.len() / 8 + 2);
    format.push('\'');
    for (position, &byte) in bytes.iter().enumerate() {
        match byte {
            // A minus in front would begin an option.
            b'-' if position == 0 => format.push_str("\\055"),
            b'%' => format.push_str("%%"),
            b'\n' | b' '..=b'~' if !matches!(byte, b'\'' | b'\\') => format.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(format, "\\{byte:03o}");
            }
        }
    }
    format.push('\'');
    format
}

/// True for what POSIX allows as the name of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_a_format() {
        assert_eq!(printf_format(b"-a%\\'\0\xff\n"), "'\\055a%%\\134\\047\\000\\377\n'");
    }

    #[test]
    fn names_of_variables() {
        assert!(is_variable_name("_A1"));
        for wrong in ["", "1A", "A-B", "A B", "A=B", "É"] {
            assert!(!is_variable_name(wrong), "{wrong}");
        }
    }
}
