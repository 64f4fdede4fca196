use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::args::{Count, Text};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};

/// Takes a snapshot of the etcd member on this node and verifies it: etcd is healthy and raises no alarm, the snapshot's
/// own checksum is right, etcd's tool can read it, and it holds keys. Beside it stands a manifest with its checksum.
///
/// Satisfied when a verified snapshot younger than `max_age` is there. Endpoint and certificates come from etcd's
/// static-pod manifest; etcdctl is the host's, or that of the etcd container.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EtcdBackup {
    /// Folder for the snapshots on the node; made with mode 0700, since a snapshot holds every secret of the cluster.
    /// Default: /var/lib/krun/backups.
    #[serde(default = "default_dest")]
    dest: Text,
    /// Folder on this machine that the snapshot is copied to as well, its checksum compared after arrival.
    fetch_to: Option<Text>,
    /// Seconds for which a verified snapshot counts, so that no new one is taken. Default: 0, always a new one.
    #[serde(default)]
    max_age: Count,
    /// How many snapshots are kept in `dest`; never less than 1. Default: 7.
    #[serde(default = "default_keep")]
    keep: Count,
    /// etcd's static-pod manifest. Default: /etc/kubernetes/manifests/etcd.yaml.
    #[serde(default = "default_manifest")]
    manifest: Text,
    /// The member's client URL. Default: the one on 127.0.0.1 that the manifest names.
    endpoint: Option<Text>,
    /// File of the certificate authority. Default: as the manifest says.
    cacert: Option<Text>,
    /// File of the client certificate. Default: the health check's beside the authority's, or the server's.
    cert: Option<Text>,
    /// File of its key. Goes together with `cert`.
    key: Option<Text>,
}

fn default_dest() -> Text {
    Text("/var/lib/krun/backups".to_owned())
}

fn default_keep() -> Count {
    Count(7)
}

fn default_manifest() -> Text {
    Text("/etc/kubernetes/manifests/etcd.yaml".to_owned())
}

const QUERY: Script = Script {
    name: "etcd-backup/query",
    text: include_str!("query.sh"),
};
const SAVE: Script = Script {
    name: "etcd-backup/save",
    text: include_str!("save.sh"),
};

/// What is to be done.
pub enum Plan {
    /// Take a new snapshot.
    Save,
    /// A fresh one is there and has to be copied here.
    Fetch(Snapshot),
}

/// A verified snapshot on the node.
#[derive(Clone)]
pub struct Snapshot {
    path: String,
    sha256: String,
}

