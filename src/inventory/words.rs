//! Splits an INI host line into words as Python's `shlex` does, which is what Ansible's inventories are written for.

/// A word with its quotes resolved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it begins, in characters from the line's start.
    pub(super) column: usize,
    /// How many characters it spans as written.
    pub(super) width: usize,
}

/// The words of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) words: Vec<Word>,
    /// Where a `#` ended a word that it touches: most likely a part of a value that somebody forgot to quote.
    pub(super) cut_at: Option<usize>,
}

/// A quote or an escape that is not closed, and where it began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub(super) column: usize,
    pub(super) message: &'static str,
}

/// Splits a line at blanks; quotes and backslashes work as in a shell, `#` begins a comment, also inside a word.
pub(super) fn split(line: &str) -> Result<Words, Unclosed> {
    let mut result = Words::default();
    let mut current: Option<Word> = None;
    let mut chars = line.chars().enumerate().peekable();
    while let Some((column, c)) = chars.next() {
        if c.is_whitespace() {
            finish(&mut current, column, &mut result);
            continue;
        }
        if c == '#' {
            result.cut_at = current.is_some().then_some(column);
            finish(&mut current, column, &mut result);
            return Ok(result);
        }
        let word = current.get_or_insert_with(|| Word {
            text: String::new(),
            column,
            width: 0,
        });
        match c {
            '\'' => loop {
                match chars.next() {
                    Some((_, '\'')) => break,
                    Some((_, c)) => word.text.push(c),
                    None => return Err(unclosed(column, "this quote is not closed")),
                }
            },
            '"' => loop {
                match chars.next() {
                    Some((_, '"')) => break,
                    Some((_, '\\')) => match chars.next() {
                        Some((_, c)) => {
                            if !matches!(c, '"' | '\\') {
                                word.text.push('\\');
                            }
                            word.text.push(c);
                        }
                        None => return Err(unclosed(column, "this quote is not closed")),
                    },
                    Some((_, c)) => word.text.push(c),
                    None => return Err(unclosed(column, "this quote is not closed")),
                }
            },
            '\\' => match chars.next() {
                Some((_, c)) => word.text.push(c),
                None => return Err(unclosed(column, "nothing follows this backslash")),
            },
            c => word.text.push(c),
        }
    }
    finish(&mut current, line.chars().count(), &mut result);
    Ok(result)
}

fn finish(current: &mut Option<Word>, end: usize, result: &mut Words) {
    if let Some(mut word) = current.take() {
        word.width = end - word.column;
        result.words.push(word);
    }
}

fn unclosed(column: usize, message: &'static str) -> Unclosed {
    Unclosed { column, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a b=1", &["a", "b=1"])]
    #[case("a b='x y' c=\"z\"", &["a", "b=x y", "c=z"])]
    #[case("a b=\"x\\\"y\\n\"", &["a", "b=x\"y\\n"])]
    #[case("a b=x\\ y", &["a", "b=x y"])]
    #[case("a # comment", &["a"])]
    #[case("a b='x#y'", &["a", "b=x#y"])]
    #[case("a b=", &["a", "b="])]
    #[case("a ''", &["a", ""])]
    #[case("a b=\"'x'\"", &["a", "b='x'"])]
    fn lines_split_as_in_a_shell(#[case] line: &str, #[case] expected: &[&str]) {
        let words = split(line).unwrap();
        let texts: Vec<_> = words.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, expected);
        assert_eq!(words.cut_at, None);
    }

    #[test]
    fn words_know_their_place() {
        let words = split("web  port='2 2'").unwrap().words;
        assert_eq!((words[1].column, words[1].width), (5, 10));
    }

    #[test]
    fn a_comment_that_cuts_a_value_is_noticed() {
        let words = split("a password=ab#cd").unwrap();
        assert_eq!(words.words[1].text, "password=ab");
        assert_eq!(words.cut_at, Some(13));
    }

    #[test]
    fn open_quotes_are_errors_at_their_place() {
        assert_eq!(split("a b='x").unwrap_err().column, 4);
        assert_eq!(split("a b=\"x").unwrap_err().column, 4);
        assert_eq!(split("a b=x\\").unwrap_err().column, 5);
    }
}
