//! `etcd-backup`: a verified snapshot of everything the cluster knows.

mod fetch;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connection::{Output, Request, Script};

use super::args::{Count, Text};
use super::etcd::{MANIFEST, with_etcd};
use super::node::sections;
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};

const NEWEST: Script = Script {
    name: "etcd-backup/newest",
    text: include_str!("newest.sh"),
};

/// What saves a snapshot; its words are those of [`EtcdBackup::words`].
pub(super) const SAVE: Script = Script {
    name: "etcd-backup/save",
    text: with_etcd!("save.sh"),
};

/// Saves a snapshot of the etcd member on this node, and verifies it: by the SHA-256 that etcd puts behind it, by etcd's
/// own tool, and by its revision.
///
/// The tool is the host's etcdctl, or the one in the image of the cluster's etcd (through ctr, podman or docker).
/// Beside the snapshot stands a description (JSON) with its checksum, revision and number of keys. A snapshot that is
/// cut short never gets its name. The snapshot holds all secrets of the cluster: keep it where only admins can read it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EtcdBackup {
    /// Folder on the node that the snapshot goes to; made with mode 0700 when it is not there. Default:
    /// /var/backups/krun-etcd.
    dest: Text,
    /// Folder on this machine that a copy goes to; relative to the playbook. Default: no copy.
    fetch_to: Option<Text>,
    /// Seconds; a verified snapshot that is not older will do, and none is taken. Default: 0, always take one.
    max_age: Count,
    /// How many snapshots to keep on the node; the oldest beyond are removed, after the new one is verified. At least 1.
    /// Default: 7.
    keep: Count,
    /// Seconds for the save itself. Default: 300.
    timeout: Count,
    /// etcd's manifest on the node, from which everything else is read. Default: /etc/kubernetes/manifests/etcd.yaml.
    manifest: Text,
    /// The member to save, one address. Default: the member on this node.
    endpoint: Option<Text>,
    /// The CA of etcd's certificates. Default: as in the manifest, or /etc/kubernetes/pki/etcd/ca.crt.
    cacert: Option<Text>,
    /// Client certificate. Default: kubeadm's healthcheck-client.crt, or the server's.
    cert: Option<Text>,
    /// Key of the client certificate. Default: kubeadm's healthcheck-client.key, or the server's.
    key: Option<Text>,
}

impl Default for EtcdBackup {
    fn default() -> Self {
        Self {
            dest: Text("/var/backups/krun-etcd".to_owned()),
            fetch_to: None,
            max_age: Count(0),
            keep: Count(7),
            timeout: Count(300),
            manifest: Text(MANIFEST.to_owned()),
            endpoint: None,
            cacert: None,
            cert: None,
            key: None,
        }
    }
}

/// What is still to be done.
#[derive(Debug)]
pub enum Step {
    /// Take a snapshot, and fetch it where that is wanted.
    Save,
    /// Fetch one that is on the node: its description.
    Fetch(Map<String, Value>),
}

impl Module for EtcdBackup {
    const NAME: &'static str = "etcd-backup";
    const EXAMPLE: &'static str = "\
- name: A fresh backup before anything is changed
  etcd-backup:
    dest: /var/backups/krun-etcd
    fetch_to: backups
    max_age: 3600
    keep: 14
";

