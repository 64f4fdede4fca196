//! The `package` module: dnf 4, dnf 5, yum and apt behind one set of options.

mod inquiry;
mod versions;

use std::cmp::Ordering;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connection::{Request, Script};

use super::args::{Count, Flag, List, Text};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use inquiry::{Inquiry, Wanted};

const QUERY: Script = Script {
    name: "package/query",
    text: concat!(include_str!("lock.sh"), include_str!("query.sh")),
};
const APPLY: Script = Script {
    name: "package/apply",
    text: concat!(include_str!("lock.sh"), include_str!("apply.sh")),
};

/// A look-up fetches package lists where they are stale, which takes longer than a question.
const QUERY_LIMIT: Duration = Duration::from_secs(300);

/// Installs, updates and removes packages with dnf (4 and 5), yum or apt, all of a task in one transaction.
///
/// A version may be given without the package's release suffix: `1.28.2` finds `1.28.2-0` and `1.28.2-150500.1.1`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Package {
    /// Names of the packages; each may have its version with it (`kubeadm-1.28.2-0`, `kubeadm=1.28.2`).
    name: List,
    /// The version of all packages of the task, with or without its release suffix and a leading `v`.
    version: Option<Text>,
    /// What is wanted; with a version, `present` means that version.
    state: Wish,
    /// Repositories to switch on for this task (dnf, yum).
    enablerepo: List,
    /// Repositories to switch off for this task (dnf, yum).
    disablerepo: List,
    /// Ignores the `exclude` lines of a repository (its id), of the main configuration (`main`) or all (`all`); dnf, yum.
    disable_excludes: Option<Text>,
    /// Fetches the package lists anew before versions are looked up.
    update_cache: Flag,
    /// Lets a version be installed that is older than the one that is there.
    allow_downgrade: Flag,
    /// Installs packages whose signature cannot be checked.
    disable_gpg_check: Flag,
    /// Holds the packages at their version afterwards (`apt-mark hold`, `versionlock`), or with `false` lets them go.
    /// Left out, nothing is changed about it, and a held package keeps its version.
    hold: Option<Flag>,
    /// How many seconds to wait for another package manager to finish.
    #[schemars(default = "default_patience")]
    lock_timeout: Option<Count>,
}

fn default_patience() -> u64 {
    PATIENCE
}

const PATIENCE: u64 = 60;

/// What is wanted of the packages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-also" = ["installed", "removed"]))]
enum Wish {
    /// Installed.
    #[default]
    #[serde(alias = "installed")]
    Present,
    /// Not installed.
    #[serde(alias = "removed")]
    Absent,
    /// Installed, in the newest version that the repositories hold.
    Latest,
}

/// The transaction that is needed.
pub struct Transaction {
    manager: String,
    verb: &'static str,
    /// `NAME` or `NAME<tab>VERSION`.
    packages: Vec<String>,
    is_downgrade: bool,
    /// Versions before, by name.
    before: Map<String, Value>,
}

impl Package {
    fn wanted(&self) -> Vec<Wanted> {
        let wanted = |package: &String| {
            let (name, version) = match &self.version {
                Some(version) => (package.as_str(), versions::plain(version)),
                None => versions::split(package),
            };
            Wanted {
                written: package.clone(),
                name: name.to_owned(),
                version: versions::plain(version).to_owned(),
            }
        };
        self.name.iter().map(wanted).collect()
    }

    fn ask(&self, context: &mut Context<'_>) -> Result<Inquiry, Failure> {
        let look_up = match self.state {
            Wish::Present => "needed",
            Wish::Absent => "no",
            Wish::Latest => "yes",
        };
        let mut args = vec![
            yes_or_no(*self.update_cache).to_owned(),
            self.enablerepo.join(" "),
            self.disablerepo.join(" "),
            self.excludes().to_owned(),
            look_up.to_owned(),
            self.patience().to_string(),
        ];
        for wanted in self.wanted() {
            args.extend([wanted.written, wanted.name, wanted.version]);
        }
        let limit = QUERY_LIMIT + Duration::from_secs(self.patience());
        let output = context.request(Request::new(QUERY, args).with_timeout(limit))?;
        if !output.success() {
            return Err(inquiry::explain(Failure::of_program("looking up packages", &output)));
        }
        Inquiry::read(&output)
    }

