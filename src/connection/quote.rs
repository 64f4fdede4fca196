use std::fmt::Write as _;

/// Quotes a word for a POSIX shell; `None` when it holds a NUL, which no shell can carry.
pub(super) fn word(text: &str) -> Option<String> {
    shlex::try_quote(text).ok().map(std::borrow::Cow::into_owned)
}

/// Quotes a word for a login shell, which need not be a POSIX one: sh, csh and fish all take it for the same. `None` when
/// it holds a NUL.
///
/// They agree on single quotes around anything but backslashes, single quotes and (csh) exclamation marks, and on a
/// backslash before one of these outside of quotes. A newline cannot be said to csh at all.
pub(super) fn for_any_shell(text: &str) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:@,+".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    let mut quoted = String::from(if text.is_empty() { "''" } else { "" });
    let mut is_open = false;
    for character in text.chars() {
        let is_special = matches!(character, '\'' | '\\' | '!');
        if is_special == is_open {
            quoted.push('\'');
            is_open = !is_open;
        }
        if is_special {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    if is_open {
        quoted.push('\'');
    }
    Some(quoted)
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
    fn every_shell_takes_a_word_for_the_same() {
        let text = r#"it's a \ "$HOME" `id` 'nested '\''quotes'\''' !here ~ * ? [a] {b,c} %1 =ls #not ^x \\"#;
        for shell in ["dash", "bash", "busybox", "fish", "tcsh", "zsh"] {
            let options: &[&str] = match shell {
                "busybox" => &["sh", "-c"],
                "tcsh" => &["-f", "-c"],
                _ => &["-c"],
            };
            for text in [text, "", "=x", "plain"] {
                let command = format!("printf '[%s]' {}", for_any_shell(text).unwrap());
                let Ok(output) = std::process::Command::new(shell).args(options).arg(&command).output() else {
                    eprintln!("skipped: {shell} is missing");
                    continue;
                };
                let printed = String::from_utf8_lossy(&output.stdout).into_owned();
                assert_eq!(printed, format!("[{text}]"), "{shell}: {command}: {output:?}");
            }
        }
    }

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
