//! The `yum-repo` module.

mod ini;
mod options;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::connection::{Request, Script};

use super::args::{Count, Flag, List, Text};
use super::{ArgumentError, Context, Diff, Failure, Fuses, Module, Outcome, Pending, State};
pub use options::YumRepo;
use options::{FOLDER, Wish};

const QUERY: Script = Script {
    name: "yum-repo/query",
    text: include_str!("query.sh"),
};
const APPLY: Script = Script {
    name: "yum-repo/apply",
    text: include_str!("apply.sh"),
};

/// Fetching the package lists of a slow mirror takes its time.
const APPLY_LIMIT: Duration = Duration::from_secs(600);

/// What becomes of the file.
pub enum Plan {
    /// This is its text.
    Write(String),
    /// It goes: nothing else is in it.
    Remove,
}

impl YumRepo {
    fn path(&self) -> String {
        let folder = self.reposdir.as_deref().unwrap_or(FOLDER).trim_end_matches('/');
        let file = self.file.as_deref().unwrap_or(&self.name);
        format!("{folder}/{}.repo", file.strip_suffix(".repo").unwrap_or(file))
    }

    /// The section's lines in the order that people write them.
    fn body(&self) -> String {
        let flag = |value: Option<Flag>| value.map(|flag| u8::from(*flag).to_string());
        let text = |value: &Option<Text>| value.as_ref().map(|text| text.0.clone());
        let count = |value: Option<Count>| value.map(|count| count.0.to_string());
        // Several addresses stand below one another, as dnf's manual has it; several package names in one line.
        let addresses = |list: &List| (!list.is_empty()).then(|| list.join("\n    "));
        let words = |list: &List| (!list.is_empty()).then(|| list.join(" "));
        let keys = [
            ("name", text(&self.description)),
            ("baseurl", addresses(&self.baseurl)),
            ("mirrorlist", text(&self.mirrorlist)),
            ("metalink", text(&self.metalink)),
            ("enabled", flag(self.enabled)),
            ("gpgcheck", flag(self.gpgcheck)),
            ("repo_gpgcheck", flag(self.repo_gpgcheck)),
            ("gpgkey", addresses(&self.gpgkey)),
            ("gpgcakey", text(&self.gpgcakey)),
            ("exclude", words(&self.exclude)),
            ("includepkgs", words(&self.includepkgs)),
            ("priority", count(self.priority)),
            ("cost", count(self.cost)),
            ("proxy", text(&self.proxy)),
            ("proxy_username", text(&self.proxy_username)),
            ("proxy_password", text(&self.proxy_password)),
            ("username", text(&self.username)),
            ("password", text(&self.password)),
            ("sslverify", flag(self.sslverify)),
            ("sslcacert", text(&self.sslcacert)),
            ("sslclientcert", text(&self.sslclientcert)),
            ("sslclientkey", text(&self.sslclientkey)),
            ("metadata_expire", text(&self.metadata_expire)),
            ("module_hotfixes", flag(self.module_hotfixes)),
            ("skip_if_unavailable", flag(self.skip_if_unavailable)),
            ("retries", count(self.retries)),
            ("timeout", count(self.timeout)),
            ("throttle", text(&self.throttle)),
            ("minrate", text(&self.minrate)),
            ("bandwidth", text(&self.bandwidth)),
            ("ip_resolve", text(&self.ip_resolve)),
            ("keepalive", flag(self.keepalive)),
            ("enablegroups", flag(self.enablegroups)),
            ("failovermethod", text(&self.failovermethod)),
            ("deltarpm_percentage", text(&self.deltarpm_percentage)),
        ];
        keys.into_iter()
            .filter_map(|(key, value)| value.map(|value| format!("{key}={value}\n")))
            .collect()
    }

