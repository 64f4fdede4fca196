//! `# krun: allow(rule, …)` in what is looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::rules;
use crate::syntax::{Diagnostic, Diagnostics, Place, SourceFile};

const MARK: &str = "krun: allow(";

/// The rules that comments switch off, by file and line.
#[derive(Default)]
pub(super) struct Allowed(HashSet<(PathBuf, usize, String)>);

impl Allowed {
    /// Reads the comments of all files; one that names no rule is reported.
    pub(super) fn read(files: &Files, diagnostics: &mut Diagnostics) -> Self {
        let mut allowed = Self::default();
        for source in files.sources() {
            let mut above: Vec<&str> = Vec::new();
            for (index, line) in source.text().lines().enumerate() {
                let own = names_in(line);
                let mut here = own.clone();
                here.append(&mut above);
                for name in &here {
                    let key = (source.path().to_owned(), index + 1, (*name).to_owned());
                    allowed.0.insert(key);
                }
                for name in &own {
                    if rules::find(name).is_none() {
                        diagnostics.push(unknown(name, source, line, index + 1));
                    }
                }
                // A comment of its own speaks of the line below it, whatever other comments stand between.
                if line.trim_start().starts_with('#') {
                    above = here;
                }
            }
        }
        allowed
    }

    pub(super) fn allows(&self, rule: &str, place: &Place) -> bool {
        let path: &Path = place.source.path();
        self.0.contains(&(path.to_owned(), place.line, rule.to_owned()))
    }
}

fn names_in(line: &str) -> Vec<&str> {
    let comment = line.find('#').map_or("", |at| &line[at..]);
    let Some(at) = comment.find(MARK) else {
        return Vec::new();
    };
    let inner = comment[at + MARK.len()..].split(')').next().unwrap_or_default();
    inner
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

fn unknown(name: &str, source: &std::sync::Arc<SourceFile>, line: &str, number: usize) -> Diagnostic {
    let before = line.find(name).map_or(0, |at| line[..at].chars().count());
    let place = Place {
        source: std::sync::Arc::clone(source),
        line: number,
        column: before + 1,
        width: name.chars().count(),
    };
    Diagnostic::warning(format!("there is no rule `{name}` to allow"))
        .called("unknown-rule")
        .at(place)
        .did_you_mean(name, rules::ALL.iter().map(|rule| rule.id))
        .help("docs/lint.md and `krun lint --rules` list the rules")
}
