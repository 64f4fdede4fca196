//! The `deb822-repository` module.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::args::{Count, Flag, List, Mode, Presence, Text};
use super::remote_file::{Attributes, FilePlan, Installation, Original, refuse_preserve};
use super::{ArgumentError, Context, Diff, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::Script;

const REMOVE: Script = Script {
    name: "deb822-repository/remove",
    text: include_str!("remove.sh"),
};

/// Sets up a package repository of apt in the newer form (`/etc/apt/sources.list.d/NAME.sources`), or removes it.
///
/// Lists of packages are not fetched: see `package` with `update_cache`. A key is a file that is on the node (`get-url`
/// fetches it), or the key itself.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deb822Repository {
    /// The repository's name; the file's name is made of it.
    name: Text,
    /// Whether it is there.
    state: Presence,
    /// Kinds of packages: `deb`, `deb-src`. Default: `deb`.
    types: Option<List>,
    /// Addresses.
    uris: Option<List>,
    /// Suites, or paths that end with `/`.
    suites: Option<List>,
    /// Components of the suites.
    components: Option<List>,
    /// Architectures. Default: those of the node.
    architectures: Option<List>,
    /// Languages of descriptions.
    languages: Option<List>,
    /// What is fetched.
    targets: Option<List>,
    /// The key that signs it: a file on the node, a fingerprint, or the key in its armour.
    signed_by: Option<Text>,
    /// Whether it is used.
    enabled: Option<Flag>,
    /// Whether it is trusted without a signature.
    trusted: Option<Flag>,
    /// Whether files are fetched by their hashes.
    by_hash: Option<Flag>,
    /// Whether differences of package lists are fetched.
    pdiffs: Option<Flag>,
    /// Whether a weak signature will do.
    allow_weak: Option<Flag>,
    /// Whether it may do without a signature.
    allow_insecure: Option<Flag>,
    /// Whether it may lose its signature.
    allow_downgrade_to_insecure: Option<Flag>,
    /// Whether the date of its lists counts.
    check_date: Option<Flag>,
    /// Whether the end of its lists' validity counts.
    check_valid_until: Option<Flag>,
    /// How many seconds its date may lie in the future.
    date_max_future: Option<Count>,
    /// Where its list of files is.
    inrelease_path: Option<Text>,
    /// Mode of the file. Default: `0644`.
    mode: Option<Mode>,
}

const FOLDER: &str = "/etc/apt/sources.list.d";

/// What has to be done.
pub enum Plan {
    /// The file is to be this.
    Write(Box<FilePlan>),
    /// Files go.
    Remove(String),
}

impl Module for Deb822Repository {
    const NAME: &'static str = "deb822-repository";
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Packages of Kubernetes 1.28
  deb822-repository:
    name: kubernetes
    uris: https://pkgs.k8s.io/core:/stable:/v1.28/deb/
    suites: /
    signed_by: /etc/apt/keyrings/kubernetes.asc
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("name", &self.name)?;
        if let Some(key) = &self.signed_by {
            Self::check_option("signed_by", key)?;
        }
        if self
            .types
            .iter()
            .flat_map(|types| types.iter())
            .any(|kind| !matches!(kind.as_str(), "deb" | "deb-src"))
        {
            return Err(ArgumentError::option("types", "there are `deb` and `deb-src`"));
        }
        refuse_preserve(self.mode.as_ref())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "name" if slug(value).is_empty() || value.contains('\n') => {
                Err(ArgumentError::option("name", "no file's name can be made of it"))
            }
            "signed_by" if value.contains("://") => Err(ArgumentError::option(
                "signed_by",
                "krun does not fetch the key here: fetch it with `get-url` and name the file",
            )),
            _ => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        self.check_in(context, FOLDER)
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let mut outcome = self.outcome(FOLDER);
        match plan {
            Plan::Write(plan) => {
                plan.apply(context)?;
            }
            Plan::Remove(path) => {
                let output = context.run(REMOVE, [path.as_str()])?;
                if !output.success() {
                    return Err(Failure::of_program(&format!("removing {path}"), &output));
                }
            }
        }
        outcome.changed = true;
        Ok(outcome)
    }
}

impl Deb822Repository {
    fn path(&self, folder: &str) -> String {
        format!("{folder}/{}.sources", slug(&self.name))
    }

