//! The form of ansible.cfg: sections, `key = value` or `key: value`, comments, values that go on in indented lines.

use std::sync::Arc;

use crate::syntax::{Diagnostic, Diagnostics, Place, SourceFile};

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) section: String,
    /// In small letters, as Python reads it.
    pub(super) key: String,
    pub(super) value: String,
    pub(super) key_place: Place,
    pub(super) value_place: Place,
}

/// Reads what Python's configparser would.
pub(super) fn read(source: &Arc<SourceFile>, problems: &mut Diagnostics) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut section: Option<String> = None;
    let mut goes_on = false;
    for (index, text) in source.text().lines().enumerate() {
        let at = |start: usize, part: &str| Place {
            source: Arc::clone(source),
            line: index + 1,
            column: text[..start].chars().count() + 1,
            width: part.chars().count().max(1),
        };
        let content = without_comment(text);
        let trimmed = content.trim();
        if trimmed.is_empty() {
            goes_on &= text.trim().starts_with(['#', ';']);
            continue;
        }
        let start = content.len() - content.trim_start().len();
        if start > 0
            && goes_on
            && let Some(last) = lines.last_mut()
        {
            last.value.push('\n');
            last.value.push_str(trimmed);
            continue;
        }
        goes_on = false;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = Some(name.0.to_owned());
            continue;
        }
        let Some(section) = &section else {
            let error = Diagnostic::error("this stands in no section").at(at(start, trimmed));
            problems.push(error.help("write `[defaults]` above it"));
            return lines;
        };
        let Some(sign) = trimmed.find(['=', ':']) else {
            problems.push(Diagnostic::error("this is no `key = value`").at(at(start, trimmed)));
            continue;
        };
        let (key, value) = (trimmed[..sign].trim_end(), trimmed[sign + 1..].trim_start());
        let value_start = start + trimmed.len() - value.len();
        let line = Line {
            section: section.clone(),
            key: key.to_lowercase(),
            value: value.to_owned(),
            key_place: at(start, key),
            value_place: at(value_start.min(text.len()), value),
        };
        if lines
            .iter()
            .any(|known| (&known.section, &known.key) == (&line.section, &line.key))
        {
            problems.push(Diagnostic::error(format!("`{}` stands here a second time", line.key)).at(&line.key_place));
        }
        lines.push(line);
        goes_on = true;
    }
    lines
}

/// A comment begins a line, or stands behind a blank and a `;`.
fn without_comment(text: &str) -> &str {
    if text.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let inline = text
        .match_indices(';')
        .map(|(at, _)| at)
        .find(|&at| text[..at].ends_with(char::is_whitespace));
    &text[..inline.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<(String, String, String)>, Diagnostics) {
        let mut problems = Diagnostics::default();
        let lines = read(&SourceFile::new("ansible.cfg", text), &mut problems);
        let lines = lines.into_iter().map(|line| (line.section, line.key, line.value));
        (lines.collect(), problems)
    }

    #[test]
    fn it_is_read_as_python_does() {
        let text = "# first\n[defaults]\nForks = 8 ; many\nroles_path: a:b\n; x = 1\nlist = a,\n   b\n\n[ssh_connection]\nssh_args=-o A=b\nempty =\n";
        let (lines, problems) = lines(text);
        let expected = [
            ("defaults", "forks", "8"),
            ("defaults", "roles_path", "a:b"),
            ("defaults", "list", "a,\nb"),
            ("ssh_connection", "ssh_args", "-o A=b"),
            ("ssh_connection", "empty", ""),
        ];
        let expected = expected.map(|(section, key, value)| (section.to_owned(), key.to_owned(), value.to_owned()));
        assert_eq!(lines, expected);
        assert!(problems.is_empty(), "{problems}");
    }

    #[test]
    fn what_python_refuses_is_an_error() {
        for (text, expected) in [
            ("forks = 1\n", "ansible.cfg:1:1"),
            ("[defaults]\nforks\n", "ansible.cfg:2:1"),
            ("[defaults]\nforks = 1\nforks = 2\n", "a second time"),
        ] {
            let (_, problems) = lines(text);
            assert!(problems.to_string().contains(expected), "{problems}");
        }
    }
}
