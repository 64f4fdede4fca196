//! Warnings about playbooks that are right and yet put a cluster at risk: what runs in which order, on how many hosts at
//! once, and with which way out. Pure: looks at what was loaded, runs nothing.

mod acts;
mod allow;
mod commands;
mod files;
mod questions;
mod rules;
mod steps;

use std::path::PathBuf;

use crate::inventory::Inventory;
use crate::playbook::{Loader, Playbook};
use crate::syntax::{Diagnostic, Diagnostics, Place, Severity};

use allow::Allowed;
use files::Files;
pub use questions::questions;
pub use rules::{ALL, find};
use steps::PlaySteps;

/// A rule: what it is called, how bad what it finds is, and what that is.
pub struct Rule {
    /// Its name, for comments and `--allow`.
    pub id: &'static str,
    /// Whether what it finds is a risk or a hint.
    pub severity: Severity,
    /// What it finds, in one line.
    pub about: &'static str,
    check: fn(&Ground<'_>, &mut Found<'_>),
}

/// What the rules look at.
struct Ground<'a> {
    plays: Vec<PlaySteps<'a>>,
    files: Files,
}

/// What one rule has found.
struct Found<'a> {
    rule: &'static Rule,
    allowed: &'a Allowed,
    diagnostics: &'a mut Diagnostics,
}

impl Found<'_> {
    /// Adds a finding, unless a comment allows it: beside it, above it, or beside the task's first line.
    fn add(&mut self, place: &Place, task: Option<&Place>, message: impl Into<String>, help: impl Into<String>) {
        self.add_finding(place, task, message.into(), help.into(), false);
    }

    /// As [`Found::add`], for a place where a secret stands.
    fn add_secret(&mut self, place: &Place, task: Option<&Place>, message: impl Into<String>, help: impl Into<String>) {
        self.add_finding(place, task, message.into(), help.into(), true);
    }

    fn add_finding(&mut self, place: &Place, task: Option<&Place>, message: String, help: String, secret: bool) {
        let allows = |place: &Place| self.allowed.allows(self.rule.id, place);
        if allows(place) || task.is_some_and(allows) {
            return;
        }
        let finding = match self.rule.severity {
            Severity::Hint => Diagnostic::hint(message),
            _ => Diagnostic::warning(message),
        };
        let finding = finding.called(self.rule.id).at(place).help(help);
        self.diagnostics
            .push(if secret { finding.without_source() } else { finding });
    }
}

/// Looks for what the rules find in playbooks that were loaded. `allow` names rules to leave out; `inventory` tells how
/// many hosts a play has, and `sources` are its files.
pub fn lint(
    playbooks: &[Playbook],
    loader: &Loader<'_>,
    inventory: Option<&Inventory>,
    sources: &[PathBuf],
    allow: &[String],
) -> Diagnostics {
    let plays = playbooks
        .iter()
        .enumerate()
        .flat_map(|(run, playbook)| playbook.plays.iter().map(move |play| (run, play)))
        .map(|(run, play)| PlaySteps::of(play, run, loader, inventory))
        .collect::<Vec<_>>();
    let files = Files::of(playbooks, &plays, sources);
    let mut diagnostics = Diagnostics::default();
    let allowed = Allowed::read(&files, &mut diagnostics);
    let ground = Ground { plays, files };
    for rule in ALL.iter().filter(|rule| !allow.iter().any(|id| id == rule.id)) {
        let mut found = Found {
            rule,
            allowed: &allowed,
            diagnostics: &mut diagnostics,
        };
        (rule.check)(&ground, &mut found);
    }
    diagnostics
}
