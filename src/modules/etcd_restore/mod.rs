//! `etcd-restore`: a cluster with one etcd member goes back to a snapshot.

#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::connection::{Request, Script};

use super::args::{Count, Text};
use super::etcd::{MANIFEST, with_etcd};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};

const PLAN: Script = Script {
    name: "etcd-restore/plan",
    text: with_etcd!("plan.sh"),
};

const RESTORE: Script = Script {
    name: "etcd-restore/restore",
    text: with_etcd!("restore.sh"),
};

/// How far a restore is that was begun on a node; gone when it is finished.
const RECORD: &str = "/var/lib/krun/etcd-restore";

/// Puts a snapshot in the place of the data of a cluster's only etcd member, on its control plane.
///
/// Everything that was written after the snapshot is gone. The snapshot is verified first. Then the control plane is
/// stopped, its data moved aside under a name with the time, the snapshot restored with the member's name and addresses
/// from etcd's manifest, and everything started again: etcd first, the rest once it is healthy, the kubelet last.
/// Interrupted, the same task goes on where it was. Restart the kubelets of all other nodes after it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EtcdRestore {
    /// Full path of the snapshot on the node, outside of etcd's data directory.
    snapshot: Text,
    /// Seconds that each wait may take: until the control plane is stopped, until etcd is healthy, until the API server
    /// is ready. Default: 300.
    #[serde(default = "default_timeout")]
    timeout: Count,
    /// How far the revision is raised above the snapshot's, so that everybody who watches the cluster notices, where
    /// etcd's tool can (3.4.27, 3.5.10 and later); 0 leaves it. Default: 1000000000.
    #[serde(default = "default_bump")]
    bump_revision: Count,
}

fn default_timeout() -> Count {
    Count(300)
}

fn default_bump() -> Count {
    Count(1_000_000_000)
}

impl Module for EtcdRestore {
    const NAME: &'static str = "etcd-restore";
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Back to the state before the upgrade
  etcd-restore:
    snapshot: /var/backups/krun-etcd/etcd-snapshot-20261123T120551Z-m1.db
";

    type Plan = IndexMap<String, String>;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.snapshot.starts_with('/') {
            Ok(())
        } else {
            Err(ArgumentError::option(
                "snapshot",
                "a full path on the node, beginning with /",
            ))
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let limit = context.remaining()?;
        let output = context.request(Request::new(PLAN, [MANIFEST, &self.snapshot, RECORD]).with_timeout(limit))?;
        if !output.success() {
            let reason = output.stderr_text();
            return Err(Failure::new(format!("no restore of etcd: {}", reason.trim()))
                .help("nothing was changed")
                .with("rc", output.status));
        }
        let found = output.pairs();
        let members: u64 = found.get("members").and_then(|count| count.parse().ok()).unwrap_or(0);
        if members != 1 && !found.contains_key("begun") {
            return Err(Failure::new(format!(
                "etcd has {members} members; one of them alone cannot be brought back to a snapshot"
            ))
            .help("take the other members out of the cluster first; nothing was changed"));
        }
        let number = |key: &str| found.get(key).map_or("?", String::as_str);
        let mut changes = vec![format!(
            "etcd's data replaced by the snapshot ({} keys, revision {})",
            number("total_keys"),
            number("revision")
        )];
        if let Some(live) = found.get("live_revision") {
            changes.push(format!("what was written up to revision {live} is lost"));
        }
        if let Some(begun) = found.get("begun") {
            changes.push(format!("the restore begun at {begun} is finished"));
        }
        Ok(Pending::new(found, changes).into())
    }

    fn apply(&self, context: &mut Context<'_>, found: Self::Plan) -> Result<Outcome, Failure> {
        let sum = found.get("sha256").map_or("", String::as_str);
        let (patience, bump) = (self.timeout.0.to_string(), self.bump_revision.0.to_string());
        let request = Request::new(RESTORE, [MANIFEST, &self.snapshot, sum, RECORD, &patience, &bump]);
        let output = context.run_detached_once("etcd-restore", request)?;
        if !output.success() {
            return Err(Failure::of_program("the restore of etcd", &output).help(
                "run the same task again: it goes on where it was. What it moved aside has a name with `krun` in it, \
                 beside the original",
            ));
        }
        let stdout = output.stdout_text();
        let kept = stdout
            .lines()
            .find_map(|line| line.strip_prefix("the old data is kept in "));
        let mut outcome = Outcome::changed(Vec::<String>::new())
            .with("snapshot", self.snapshot.0.as_str())
            .with("kept", kept)
            .with("stdout", stdout.trim_end_matches('\n'));
        for key in ["revision", "total_keys", "size"] {
            let number = found.get(key).and_then(|text| text.parse::<u64>().ok());
            outcome
                .result
                .insert(key.to_owned(), number.map_or(Value::Null, Value::from));
        }
        Ok(outcome.with("sha256", sum).with("member", found.get("member").cloned()))
    }
}
