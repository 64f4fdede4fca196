//! The `package-versions` module: which versions of a package are to be had, and where.

#[cfg(test)]
mod tests;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::{Count, Flag, List, Text};
use super::package::{PATIENCE, compare_versions};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, State};
use crate::connection::{Output, Request, Script};
use crate::kube::{Offered, Version};

const QUERY: Script = Script {
    name: "package-versions/query",
    text: concat!(include_str!("../package/lock.sh"), include_str!("query.sh")),
};

/// Longest time for each repository that is looked into.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a version comes from that no address was given for.
const OWN: &str = "the node's own repositories";

/// Finds out which versions of a package are to be had: from the node's own repositories, and from others that the node
/// does not know yet, given by their addresses. The node is left as it is.
///
/// What is found is in `versions`, the newest first: `version` (1.28.2), `package` (1.28.2-0) and `source`. A repository
/// that cannot be read is no failure; `unread` names it with the reason. The hops of an upgrade are planned with this.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageVersions {
    /// Name of the package. Default: `kubeadm`.
    #[serde(default = "kubeadm")]
    #[schemars(default = "kubeadm")]
    name: Text,
    /// Look into the node's own repositories.
    #[serde(default = "yes")]
    #[schemars(default = "yes")]
    own: Flag,
    /// Addresses of other repositories: those that `baseurl` of `yum-repo` takes, or for apt the flat ones of
    /// pkgs.k8s.io and its mirrors (`deb ADDRESS /`). Their signatures are not looked at.
    #[serde(default)]
    repositories: List,
    /// Repositories of the node to switch on (dnf, yum).
    #[serde(default)]
    enablerepo: List,
    /// Ignores the `exclude` lines of a repository (its id), of the main configuration (`main`) or all (`all`); dnf, yum.
    #[serde(default)]
    disable_excludes: Option<Text>,
    /// How many seconds to wait for another package manager to finish.
    #[serde(default)]
    #[schemars(default = "patience")]
    lock_timeout: Option<Count>,
}

fn kubeadm() -> Text {
    Text("kubeadm".to_owned())
}

fn yes() -> Flag {
    Flag(true)
}

fn patience() -> u64 {
    PATIENCE
}

impl Module for PackageVersions {
    const NAME: &'static str = "package-versions";
    // What is to be had may have changed since; it costs no more to ask again.
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: What is to be had of the next minor version
  package-versions:
    own: false
    repositories: [\"https://pkgs.k8s.io/core:/stable:/v1.29/rpm/\"]
  register: next_minor

- debug:
    msg: \"the newest is {{ next_minor.versions[0].package }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        let is_bad = |address: &&String| address.is_empty() || address.contains(char::is_whitespace);
        match self.repositories.iter().find(is_bad) {
            Some(address) => Err(ArgumentError::option(
                "repositories",
                format!("`{address}` is no address of a repository: it is empty or holds blanks"),
            )),
            None => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let patience = self.lock_timeout.map_or(PATIENCE, |count| count.0);
        let mut args = vec![
            self.name.0.clone(),
            self.enablerepo.join(" "),
            self.disable_excludes.as_deref().unwrap_or("").to_owned(),
            if *self.own { "yes" } else { "no" }.to_owned(),
            patience.to_string(),
        ];
        args.extend(self.repositories.iter().cloned());
        let places = u32::try_from(self.repositories.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let limit = LIMIT.saturating_mul(places) + Duration::from_secs(patience);
        let output = context.request(Request::new(QUERY, args).with_timeout(limit))?;
        if !output.success() {
            return Err(Failure::of_program("looking up versions", &output));
        }
        Ok(State::Satisfied(self.read(&output)?))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

impl PackageVersions {
    fn read(&self, output: &Output) -> Result<Outcome, Failure> {
        let mut manager = String::new();
        let mut versions: Vec<Offered> = Vec::new();
        for line in output.stdout_text().lines() {
            let (package, source) = match line.split('\t').collect::<Vec<_>>().as_slice() {
                ["manager", name] => {
                    (*name).clone_into(&mut manager);
                    continue;
                }
                ["own", package] => (*package, OWN),
                ["at", number, package] => match self.address(number) {
                    Some(address) => (*package, address),
                    None => continue,
                },
                _ => continue,
            };
            // dnf writes an epoch of 0 too; packages whose version is none of Kubernetes' are passed over.
            let package = package.rsplit_once(':').map_or(package, |(_, rest)| rest);
            if let Ok(version) = package.parse::<Version>() {
                versions.push(Offered {
                    version,
                    package: package.to_owned(),
                    source: source.to_owned(),
                });
            }
        }
        if manager == "none" {
            return Err(
                Failure::new("the node has none of dnf, yum and apt").help("versions are looked up with one of them")
            );
        }
        versions.sort_by(|left, right| compare_versions(&right.package, &left.package));
        versions.dedup();
        let unread: Vec<_> = output
            .stderr_text()
            .lines()
            .filter_map(|line| self.unread(line))
            .collect();
        Ok(Outcome::ok()
            .with("manager", manager)
            .with("versions", json!(versions))
            .with("unread", json!(unread)))
    }

    /// The address with this number, from 1.
    fn address(&self, number: &str) -> Option<&str> {
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        self.repositories.get(index).map(String::as_str)
    }

    fn unread(&self, line: &str) -> Option<serde_json::Value> {
        let (place, reason) = line.split_once(": ")?;
        let source = if place == "own" { OWN } else { self.address(place)? };
        Some(json!({"source": source, "reason": reason.trim()}))
    }
}