    /// What differs of the file's mode, owner and group, as query.sh prints them: each of the two by name and by number.
    fn wrong_attributes(&self, attributes: &str) -> Vec<String> {
        let words: Vec<&str> = attributes.split_whitespace().collect();
        let [mode, owner @ .., group, group_number] = words.as_slice() else {
            return Vec::new();
        };
        // Symbolic modes are relative to what is there: they are set when the file is written.
        let octal = |mode: &str| mode.starts_with('0').then(|| mode.trim_start_matches('0').to_owned());
        let is_mode_wrong = self
            .mode
            .as_deref()
            .and_then(octal)
            .is_some_and(|wanted| Some(wanted) != octal(mode));
        let is_owner_wrong = self.owner.as_deref().is_some_and(|wanted| !owner.contains(&wanted));
        let is_group_wrong = self
            .group
            .as_deref()
            .is_some_and(|wanted| ![group, group_number].contains(&&wanted));
        [
            ("mode", is_mode_wrong),
            ("owner", is_owner_wrong),
            ("group", is_group_wrong),
        ]
        .into_iter()
        .filter(|(_, is_wrong)| *is_wrong)
        .map(|(name, _)| name.to_owned())
        .collect()
    }

    /// Names of the keys that differ, for people.
    fn changed_keys(before: &[&str], after: &str) -> Vec<String> {
        let keys = |lines: &mut dyn Iterator<Item = &str>| {
            let mut keys: Vec<(String, String)> = Vec::new();
            for line in lines {
                match (
                    line.starts_with(char::is_whitespace),
                    line.split_once('='),
                    keys.last_mut(),
                ) {
                    (false, Some((key, value)), _) => keys.push((key.trim().to_owned(), value.trim().to_owned())),
                    (true, _, Some((_, value))) if !line.trim().is_empty() => {
                        value.push(' ');
                        value.push_str(line.trim());
                    }
                    _ => {}
                }
            }
            keys
        };
        let before = keys(&mut before.iter().copied());
        let after = keys(&mut after.lines());
        let gone = before
            .iter()
            .filter(|(key, _)| !after.iter().any(|(other, _)| other == key));
        let new = after.iter().filter(|pair| !before.contains(pair));
        new.chain(gone).map(|(key, _)| key.clone()).collect()
    }

