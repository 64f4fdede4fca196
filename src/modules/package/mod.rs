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

const PATIENCE: u64 = 60;

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

/// The transaction that is needed.
pub struct Transaction {
    manager: String,
    verb: &'static str,
    /// `NAME` or `NAME<tab>VERSION`.
    packages: Vec<String>,
    is_downgrade: bool,
    /// More options of the manager, in words.
    more: String,
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

    /// Options of dnf and yum that say which packages count.
    fn filters(&self) -> Vec<String> {
        let mut options: Vec<String> = self.exclude.iter().map(|name| format!("--exclude={name}")).collect();
        for (is_set, option) in [(*self.security, "--security"), (*self.bugfix, "--bugfix")] {
            if is_set {
                options.push(option.to_owned());
            }
        }
        options
    }

    /// More options of the manager; those that it does not have are a failure.
    fn more(&self, manager: &str) -> Result<String, Failure> {
        let is_apt = manager == "apt";
        let foreign: Vec<&str> = [
            (*self.purge, "purge", true),
            (self.dpkg_options.is_some(), "dpkg_options", true),
            (self.install_recommends.is_some(), "install_recommends", true),
            (*self.allow_change_held_packages, "allow_change_held_packages", true),
            (self.upgrade != Upgrade::No, "upgrade", true),
            (self.install_weak_deps.is_some(), "install_weak_deps", false),
            (!self.exclude.is_empty(), "exclude", false),
            (*self.allowerasing, "allowerasing", false),
            (*self.nobest, "nobest", false),
            (*self.skip_broken, "skip_broken", false),
            (*self.security, "security", false),
            (*self.bugfix, "bugfix", false),
        ]
        .into_iter()
        .filter(|(is_set, _, for_apt)| *is_set && *for_apt != is_apt)
        .map(|(_, name, _)| name)
        .collect();
        if let Some(name) = foreign.first() {
            return Err(Failure::new(format!(
                "the node's package manager is {manager}, which has no `{name}`"
            ))
            .help("put a condition on the task: `when: ansible_facts.pkg_mgr == '…'`"));
        }
        let mut options = if is_apt { self.apt_options() } else { self.filters() };
        if !is_apt {
            if let Some(Flag(weak)) = self.install_weak_deps {
                options.push(format!("--setopt=install_weak_deps={weak}"));
            }
            let flags = [
                (*self.allowerasing, "--allowerasing"),
                (*self.nobest, "--nobest"),
                (*self.skip_broken, "--skip-broken"),
            ];
            options.extend(
                flags
                    .into_iter()
                    .filter(|(is_set, _)| *is_set)
                    .map(|(_, option)| option.to_owned()),
            );
        }
        Ok(options.join(" "))
    }

    fn apt_options(&self) -> Vec<String> {
        let dpkg = self.dpkg_options.as_deref().unwrap_or("force-confdef,force-confold");
        let mut options: Vec<String> = dpkg
            .split(',')
            .map(str::trim)
            .filter(|option| !option.is_empty())
            .map(|option| format!("-oDpkg::Options::=--{option}"))
            .collect();
        match self.install_recommends {
            None => {}
            Some(Flag(true)) => options.push("--install-recommends".to_owned()),
            Some(Flag(false)) => options.push("--no-install-recommends".to_owned()),
        }
        let names = !self.name.is_empty();
        let flags = [
            (*self.purge, "--purge"),
            (*self.autoremove && names, "--auto-remove"),
            (*self.allow_change_held_packages, "--allow-change-held-packages"),
        ];
        options.extend(
            flags
                .into_iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, option)| option.to_owned()),
        );
        options
    }

    /// What is done when the transaction has ended well.
    fn afterwards(&self, manager: &str) -> String {
        let alone = self.name.is_empty() && self.upgrade == Upgrade::No;
        let autoremove = *self.autoremove && !alone && (manager != "apt" || self.name.is_empty());
        let verbs = [
            (autoremove, "autoremove"),
            (*self.autoclean, "autoclean"),
            (*self.clean, "clean"),
        ];
        let verbs: Vec<_> = verbs
            .into_iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, verb)| verb)
            .collect();
        verbs.join(" ")
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
                return Ok(State::Satisfied(Outcome::ok()));
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
                transaction.verb = if *self.autoclean { "autoclean" } else { "clean" };
                return Ok(State::Unknown {
                    plan: transaction,
                    reason: "the store of package files would be cleaned".to_owned(),
                });
            }
            if inquiry.is_fresh {
                return Ok(State::Satisfied(Outcome::ok().with("cache_updated", false)));
            }
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
        if plan.verb.ends_with("clean") {
            // The packages are what they were.
            return Ok(Outcome::ok());
        }
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

/// Options of Ansible's apt, dnf, yum and package that krun does not have.
const REFUSED: &[(&str, &str)] = &[
    (
        "auto_install_module_deps",
        "krun needs no Python on nodes; leave it out",
    ),
    ("best", "it is what dnf is set to; `nobest: true` is the other way"),
    ("cacheonly", "package lists are fetched where they are stale"),
    (
        "conf_file",
        "set it in the node's own file, with `copy` or `lineinfile`",
    ),
    (
        "deb",
        "put the file on the node (`copy`, `get-url`) and install it with the `command` module: `apt-get install -y /x.deb`",
    ),
    (
        "default_release",
        "name the version, or pin the release in /etc/apt/preferences.d with `copy`",
    ),
    (
        "default-release",
        "name the version, or pin the release in /etc/apt/preferences.d with `copy`",
    ),
    ("disable_plugin", "use the `command` module"),
    (
        "download_dir",
        "use the `command` module with `dnf download` or `apt-get download`",
    ),
    (
        "download_only",
        "use the `command` module with `dnf download` or `apt-get download`",
    ),
    ("enable_plugin", "use the `command` module"),
    (
        "fail_on_autoremove",
        "a transaction never removes unneeded packages unless `autoremove` says so",
    ),
    (
        "force",
        "say what is to be forced: `allow_downgrade`, `allow_unauthenticated`, `allow_change_held_packages`",
    ),
    ("force_apt_get", "krun always uses apt-get; leave it out"),
    ("install_repoquery", "it has no meaning any more; leave it out"),
    (
        "installroot",
        "krun installs on the node itself; use the `command` module",
    ),
    ("list", "`package-facts` lists what is installed"),
    ("policy_rc_d", "put /usr/sbin/policy-rc.d on the node with `copy`"),
    ("releasever", "use the `command` module"),
    ("sslverify", "set it for the repository: `yum-repo` with `sslverify`"),
    ("update_cache_retries", "use the task's `retries` and `until`"),
    ("update_cache_retry_max_delay", "use the task's `delay`"),
    ("use", "krun finds out which package manager a node has"),
    ("use_backend", "krun finds out which package manager a node has"),
    (
        "validate_certs",
        "packages are fetched from repositories, which have settings of their own (`yum-repo`)",
    ),
];

fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod apt_tests;
#[cfg(test)]
mod tests;
