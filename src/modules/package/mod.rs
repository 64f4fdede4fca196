//! The `package` module: dnf 4, dnf 5, yum and apt behind one set of options.

mod inquiry;
mod options;
mod transaction;
mod versions;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::connection::{Request, Script};

use super::args::{Count, Flag, List, Text};
use super::{ArgumentError, Context, Disturbs, Failure, Module, NewKubelet, Outcome, Pending, State};
use inquiry::{Inquiry, Wanted};
use options::REFUSED;
use transaction::Transaction;
pub(super) use versions::compare as compare_versions;

const QUERY: Script = Script {
    name: "package/query",
    text: concat!(include_str!("lock.sh"), include_str!("query.sh")),
};
const APPLY: Script = Script {
    name: "package/apply",
    text: concat!(include_str!("lock.sh"), include_str!("apply.sh")),
};

/// The verb of a transaction that changes no package.
const NOTHING: &str = "nothing";

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
    /// Seconds for which package lists stay good that apt has fetched; older ones are fetched anew. Implies `update_cache`.
    cache_valid_time: Option<Count>,
    /// Upgrades all packages (apt): `safe` or `yes` removes none for that, `full` or `dist` may. For dnf and yum: `name: "*"`
    /// with `state: latest`.
    upgrade: Upgrade,
    /// Leaves packages alone that are not installed.
    only_upgrade: Flag,
    /// Removes packages too that came along with others and that none needs any more; without names, only those.
    autoremove: Flag,
    /// Removes the settings of packages too that are removed (apt).
    purge: Flag,
    /// Removes package files that cannot be fetched any more from the node's store afterwards.
    autoclean: Flag,
    /// Empties the node's store of package files afterwards.
    clean: Flag,
    /// What dpkg does with changed settings and the like (`force-confold`), parted by commas. Default:
    /// `force-confdef,force-confold`.
    dpkg_options: Option<Text>,
    /// Installs also what packages recommend (apt). Default: what apt is set to.
    install_recommends: Option<Flag>,
    /// Installs also what packages weakly depend on (dnf). Default: what dnf is set to.
    install_weak_deps: Option<Flag>,
    /// Changes held packages (apt); they stay held. `hold` says more clearly what becomes of the hold.
    allow_change_held_packages: Flag,
    /// Installs packages that no key vouches for (apt): as `disable_gpg_check`.
    allow_unauthenticated: Flag,
    /// Packages that the transaction leaves alone, with wildcards (dnf, yum).
    exclude: List,
    /// May remove installed packages that are in the way (dnf).
    allowerasing: Flag,
    /// Takes the newest version that can be installed where the newest cannot (dnf).
    nobest: Flag,
    /// Leaves packages out that cannot be installed (dnf, yum).
    skip_broken: Flag,
    /// Upgrades only what mends a hole in the security (dnf, yum; with `name: "*"`).
    security: Flag,
    /// Upgrades only what mends a mistake (dnf, yum; with `name: "*"`).
    bugfix: Flag,
    /// How many seconds to wait for another package manager to finish.
    #[schemars(default = "default_patience")]
    lock_timeout: Option<Count>,
}

fn default_patience() -> u64 {
    PATIENCE
}

pub(super) const PATIENCE: u64 = 60;

/// Which upgrade of all packages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Upgrade {
    /// None.
    #[default]
    No,
    /// One that removes nothing.
    #[serde(alias = "yes")]
    Safe,
    /// One that may remove packages.
    #[serde(alias = "dist")]
    Full,
}

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
            yes_or_no(self.refreshes()).to_owned(),
            self.enablerepo.join(" "),
            self.disablerepo.join(" "),
            self.excludes().to_owned(),
            look_up.to_owned(),
            self.patience().to_string(),
            self.cache_valid_time.map_or(0, |count| count.0).to_string(),
            self.whole().unwrap_or_default().to_owned(),
            self.filters().join(" "),
        ];
        for wanted in self.wanted().into_iter().filter(|_| self.whole().is_none()) {
            args.extend([wanted.written, wanted.name, wanted.version]);
        }
        let limit = QUERY_LIMIT + Duration::from_secs(self.patience());
        let output = context.request(Request::new(QUERY, args).with_timeout(limit))?;
        if !output.success() {
            return Err(inquiry::explain(Failure::of_program("looking up packages", &output)));
        }
        Inquiry::read(&output)
    }

    fn refreshes(&self) -> bool {
        *self.update_cache || self.cache_valid_time.is_some()
    }

    /// What is to be done to all packages of the node: `safe`, `full`, or `remove` for those that nobody needs.
    fn whole(&self) -> Option<&'static str> {
        match self.upgrade {
            Upgrade::Full => Some("full"),
            Upgrade::Safe => Some("safe"),
            Upgrade::No if self.is_everything() => Some("safe"),
            Upgrade::No if self.name.is_empty() && *self.autoremove => Some("remove"),
            Upgrade::No => None,
        }
    }

    /// `name: "*"`.
    fn is_everything(&self) -> bool {
        self.name.iter().any(|name| name == "*")
    }

    fn patience(&self) -> u64 {
        self.lock_timeout.map_or(PATIENCE, |count| count.0)
    }

    fn excludes(&self) -> &str {
        self.disable_excludes.as_deref().unwrap_or("")
    }
}

