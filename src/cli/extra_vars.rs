use std::path::Path;

use serde_json::Value;

use crate::syntax::{self, Diagnostic, Diagnostics, SourceFile};
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, Variable, files};

/// The values of `-e`: `name=value` gives text, a mapping or a file keeps types.
pub(super) fn read(texts: &[String], passwords: &VaultPasswords) -> Result<VarMap, Diagnostics> {
    let mut all = VarMap::new();
    let mut problems = Diagnostics::default();
    for text in texts {
        let trimmed = text.trim();
        if let Some(file) = trimmed.strip_prefix('@') {
            if let Some(written) = files::read_file(Path::new(file), passwords, &mut problems) {
                all.extend(written.vars);
            }
        } else if is_mapping(trimmed) {
            let source = SourceFile::new("--extra-vars", text.clone());
            if let Some(node) = problems.keep(syntax::parse(&source)).flatten()
                && let Some(written) = files::read_mapping(&node, "--extra-vars", passwords, &mut problems)
            {
                all.extend(written.vars);
            }
        } else if let Some(words) = shlex::split(trimmed) {
            for word in words {
                if let Some(variable) = problems.keep(variable(&word)) {
                    all.extend([variable]);
                }
            }
        } else {
            let unclosed = Diagnostic::error(format!("--extra-vars {text}: a quote has no end"));
            problems.push(unclosed.help("a quote in a value stands in quotes of the other kind"));
        }
    }
    problems.into_result(all)
}

/// JSON and YAML, as opposed to `name=value`.
fn is_mapping(text: &str) -> bool {
    let colon = text.find(": ").or_else(|| text.strip_suffix(':').map(str::len));
    let equals = text.find('=');
    text.starts_with(['{', '[']) || colon.is_some_and(|colon| equals.is_none_or(|equals| colon < equals))
}

fn variable(word: &str) -> Result<(String, std::sync::Arc<Variable>), Diagnostic> {
    let wrong = || Diagnostic::error(format!("--extra-vars: `{word}` is not NAME=VALUE"));
    match word.split_once('=') {
        Some((name, _)) if !is_name(name) => {
            Err(wrong().help("a name has letters, digits and `_`, and does not begin with a digit"))
        }
        Some((name, value)) => Ok((name.to_owned(), Variable::written(Value::from(value)))),
        None if Path::new(word).is_file() => Err(wrong().help(format!("for the variables in that file: -e @{word}"))),
        None => Err(wrong().help("a value with blanks stands in quotes: -e 'name=\"two words\"'")),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a=1 b='two words'", &[("a", "\"1\""), ("b", "\"two words\"")])]
    #[case("url=http://x: y=2", &[("url", "\"http://x:\""), ("y", "\"2\"")])]
    #[case("{\"a\": 1}", &[("a", "1")])]
    #[case("a: [1, yes]", &[("a", "[1,true]")])]
    #[case("", &[])]
    fn is_read_as_ansible_does(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        let read = read(&[text.to_owned()], &VaultPasswords::default()).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.clone(), value.raw().to_string()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read, expected);
    }

    #[rstest]
    #[case("foo", "not NAME=VALUE")]
    #[case("=1", "letters, digits")]
    #[case("my-name=1", "letters, digits")]
    #[case("a='x", "a quote has no end")]
    #[case("{\"a\": ", "not valid YAML")]
    #[case("[1, 2]", "must be a mapping")]
    #[case("@gone.yml", "there is no such file")]
    #[case("Cargo.toml", "-e @Cargo.toml")]
    fn what_cannot_be_read_is_an_error(#[case] text: &str, #[case] expected: &str) {
        let error = read(&[text.to_owned()], &VaultPasswords::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