    fn patience(&self) -> u64 {
        self.lock_timeout.map_or(PATIENCE, |count| count.0)
    }

    fn excludes(&self) -> &str {
        self.disable_excludes.as_deref().unwrap_or("")
    }

    /// The packages that a transaction has to be about, and the names of the changes.
    fn plan(&self, inquiry: &Inquiry) -> Result<(Transaction, Vec<String>), Failure> {
        let mut transaction = Transaction {
            manager: inquiry.manager.clone(),
            verb: if self.state == Wish::Absent {
                "remove"
            } else {
                "install"
            },
            packages: Vec::new(),
            is_downgrade: false,
            before: inquiry.versions(),
        };
        let mut changes = Vec::new();
        for wanted in &inquiry.wanted {
            let name = &wanted.name;
            let installed = inquiry.installed.get(name).map(String::as_str);
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
        if self.hold.is_some() || !inquiry.held.contains(name) {
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
            transaction.verb = "nothing";
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

impl Module for Package {
    const NAME: &'static str = "package";
    const ALIASES: &'static [&'static str] = &["dnf", "dnf5", "yum", "apt"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("pkg", "name"), ("package", "name")];
    const EXAMPLE: &'static str = "\
- name: kubelet and kubectl in one transaction
  package:
    name: [kubelet, kubectl]
    version: 1.28.2
    disable_excludes: kubernetes

- name: An exact version
  package:
    name: kubeadm-1.28.2-0
    state: present
";

    type Plan = Transaction;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.name.is_empty() && !*self.update_cache {
            return Err(ArgumentError::option("name", "no package is named"));
        }
        for (index, name) in self.name.iter().enumerate() {
            let refused = |why: &str| Err(ArgumentError::option(format!("name[{index}]"), why));
            if name.contains("://") || name.starts_with(['/', '@']) {
                return refused("a package's name is wanted here, not a file, an address or a group");
            }
            if name.starts_with('-') || name.contains(char::is_whitespace) {
                return refused("this is not a package's name");
            }
        }
        if self.version.is_some() && self.state != Wish::Present {
            return Err(ArgumentError::option(
                "version",
                "a version goes with `state: present` only",
            ));
        }
        if self.state == Wish::Absent && self.hold.is_some_and(|hold| *hold) {
            return Err(ArgumentError::option(
                "hold",
                "a package that is removed cannot be held",
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let inquiry = self.ask(context)?;
        let (mut transaction, mut changes) = self.plan(&inquiry)?;
        if self.name.is_empty() {
            transaction.verb = "refresh";
            changes.push("package lists".to_owned());
        } else if transaction.packages.is_empty() {
            let packages = Value::Object(inquiry.versions());
            return Ok(State::Satisfied(Outcome::ok().with("packages", packages)));
        }
        Ok(Pending::new(transaction, changes).into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Transaction) -> Result<Outcome, Failure> {
        let hold = self.hold.map_or("", |hold| yes_or_no(*hold));
        let mut args = vec![
            plan.manager.clone(),
            plan.verb.to_owned(),
            yes_or_no(plan.is_downgrade).to_owned(),
            self.enablerepo.join(" "),
            self.disablerepo.join(" "),
            self.excludes().to_owned(),
            self.patience().to_string(),
            hold.to_owned(),
            yes_or_no(*self.disable_gpg_check).to_owned(),
        ];
        args.extend(plan.packages.iter().cloned());
        let output = context.run_detached("package", Request::new(APPLY, args))?;
        let after = inquiry::installed(&output);
        if !output.success() {
            let what = format!("{} {}", plan.manager, plan.verb);
            return Err(inquiry::explain(Failure::of_program(&what, &output)));
        }
        plan.verify(&after)?;
        let after = after
            .into_iter()
            .map(|(name, version)| (name, version.into()))
            .collect();
        Ok(Outcome::changed([""; 0])
            .with("before", Value::Object(plan.before))
            .with("packages", Value::Object(after)))
    }
}

impl Transaction {
    /// A package manager that had nothing to do ends well too (yum with an excluded package): what is there counts.
    fn verify(&self, after: &indexmap::IndexMap<String, String>) -> Result<(), Failure> {
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

fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod apt_tests;
#[cfg(test)]
mod tests;