impl Package {
    /// The packages are right already; what the task wants done afterwards is done all the same.
    fn at_rest(&self, inquiry: &Inquiry, mut transaction: Transaction, outcome: Outcome) -> State<Transaction> {
        if self.afterwards(&inquiry.manager).is_empty() {
            return State::Satisfied(outcome);
        }
        transaction.verb = NOTHING;
        State::Unknown {
            plan: transaction,
            reason: "packages that nobody needs and package files would be looked for, and removed".to_owned(),
        }
    }
}

impl Module for Package {
    const NAME: &'static str = "package";
    const ALIASES: &'static [&'static str] = &["dnf", "dnf5", "yum", "apt"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("pkg", "name"),
        ("package", "name"),
        ("update-cache", "update_cache"),
        ("expire-cache", "update_cache"),
        ("allow-downgrade", "allow_downgrade"),
        ("allow_downgrades", "allow_downgrade"),
        ("allow-downgrades", "allow_downgrade"),
        ("allow-unauthenticated", "allow_unauthenticated"),
        ("install-recommends", "install_recommends"),
        ("update_only", "only_upgrade"),
    ];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = REFUSED;
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
        let cleans = *self.autoclean || *self.clean || *self.autoremove;
        if self.name.is_empty() && !self.refreshes() && !cleans && self.upgrade == Upgrade::No {
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
        if self.upgrade != Upgrade::No && !self.name.is_empty() {
            return Err(ArgumentError::option(
                "upgrade",
                "it is about all packages: leave the names out",
            ));
        }
        if self.is_everything() && (self.name.len() > 1 || self.state != Wish::Latest) {
            return Err(ArgumentError::option(
                "name",
                "`*` stands for all packages: alone, and with `state: latest`",
            ));
        }
        let texts = self.exclude.iter().chain(self.dpkg_options.iter().map(|text| &text.0));
        if texts.into_iter().any(|text| text.contains(char::is_whitespace)) {
            return Err(ArgumentError::option(
                "",
                "a blank cannot be in `exclude` or `dpkg_options`",
            ));
        }
        if (*self.security || *self.bugfix) && !self.is_everything() {
            return Err(ArgumentError::option(
                "security",
                "it chooses among all packages: `name: \"*\"` with `state: latest`",
            ));
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
        let more = self.more(&inquiry.manager)?;
        let (mut transaction, mut changes) = self.plan(&inquiry)?;
        transaction.more = more;
        if let Some(whole) = self.whole() {
            if inquiry.whole.is_empty() {
                return Ok(self.at_rest(&inquiry, transaction, Outcome::ok()));
            }
            transaction.verb = if whole == "remove" { "autoremove" } else { whole };
            let arrow = if whole == "remove" { "removed" } else { "" };
            changes.extend(
                inquiry
                    .whole
                    .iter()
                    .map(|package| format!("{package} {arrow}").trim_end().to_owned()),
            );
        } else if self.name.is_empty() {
            if !self.refreshes() {
                return Ok(self.at_rest(&inquiry, transaction, Outcome::ok()));
            }
            if inquiry.is_fresh {
                let outcome = Outcome::ok().with("cache_updated", false);
                return Ok(self.at_rest(&inquiry, transaction, outcome));
            }
            transaction.verb = "refresh";
            changes.push("package lists".to_owned());
        } else if transaction.packages.is_empty() {
            let packages = Value::Object(inquiry.versions());
            let outcome = Outcome::ok().with("packages", packages);
            return Ok(self.at_rest(&inquiry, transaction, outcome));
        }
        Ok(Pending::new(transaction, changes).into())
    }

    fn disturbs(&self, _: &Self::Plan) -> Option<Disturbs> {
        const RUNTIMES: [&str; 5] = ["containerd", "containerd.io", "cri-o", "docker-ce", "docker.io"];
        if self.state == Wish::Absent {
            return None;
        }
        let wanted = self.wanted();
        let kubelet = wanted.iter().find(|package| package.name == "kubelet");
        // Its version is not known before it is installed; then it is looked at when it is started.
        let version = kubelet.and_then(|package| package.version.parse().ok());
        let runtime = wanted.iter().find(|package| RUNTIMES.contains(&package.name.as_str()));
        if version.is_none() && runtime.is_none() {
            return None;
        }
        let named = if version.is_some() { kubelet } else { runtime };
        Some(Disturbs {
            act: format!("installing {}", named.map_or("", |package| &package.written)),
            stops: runtime.is_some(),
            kubelet: version.map_or(NewKubelet::Same, NewKubelet::Of),
        })
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
            yes_or_no(*self.disable_gpg_check || *self.allow_unauthenticated).to_owned(),
            plan.more.clone(),
            self.afterwards(&plan.manager),
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
        if plan.verb == NOTHING && self.hold.is_none() {
            // The packages are what they were.
            return Ok(Outcome::ok());
        }
        Ok(Outcome::changed([""; 0])
            .with("before", Value::Object(plan.before))
            .with("packages", Value::Object(after)))
    }
}

fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod apt_tests;
#[cfg(test)]
mod tests;
