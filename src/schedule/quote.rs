//! How words are written into unit files and shell scripts.

/// Letters that mean nothing to systemd or a shell.
fn is_plain(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_@+=:,./-".contains(letter);
    !text.is_empty() && text.chars().all(plain)
}

/// A word of a line that systemd takes apart.
pub(super) fn unit_word(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '%' => quoted.push_str("%%"),
            letter if letter.is_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(letter) & 0xff)),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A word of a command line: there a `$` means something, too.
pub(super) fn command_word(text: &str) -> String {
    unit_word(text).replace('$', "$$")
}

/// A value that stands alone behind its key.
pub(super) fn unit_value(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word of a shell script.
pub(super) fn shell_word(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/srv/a.yml", "/srv/a.yml", "/srv/a.yml")]
    #[case("", "\"\"", "''")]
    #[case("two words", "\"two words\"", "'two words'")]
    #[case("a\"b\\", "\"a\\\"b\\\\\"", "'a\"b\\'")]
    #[case("100%", "\"100%%\"", "'100%'")]
    #[case("$HOME", "\"$$HOME\"", "'$HOME'")]
    #[case("it's", "\"it's\"", "'it'\\''s'")]
    #[case("a\nb", "\"a\\nb\"", "'a\nb'")]
    #[case(";", "\";\"", "';'")]
    fn words(#[case] text: &str, #[case] unit: &str, #[case] shell: &str) {
        assert_eq!(command_word(text), unit);
        assert_eq!(shell_word(text), shell);
        assert_eq!(shlex::split(shell).unwrap(), [text]);
    }
}