    type Plan = Step;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.keep.0 == 0 {
            return Err(ArgumentError::option(
                "keep",
                "at least 1: the snapshot just taken is never removed",
            ));
        }
        if self.endpoint.as_ref().is_some_and(|endpoint| endpoint.contains(',')) {
            let message = "a snapshot is taken from one member: give one address";
            return Err(ArgumentError::option("endpoint", message));
        }
        if !self.dest.starts_with('/') {
            return Err(ArgumentError::option(
                "dest",
                "a full path on the node, beginning with /",
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Step>, Failure> {
        if self.max_age.0 == 0 {
            return Ok(Pending::new(Step::Save, ["snapshot"]).into());
        }
        let limit = context.remaining()?;
        let output = context.request(Request::new(NEWEST, [self.dest.0.as_str()]).with_timeout(limit))?;
        let found = sections(&output);
        let age = found.get("age").and_then(|age| age.trim().parse::<i64>().ok());
        let is_fresh = age.is_some_and(|age| u64::try_from(age).is_ok_and(|age| age < self.max_age.0));
        if !output.success() || !is_fresh {
            return Ok(Pending::new(Step::Save, ["snapshot"]).into());
        }
        let description = self.description(&output)?;
        Ok(match self.local_copy(context, &description) {
            Some(copy) if !fetch::is_there(&copy, &description) => {
                Pending::new(Step::Fetch(description), ["copy on this machine"]).into()
            }
            copy => State::Satisfied(self.outcome(Outcome::ok(), description, copy.as_deref())),
        })
    }

    fn apply(&self, context: &mut Context<'_>, step: Step) -> Result<Outcome, Failure> {
        let description = match step {
            Step::Fetch(description) => description,
            Step::Save => self.save(context)?,
        };
        let copy = self.local_copy(context, &description);
        if let Some(copy) = &copy {
            fetch::fetch(context, &self.path(&description), copy, &description)?;
        }
        let outcome = Outcome::changed(Vec::<String>::new());
        Ok(self.outcome(outcome, description, copy.as_deref()))
    }
}

impl EtcdBackup {
    /// One that stays on the node and is always taken.
    pub(super) fn on_node(dest: &Text, keep: Count, timeout: Count, manifest: &Text) -> Self {
        Self {
            dest: dest.clone(),
            keep,
            timeout,
            manifest: manifest.clone(),
            ..Self::default()
        }
    }

    /// What the script has to be told.
    pub(super) fn words(&self) -> [String; 8] {
        let given = |option: &Option<Text>| option.as_deref().unwrap_or_default().to_owned();
        [
            self.manifest.0.clone(),
            given(&self.endpoint),
            given(&self.cacert),
            given(&self.cert),
            given(&self.key),
            self.dest.0.clone(),
            self.keep.0.to_string(),
            self.timeout.0.to_string(),
        ]
    }

    fn save(&self, context: &mut Context<'_>) -> Result<Map<String, Value>, Failure> {
        // Two at a time would remove each other's unfinished files.
        let output = context.run_detached_quietly("snapshot", Request::new(SAVE, self.words()))?;
        if output.success() {
            self.description(&output)
        } else {
            let reason = output.stderr_text();
            Err(Failure::new(format!("no backup of etcd: {}", reason.trim()))
                .help("this has to run on a control plane with etcd; nothing was changed")
                .with("rc", output.status))
        }
    }

    fn description(&self, output: &Output) -> Result<Map<String, Value>, Failure> {
        let text = sections(output).shift_remove("description").unwrap_or_default();
        let description: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!(
                "the description of the snapshot in {} cannot be read: {error}",
                self.dest
            ))
        })?;
        // The name becomes a path, here and on the node.
        let is_name = |name: &str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        if description.get("file").and_then(Value::as_str).is_some_and(is_name) {
            Ok(description)
        } else {
            Err(Failure::new("the description of the snapshot names no file"))
        }
    }

    /// Where the snapshot is on the node.
    fn path(&self, description: &Map<String, Value>) -> String {
        let file = description.get("file").and_then(Value::as_str).unwrap_or_default();
        format!("{}/{file}", self.dest.trim_end_matches('/'))
    }

    /// Where its copy goes on this machine.
    fn local_copy(&self, context: &Context<'_>, description: &Map<String, Value>) -> Option<std::path::PathBuf> {
        let file = description.get("file").and_then(Value::as_str)?;
        let folder = self.fetch_to.as_ref()?;
        Some(context.files.playbook_folder.join(&folder.0).join(file))
    }

    fn outcome(&self, outcome: Outcome, description: Map<String, Value>, copy: Option<&std::path::Path>) -> Outcome {
        let path = self.path(&description);
        let mut outcome = outcome.with("path", path);
        outcome.result.extend(description);
        match copy {
            Some(copy) => outcome.with("fetched_to", copy.display().to_string()),
            None => outcome,
        }
    }
}
