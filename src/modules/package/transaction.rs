//! The transaction that a task needs, and whether it did what it was to do.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::inquiry::{Inquiry, Wanted};
use super::{NOTHING, Package, Wish, versions};
use crate::modules::Failure;
use crate::modules::args::Flag;

/// The transaction that is needed.
pub struct Transaction {
    pub(super) manager: String,
    pub(super) verb: &'static str,
    /// `NAME` or `NAME<tab>VERSION`.
    pub(super) packages: Vec<String>,
    pub(super) is_downgrade: bool,
    /// More options of the manager, in words.
    pub(super) more: String,
    /// Versions before, by name.
    pub(super) before: Map<String, Value>,
}

impl Package {
    /// The packages that a transaction has to be about, and the names of the changes.
    pub(super) fn plan(&self, inquiry: &Inquiry) -> Result<(Transaction, Vec<String>), Failure> {
        let mut transaction = Transaction {
            manager: inquiry.manager.clone(),
            verb: if self.state == Wish::Absent {
                "remove"
            } else {
                "install"
            },
            packages: Vec::new(),
            is_downgrade: false,
            more: String::new(),
            before: inquiry.versions(),
        };
        let mut changes = Vec::new();
        for wanted in &inquiry.wanted {
            let name = &wanted.name;
            let installed = inquiry.installed.get(name).map(String::as_str);
            if *self.only_upgrade && installed.is_none() && self.state != Wish::Absent {
                continue;
            }
            let target = match self.state {
                Wish::Absent => {
                    if let Some(version) = installed {
                        // versionlock does not care for removals, dpkg does.
                        if inquiry.manager == "apt" {
                            self.refuse_held(inquiry, name, installed)?;
                        }
                        transaction.packages.push(name.clone());
                        changes.push(format!("{name} {version} removed"));
                    }
                    continue;
                }
                Wish::Present if wanted.version.is_empty() && installed.is_some() => continue,
                Wish::Present if installed.is_some_and(|version| versions::is_version(version, &wanted.version)) => {
                    continue;
                }
                Wish::Present | Wish::Latest => inquiry.newest(wanted),
            };
            let Some(target) = target else {
                if wanted.version.is_empty() {
                    inquiry.refuse_guess(wanted, self.state == Wish::Latest)?;
                    // Perhaps another package provides the name; the manager knows.
                    if installed.is_none() {
                        transaction.packages.push(name.clone());
                        changes.push(name.clone());
                    }
                    continue;
                }
                return Err(inquiry.missing(wanted));
            };
            let order = installed.map(|version| versions::compare(version, target));
            if order == Some(Ordering::Equal) || (self.state == Wish::Latest && order == Some(Ordering::Greater)) {
                continue;
            }
            self.refuse_held(inquiry, name, installed)?;
            if order == Some(Ordering::Greater) {
                if !*self.allow_downgrade {
                    let installed = installed.unwrap_or_default();
                    return Err(Failure::new(format!(
                        "{name} {installed} is newer than {target}, which was asked for"
                    ))
                    .help("set `allow_downgrade: true` if the older version is really wanted"));
                }
                transaction.is_downgrade = true;
            }
            changes.push(match installed {
                Some(version) => format!("{name} {version} → {target}"),
                None => format!("{name} {target}"),
            });
            transaction.packages.push(format!("{name}\t{target}"));
        }
        self.plan_hold(inquiry, &mut transaction, &mut changes);
        Ok((transaction, changes))
    }

    /// What is held is changed only when the task says what becomes of the hold.
    fn refuse_held(&self, inquiry: &Inquiry, name: &str, installed: Option<&str>) -> Result<(), Failure> {
        if self.hold.is_some() || *self.allow_change_held_packages || !inquiry.held.contains(name) {
            return Ok(());
        }
        let help = if self.state == Wish::Absent {
            "set `hold: false` to let it go"
        } else {
            "set `hold: true` to change it and hold it again, or `hold: false` to let it go"
        };
        Err(Failure::new(format!("{name} is held at {}", installed.unwrap_or("its version"))).help(help))
    }

    /// A hold belongs to all packages of the task, also to those whose version is right already.
    fn plan_hold(&self, inquiry: &Inquiry, transaction: &mut Transaction, changes: &mut Vec<String>) {
        let Some(Flag(hold)) = self.hold else { return };
        if self.state == Wish::Absent {
            return;
        }
        let is_wrong = |wanted: &&Wanted| inquiry.held.contains(&wanted.name) != hold;
        let wrong: Vec<_> = inquiry.wanted.iter().filter(is_wrong).collect();
        let word = if hold { "held" } else { "no longer held" };
        changes.extend(wrong.iter().map(|wanted| format!("{} {word}", wanted.name)));
        if transaction.packages.is_empty() && !wrong.is_empty() {
            transaction.verb = NOTHING;
            transaction.packages = wrong.iter().map(|wanted| wanted.name.clone()).collect();
        } else if !transaction.packages.is_empty() {
            // The hold is set for what the transaction names: it has to name them all.
            for wanted in wrong {
                let is_named = |package: &String| package.split('\t').next() == Some(&wanted.name);
                if !transaction.packages.iter().any(is_named) {
                    let version = inquiry.installed.get(&wanted.name);
                    transaction.packages.push(match version {
                        Some(version) => format!("{}\t{version}", wanted.name),
                        None => wanted.name.clone(),
                    });
                }
            }
        }
    }
}

impl Transaction {
    /// A package manager that had nothing to do ends well too (yum with an excluded package): what is there counts.
    pub(super) fn verify(&self, after: &indexmap::IndexMap<String, String>) -> Result<(), Failure> {
        for package in &self.packages {
            let (name, version) = package.split_once('\t').unwrap_or((package, ""));
            let there = after.get(name).map(String::as_str);
            let complaint = match (self.verb, there) {
                ("remove", Some(version)) => format!("{name} {version} is still installed"),
                ("install", None) if !version.is_empty() => format!("{name} was not installed"),
                ("install", Some(there)) if !version.is_empty() && versions::compare(there, version).is_ne() => {
                    format!("{name} is at {there} and not at {version}")
                }
                _ => continue,
            };
            return Err(Failure::new(format!(
                "{} reported success, but {complaint}",
                self.manager
            )));
        }
        Ok(())
    }
}