    /// Passwords do not belong on a terminal.
    fn redacted(text: &str) -> String {
        let hide = |line: &str| match line.split_once('=') {
            Some((key @ ("password" | "proxy_password"), _)) => format!("{key}=(hidden)\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(hide).collect()
    }
}

/// The way to set what this module has no option for.
const BY_HAND: &str = "write this line into the repository's file with `lineinfile`, or the whole file with `copy`";

impl Module for YumRepo {
    const NAME: &'static str = "yum-repo";
    const ALIASES: &'static [&'static str] = &["yum-repository"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("excludepkgs", "exclude"),
        ("ca_cert", "sslcacert"),
        ("client_cert", "sslclientcert"),
        ("client_key", "sslclientkey"),
        ("validate_certs", "sslverify"),
    ];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        ("async", BY_HAND),
        ("deltarpm_metadata_percentage", BY_HAND),
        ("http_caching", BY_HAND),
        ("include", BY_HAND),
        ("keepcache", BY_HAND),
        ("metadata_expire_filter", BY_HAND),
        ("mirrorlist_expire", BY_HAND),
        ("protect", BY_HAND),
        ("s3_enabled", BY_HAND),
        ("ssl_check_cert_permissions", BY_HAND),
        ("ui_repoid_vars", BY_HAND),
        ("countme", BY_HAND),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The repository of one Kubernetes minor
  yum-repo:
    name: kubernetes
    description: Kubernetes
    baseurl: https://pkgs.k8s.io/core:/stable:/v1.28/rpm/
    gpgcheck: true
    gpgkey: https://pkgs.k8s.io/core:/stable:/v1.28/rpm/repodata/repomd.xml.key
    exclude: [kubelet, kubeadm, kubectl, cri-tools, kubernetes-cni]
    refresh: true
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        let name = &*self.name;
        if name.is_empty() {
            return Err(ArgumentError::option("name", "the repository's id is missing"));
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)) {
            return Err(ArgumentError::option(
                "name",
                "an id is made of letters, digits, `-`, `_`, `.` and `:`",
            ));
        }
        if self
            .file
            .as_ref()
            .is_some_and(|file| file.contains('/') || file.is_empty())
        {
            return Err(ArgumentError::option(
                "file",
                "a file's name is wanted here; the folder is `reposdir`",
            ));
        }
        if self.body().lines().count() > 0 && self.has_line_breaks() {
            return Err(ArgumentError::option("", "no value can hold a line break"));
        }
        if self.state == Wish::Present {
            if self.description.is_none() {
                return Err(ArgumentError::option(
                    "description",
                    "the repository's name for people is missing",
                ));
            }
            if self.baseurl.is_empty() && self.mirrorlist.is_none() && self.metalink.is_none() {
                return Err(ArgumentError::option(
                    "baseurl",
                    "one of `baseurl`, `mirrorlist` and `metalink` is needed",
                ));
            }
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let path = self.path();
        let output = context.run(QUERY, [path.as_str()])?;
        if !output.success() {
            return Err(Failure::of_program(&format!("reading {path}"), &output));
        }
        let answer = output.stdout_text();
        let (attributes, before) = answer.split_once('\n').unwrap_or((&answer, ""));
        let is_there = attributes != "absent";
        let section = ini::section(before, &self.name);
        let outcome = || Outcome::ok().with("repo", &*self.name).with("path", path.as_str());
        let mut changes = Vec::new();
        let after = match (self.state, &section) {
            (Wish::Absent, None) => return Ok(State::Satisfied(outcome())),
            (Wish::Absent, Some(_)) => {
                changes.push(format!("{} removed", self.name));
                ini::without_section(before, &self.name)
            }
            (Wish::Present, old) => {
                let body = self.body();
                let differing = Self::changed_keys(old.as_deref().unwrap_or(&[]), &body);
                if old.is_none() {
                    changes.push(self.name.0.clone());
                } else {
                    changes.extend(differing);
                }
                if changes.is_empty() {
                    before.to_owned()
                } else {
                    ini::with_section(before, &self.name, &body)
                }
            }
        };
        if self.state == Wish::Present && is_there {
            changes.extend(self.wrong_attributes(attributes));
        }
        if changes.is_empty() {
            return Ok(State::Satisfied(outcome()));
        }
        let diff = Diff {
            before_header: path.clone(),
            after_header: path,
            before: Self::redacted(before),
            after: Self::redacted(&after),
        };
        let plan = if after.is_empty() {
            Plan::Remove
        } else {
            Plan::Write(after)
        };
        Ok(Pending::new(plan, changes).with_diff(diff).into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let path = self.path();
        let (verb, text) = match plan {
            Plan::Write(text) => ("write", text),
            Plan::Remove => ("remove", String::new()),
        };
        let args = [
            path.as_str(),
            verb,
            self.mode.as_deref().unwrap_or(""),
            self.owner.as_deref().unwrap_or(""),
            self.group.as_deref().unwrap_or(""),
            if *self.refresh { &self.name } else { "" },
        ];
        let request = Request::new(APPLY, args).with_stdin(text).with_timeout(APPLY_LIMIT);
        let output = context.request(request)?;
        if !output.success() {
            return Err(
                Failure::of_program(&format!("setting up the repository {}", self.name), &output).help(
                    "can the node reach the address of the repository? `become: true` is needed to write the file",
                ),
            );
        }
        Ok(Outcome::changed([""; 0]).with("repo", &*self.name).with("path", path))
    }
}

impl YumRepo {
    fn has_line_breaks(&self) -> bool {
        // Every line is a key's, or one more address of a list.
        self.body()
            .lines()
            .any(|line| !line.contains('=') && !line.starts_with("    "))
    }
}
