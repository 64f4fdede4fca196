//! The `apt-repository` module.

mod sources;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, Flag, Mode, Presence, Text};
use super::remote_file::refuse_preserve;
use super::{ArgumentError, Context, Diff, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
use sources::SourceFile;

const QUERY: Script = Script {
    name: "apt-repository/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "apt-repository/apply",
    text: include_str!("apply.sh"),
};

/// Fetching the package lists of a slow mirror takes its time.
const APPLY_LIMIT: Duration = Duration::from_secs(900);

/// Sets up a package repository of apt, or removes it: a line in a list of sources.
///
/// It is looked for in all lists; a line that is switched off (a comment) is switched on. When the lists of packages
/// cannot be fetched afterwards, the lists of sources come back as they were.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AptRepository {
    /// The line: `deb [signed-by=…] https://… suite component`. Addresses that begin with `ppa:` are not for krun.
    repo: Text,
    /// Whether it is there.
    #[serde(default)]
    state: Presence,
    /// The file in `/etc/apt/sources.list.d` that a new line goes to, without its ending `.list`. Default: one with a name
    /// made of the address.
    filename: Option<Text>,
    /// Mode of the file. Default: as it is; `0644` for a new one.
    mode: Option<Mode>,
    /// Fetches the lists of packages when something was changed. Default: true.
    #[serde(default = "yes")]
    update_cache: Flag,
    /// How often fetching is tried again. Default: 5.
    #[serde(default = "default_retries")]
    #[schemars(default = "retries")]
    update_cache_retries: Count,
}

fn yes() -> Flag {
    Flag(true)
}

fn retries() -> u64 {
    5
}

fn default_retries() -> Count {
    Count(retries())
}

/// The files that change.
pub struct Plan {
    files: Vec<SourceFile>,
    outcome: Outcome,
}

impl Module for AptRepository {
    const NAME: &'static str = "apt-repository";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("update-cache", "update_cache")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "codename",
            "write it into `repo`: `{{ ansible_facts.distribution_release }}`",
        ),
        ("install_python_apt", "krun needs no Python on nodes; leave it out"),
        (
            "validate_certs",
            "it is for `ppa:` repositories, which krun does not have",
        ),
        ("update_cache_retry_max_delay", "use the task's `delay`"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Packages of Kubernetes 1.28
  apt-repository:
    repo: deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/v1.28/deb/ /
    filename: kubernetes
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("repo", &self.repo)?;
        if let Some(name) = &self.filename {
            Self::check_option("filename", name)?;
        }
        refuse_preserve(self.mode.as_ref())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "repo" if value.starts_with("ppa:") => Err(ArgumentError::option(
                "repo",
                "krun does not ask Launchpad: write the `deb` line that the archive's page shows",
            )),
            "repo" if sources::normalized(value).is_none() || value.contains('\n') => Err(ArgumentError::option(
                "repo",
                "a source is one line that begins with `deb` or `deb-src`",
            )),
            "filename"
                if value.is_empty() || value.contains('\n') || (value.contains('/') && !value.starts_with('/')) =>
            {
                Err(ArgumentError::option("filename", "this is not the name of a file"))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let output = context.run(QUERY, [""; 0])?;
        if !output.success() {
            return Err(Failure::of_program("looking at apt's lists of sources", &output));
        }
        let (parts, files) = sources::read(&output.stdout_text());
        let source = sources::normalized(&self.repo).ok_or_else(|| Failure::new("`repo` is no source"))?;
        let name = self
            .filename
            .as_ref()
            .map_or_else(|| sources::file_name(&source), |name| name.0.clone());
        let path = if name.starts_with('/') {
            format!("{name}.list")
        } else {
            format!("{parts}/{name}.list")
        };
        let changed = match self.state {
            Presence::Present => sources::with_source(&files, &source, &path),
            Presence::Absent => sources::without_source(&files, &source),
        };
        let is_old = |path: &str| files.iter().any(|file| file.path == path);
        let added: Vec<&str> = changed
            .iter()
            .map(|file| file.path.as_str())
            .filter(|path| !is_old(path))
            .collect();
        let removed: Vec<&str> = changed
            .iter()
            .filter(|file| file.text.is_empty())
            .map(|file| file.path.as_str())
            .collect();
        let state = match self.state {
            Presence::Present => "present",
            Presence::Absent => "absent",
        };
        let outcome = Outcome::ok()
            .with("repo", &*self.repo)
            .with("state", state)
            .with("sources_added", added.clone())
            .with("sources_removed", removed.clone());
        if changed.is_empty() {
            return Ok(State::Satisfied(outcome));
        }
        let before = |path: &str| {
            files
                .iter()
                .find(|file| file.path == path)
                .map(|file| file.text.clone())
        };
        let mut pending = Pending::new(
            Plan {
                files: changed.clone(),
                outcome: outcome.clone(),
            },
            changed.iter().map(|file| file.path.clone()),
        );
        for file in changed {
            let old = before(&file.path);
            let header = |is_there: bool| {
                if is_there {
                    file.path.clone()
                } else {
                    "/dev/null".to_owned()
                }
            };
            pending = pending.with_diff(Diff {
                before_header: header(old.is_some()),
                after_header: header(!file.text.is_empty()),
                before: old.unwrap_or_default(),
                after: file.text.clone(),
            });
        }
        pending.result = outcome.result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let mut words = vec![
            if *self.update_cache { "yes" } else { "no" }.to_owned(),
            self.update_cache_retries.0.to_string(),
            self.mode.as_ref().map_or_else(String::new, |mode| mode.0.clone()),
        ];
        words.extend(plan.files.into_iter().flat_map(|file| [file.path, file.text]));
        let output = context.request(Request::new(APPLY, words).with_timeout(APPLY_LIMIT))?;
        if !output.success() {
            return Err(Failure::of_program("setting up the repository", &output).help(
                "the lists of sources are as they were; see to it that the node reaches the address and has its key",
            ));
        }
        Ok(Outcome {
            changed: true,
            ..plan.outcome
        })
    }
}
