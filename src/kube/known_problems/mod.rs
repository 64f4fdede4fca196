//! What is known to go wrong on the way from one version to another: data (`known_problems.yaml`), and the checks that it
//! names. docs/known-problems.md is made from it.

mod check;
mod range;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::Deserialize;

use super::preflight::Seen;
use super::preflight::report::{Findings, Severity};
use check::Check;
use range::Range;

/// The data, as it is written.
const DATA: &str = include_str!("known_problems.yaml");

/// Something that is known to go wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownProblem {
    /// Its name, to waive it by.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// Versions before the step.
    #[serde(default)]
    pub(super) from: Range,
    /// Versions after the step.
    pub(super) to: Range,
    /// How much it matters where it is found.
    pub severity: Severity,
    /// How it is found.
    pub(super) check: Check,
    /// What goes wrong.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// All of them.
pub fn all() -> &'static [KnownProblem] {
    // A test holds that it can be read.
    static ALL: LazyLock<Vec<KnownProblem>> = LazyLock::new(|| serde_yaml::from_str(DATA).unwrap_or_default());
    &ALL
}

/// Looks for those that belong to a step on the way.
pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for problem in all() {
        let step = seen
            .hops
            .iter()
            .position(|hop| problem.from.holds(&hop.from) && problem.to.holds(&hop.version));
        let Some(step) = step else { continue };
        for found in problem.check.find(seen) {
            let later = step > 0 && problem.check.may_change_on_the_way();
            let severity = if found.is_seen_to {
                Severity::Note
            } else if later {
                problem.severity.max(Severity::Warn)
            } else {
                problem.severity
            };
            let hop = &seen.hops[step];
            let at = format!("on the way from {} to {}", hop.from.series(), hop.version.series());
            let detail = if found.detail.is_empty() {
                at
            } else {
                format!("{}; {at}", found.detail)
            };
            let remedy = found.remedy.unwrap_or_else(|| problem.remedy.trim_end().to_owned());
            findings.add(
                severity,
                &problem.id,
                found.node.as_deref(),
                format!(
                    "{} ({detail}). {}",
                    problem.title,
                    problem.text.trim_end().replace('\n', " ")
                ),
                remedy,
            );
        }
    }
}

/// docs/known-problems.md.
#[cfg(test)]
fn page() -> String {
    let mut page = include_str!("page.md").to_owned();
    for problem in all() {
        page.push_str(&format!(
            "\n## {}\n\n`{}`, {}: from {} to {}. {}\n\n{}\n\n",
            problem.title,
            problem.id,
            problem.severity.word(),
            problem.from.words(),
            problem.to.words(),
            problem.check.words(),
            problem.text.trim_end()
        ));
        for line in problem.remedy.trim_end().lines() {
            page.push_str(&format!("    {line}\n"));
        }
    }
    page
}
