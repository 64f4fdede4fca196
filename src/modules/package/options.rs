//! What the task's options say to the node's package manager.

use super::{Package, Upgrade};
use crate::modules::Failure;
use crate::modules::args::Flag;

impl Package {
    /// Options of dnf and yum that say which packages count.
    pub(super) fn filters(&self) -> Vec<String> {
        let mut options: Vec<String> = self.exclude.iter().map(|name| format!("--exclude={name}")).collect();
        for (is_set, option) in [(*self.security, "--security"), (*self.bugfix, "--bugfix")] {
            if is_set {
                options.push(option.to_owned());
            }
        }
        options
    }

    /// More options of the manager; those that it does not have are a failure.
    pub(super) fn more(&self, manager: &str) -> Result<String, Failure> {
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
    pub(super) fn afterwards(&self, manager: &str) -> String {
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
}

/// Options of Ansible's apt, dnf, yum and package that krun does not have.
pub(super) const REFUSED: &[(&str, &str)] = &[
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