    fn outcome(&self, folder: &str) -> Outcome {
        let is_present = self.state == Presence::Present;
        let key = self.signed_by.as_deref().filter(|key| key.starts_with('/'));
        Outcome::ok()
            .with(
                "repo",
                if is_present {
                    Value::from(self.text())
                } else {
                    Value::Null
                },
            )
            .with("dest", self.path(folder))
            .with("key_filename", key.filter(|_| is_present))
    }

    fn check_in(&self, context: &mut Context<'_>, folder: &str) -> Result<State<Plan>, Failure> {
        let original = Original::read(context, &self.path(folder))?;
        let outcome = self.outcome(folder);
        if self.state == Presence::Absent {
            let Some(content) = original.content() else {
                return Ok(State::Satisfied(outcome));
            };
            let diff = Diff {
                before_header: original.path().to_owned(),
                after_header: "/dev/null".to_owned(),
                before: String::from_utf8_lossy(content).into_owned(),
                after: String::new(),
            };
            let plan = Plan::Remove(original.path().to_owned());
            let mut pending = Pending::new(plan, ["removed"]).with_diff(diff);
            pending.result = outcome.result;
            return Ok(pending.into());
        }
        let mode = self.mode.clone().unwrap_or_else(|| Mode("0644".to_owned()));
        let installation = Installation {
            attributes: Attributes::new(Some(&mode), None, None),
            backup: false,
            validate: None,
        };
        let state = original.compare(context, self.text().into_bytes(), "content", installation)?;
        Ok(match state {
            State::Pending(pending) => Pending {
                plan: Plan::Write(Box::new(pending.plan)),
                changes: pending.changes,
                diff: pending.diff,
                result: outcome.result,
            }
            .into(),
            State::Satisfied(_) | State::Unknown { .. } => State::Satisfied(outcome),
        })
    }

    /// The file: its fields in the order of the options' names.
    fn text(&self) -> String {
        let flag = |value: Option<Flag>| value.map(|flag| if *flag { "yes" } else { "no" }.to_owned());
        let list = |value: &Option<List>| value.as_ref().map(|list| list.join(" "));
        let fields = [
            ("Allow-Downgrade-To-Insecure", flag(self.allow_downgrade_to_insecure)),
            ("Allow-Insecure", flag(self.allow_insecure)),
            ("Allow-Weak", flag(self.allow_weak)),
            ("Architectures", list(&self.architectures)),
            ("By-Hash", flag(self.by_hash)),
            ("Check-Date", flag(self.check_date)),
            ("Check-Valid-Until", flag(self.check_valid_until)),
            ("Components", list(&self.components)),
            (
                "Date-Max-Future",
                self.date_max_future.map(|seconds| seconds.0.to_string()),
            ),
            ("Enabled", flag(self.enabled)),
            (
                "Inrelease-Path",
                self.inrelease_path.as_ref().map(|path| path.0.clone()),
            ),
            ("Languages", list(&self.languages)),
            ("X-Repolib-Name", Some(self.name.0.clone())),
            ("Pdiffs", flag(self.pdiffs)),
            ("Signed-By", self.signed_by.as_ref().map(|key| key.0.clone())),
            ("Suites", list(&self.suites)),
            ("Targets", list(&self.targets)),
            ("Trusted", flag(self.trusted)),
            ("Types", Some(list(&self.types).unwrap_or_else(|| "deb".to_owned()))),
            ("URIs", list(&self.uris)),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name}: {}\n", folded(&value))))
            .collect::<String>()
            .replace(": \n", ":\n")
    }
}

/// A value of several lines, each of which is indented; a blank one is a dot.
fn folded(value: &str) -> String {
    if !value.contains('\n') {
        return value.to_owned();
    }
    value
        .trim()
        .lines()
        .map(str::trim)
        .flat_map(|line| ["\n    ", if line.is_empty() { "." } else { line }])
        .collect()
}

/// The name of the file for a name.
fn slug(name: &str) -> String {
    let mut result = String::new();
    let mut is_gap = false;
    for character in name.to_lowercase().chars() {
        let is_blank = character == '_' || character.is_whitespace();
        if is_blank && !is_gap {
            result.push('-');
        }
        is_gap = is_blank;
        if character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-' {
            result.push(character);
        }
    }
    result
}