impl Module for EtcdBackup {
    const NAME: &'static str = "etcd-backup";
    const EXAMPLE: &'static str = "\
- name: A verified snapshot, at most an hour old, here and on the node
  etcd-backup:
    dest: /var/lib/krun/backups
    fetch_to: backups
    max_age: 3600
    keep: 7
  register: snapshot
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.keep.0 == 0 {
            return Err(ArgumentError::option("keep", "at least one snapshot is kept"));
        }
        if self.cert.is_some() != self.key.is_some() {
            return Err(ArgumentError::option("cert", "`cert` and `key` go together"));
        }
        if !self.dest.starts_with('/') {
            return Err(ArgumentError::option(
                "dest",
                "the folder on the node needs its full path",
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let output = context.run(QUERY, [self.dest.to_string()])?;
        if !output.success() {
            return Err(Failure::of_program("looking for snapshots", &output));
        }
        let found = output.pairs();
        let age = found.get("age").and_then(|age| age.parse::<u64>().ok());
        let fresh = match (found.get("snapshot"), found.get("sha256"), age) {
            (Some(path), Some(sha256), Some(age)) if age < self.max_age.0 => Some(Snapshot {
                path: path.clone(),
                sha256: sha256.clone(),
            }),
            _ => None,
        };
        let Some(snapshot) = fresh else {
            return Ok(Pending::new(Plan::Save, ["a new snapshot"]).into());
        };
        match self.local_path(context.host, &snapshot) {
            Some(local) if !local.exists() => Ok(Pending::new(Plan::Fetch(snapshot), ["copy to this machine"]).into()),
            local => Ok(State::Satisfied(result(Outcome::ok(), &snapshot, local.as_deref()))),
        }
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let (snapshot, mut outcome) = match plan {
            Plan::Fetch(snapshot) => (snapshot, Outcome::changed(["copied to this machine"])),
            Plan::Save => self.save(context)?,
        };
        let local = self.local_path(context.host, &snapshot);
        if let Some(local) = &local {
            fetch(context, &snapshot, local)?;
            outcome.changes.push(format!("fetched to {}", local.display()));
        }
        Ok(result(outcome, &snapshot, local.as_deref()))
    }
}

impl EtcdBackup {
    fn save(&self, context: &mut Context<'_>) -> Result<(Snapshot, Outcome), Failure> {
        let text = |option: &Option<Text>| option.as_ref().map(ToString::to_string).unwrap_or_default();
        let request = Request::new(
            SAVE,
            [
                self.dest.to_string(),
                self.keep.0.to_string(),
                self.manifest.to_string(),
                text(&self.endpoint),
                text(&self.cacert),
                text(&self.cert),
                text(&self.key),
            ],
        );
        let output = context.run_detached("save", request)?;
        if !output.success() {
            let said = output.stderr_text();
            let reason = said
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("no reason was given")
                .to_owned();
            return Err(Failure::of_program("the etcd backup", &output).help(format!(
                "{}; nothing was changed, and no snapshot that could not be verified is left in {}",
                way_out(&reason),
                &*self.dest
            )));
        }
        let answer = output.pairs();
        let (Some(path), Some(sha256)) = (answer.get("snapshot"), answer.get("sha256")) else {
            return Err(Failure::of_program("the etcd backup gave no answer; it", &output));
        };
        let mut outcome = Outcome::changed([format!("snapshot {path}")]);
        if let Some(size) = answer.get("size").and_then(|size| size.parse::<u64>().ok()) {
            outcome = outcome.with("size", size);
        }
        if let Some(status) = answer
            .get("status")
            .and_then(|status| serde_json::from_str::<Value>(status).ok())
        {
            outcome = outcome.with("status", status);
        }
        let snapshot = Snapshot {
            path: path.clone(),
            sha256: sha256.clone(),
        };
        Ok((snapshot, outcome))
    }

    /// Where the snapshot goes on this machine; named after the host, since every host has snapshots.
    fn local_path(&self, host: &str, snapshot: &Snapshot) -> Option<PathBuf> {
        let folder = self.fetch_to.as_ref()?;
        let name = Path::new(&snapshot.path).file_name()?.to_string_lossy().into_owned();
        Some(Path::new(&**folder).join(format!("{host}-{name}")))
    }
}

fn way_out(reason: &str) -> &'static str {
    if reason.contains("no etcdctl") {
        "install the package etcd-client, or crictl"
    } else if reason.contains("alarm") {
        "see `etcdctl alarm list`: NOSPACE is mended by compaction and defragmentation"
    } else if reason.contains("disk full") {
        "make room on the node, or choose another `dest`"
    } else {
        "mend etcd first (`crictl logs`, `journalctl -u kubelet`)"
    }
}

fn result(outcome: Outcome, snapshot: &Snapshot, local: Option<&Path>) -> Outcome {
    let outcome = outcome
        .with("snapshot", snapshot.path.clone())
        .with("sha256", snapshot.sha256.clone());
    match local {
        Some(local) => outcome.with("fetched_to", local.to_string_lossy().into_owned()),
        None => outcome,
    }
}

/// Copies the snapshot here under a temporary name, compares its checksum, then gives it its name.
fn fetch(context: &mut Context<'_>, snapshot: &Snapshot, local: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "the snapshot cannot be written to {}: {error}",
            local.display()
        ))
        .help("make room, or choose another `fetch_to`; the snapshot on the node is good")
    };
    let folder = local.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder).map_err(failed)?;
    // Readable for its owner only, as tempfile makes it: it holds every secret of the cluster.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut hashing = Hashing {
        inner: file.as_file_mut(),
        digest: Sha256::new(),
    };
    context.download(&snapshot.path, &mut hashing)?;
    let digest = hashing.digest.finalize();
    let arrived = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    if arrived != snapshot.sha256 {
        return Err(Failure::new(format!(
            "the snapshot arrived damaged: its SHA-256 is {arrived}, on the node it is {}",
            snapshot.sha256
        )));
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(local).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Computes the checksum of what passes through.
struct Hashing<'f> {
    inner: &'f mut std::fs::File,
    digest: Sha256,
}

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
