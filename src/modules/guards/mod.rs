//! What krun does to no cluster, whatever a playbook says: take down two of its control plane at once, or let a kubelet be newer
//! than an API server that it may reach.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::connection::{Output, Script};
use crate::kube::{Node, Pod, Version, kubelet_objection, quorum_objection};

use super::{Context, Failure, node};

const LOOK: Script = Script {
    name: "guards/look",
    text: include_str!("look.sh"),
};

/// The variable with the names of the guards that are switched off.
const OFF: &str = "krun_guards_off";
const QUORUM: &str = "quorum";
const SKEW: &str = "skew";

/// What an act of a module does to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbs {
    /// In the words for people: `rebooting`.
    pub act: String,
    /// The node's part of the control plane may be away for a while.
    pub stops: bool,
    /// The kubelet that runs then.
    pub kubelet: NewKubelet,
}

/// Which kubelet runs behind an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewKubelet {
    /// The one that runs already.
    Same,
    /// The one that is installed.
    Installed,
    /// One of this version, when it is started.
    Of(Version),
}

/// Who of which control plane is at work: one at a time.
#[derive(Default)]
pub struct Guards(Mutex<Vec<(String, String)>>);

/// A node of a control plane is disturbed as long as this lives.
pub(super) struct Claim<'a> {
    guards: &'a Guards,
    cluster: String,
}

impl Guards {
    fn claim(&self, cluster: &str, node: &str) -> Result<Claim<'_>, String> {
        let mut all = self.lock();
        if let Some((_, other)) = all.iter().find(|(claimed, _)| claimed == cluster) {
            return Err(other.clone());
        }
        all.push((cluster.to_owned(), node.to_owned()));
        Ok(Claim {
            guards: self,
            cluster: cluster.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.guards.lock().retain(|(cluster, _)| *cluster != self.cluster);
    }
}

/// What a look at the node has shown.
struct Seen {
    name: String,
    cluster: String,
    installed: Option<Version>,
    is_control_plane: bool,
    /// `None` when the cluster could not be asked.
    nodes: Option<Vec<Node>>,
    members: Vec<Pod>,
    servers: Vec<Version>,
}

/// Lets a module act, or says why not. What is no node of a cluster is left alone.
pub(super) fn allow<'a>(
    context: &mut Context<'_>,
    guards: &'a Guards,
    disturbs: &Disturbs,
) -> Result<(Option<Claim<'a>>, Vec<String>), Failure> {
    let off = off(context)?;
    let is_on = |name: &str| !off.iter().any(|other| other == name);
    if !is_on(QUORUM) && !is_on(SKEW) {
        return Ok((None, Vec::new()));
    }
    let output = context.run(LOOK, ["/etc/kubernetes", "/var/lib/kubelet"])?;
    let Some(seen) = Seen::read(&output) else {
        return Ok((None, Vec::new()));
    };
    let mut warnings = Vec::new();
    if is_on(SKEW) {
        skew(&seen, disturbs, &mut warnings)?;
    }
    if !is_on(QUORUM) || !disturbs.stops || !seen.is_control_plane {
        return Ok((None, warnings));
    }
    let claim = guards.claim(&seen.cluster, &seen.name).map_err(|other| {
        refused(
            QUORUM,
            disturbs,
            &seen,
            &format!("{other} of the same control plane is disturbed at this moment"),
        )
        .help(format!(
            "give the play `serial: 1`, so that one node of the control plane is done with before the next is begun; {}",
            way_out(QUORUM)
        ))
    })?;
    match &seen.nodes {
        None => warnings.push(format!(
            "the cluster could not be asked whether the rest of its control plane is well before {}",
            disturbs.act
        )),
        Some(nodes) => {
            if let Some(objection) = quorum_objection(&seen.name, nodes, &seen.members) {
                return Err(refused(QUORUM, disturbs, &seen, &objection).help(format!(
                    "mend that first, or wait until it is well; {}",
                    way_out(QUORUM)
                )));
            }
        }
    }
    Ok((Some(claim), warnings))
}

fn skew(seen: &Seen, disturbs: &Disturbs, warnings: &mut Vec<String>) -> Result<(), Failure> {
    let kubelet = match &disturbs.kubelet {
        NewKubelet::Same => None,
        NewKubelet::Installed => seen.installed.as_ref(),
        NewKubelet::Of(version) => Some(version),
    };
    let Some(kubelet) = kubelet else { return Ok(()) };
    if seen.servers.is_empty() {
        warnings.push(format!(
            "no API server could be asked whether it is older than kubelet {kubelet}, before {}",
            disturbs.act
        ));
    }
    kubelet_objection(kubelet, &seen.servers).map_err(|error| {
        refused(SKEW, disturbs, seen, &error.message).help(format!("{}; {}", error.help, way_out(SKEW)))
    })
}

fn refused(guard: &str, disturbs: &Disturbs, seen: &Seen, reason: &str) -> Failure {
    Failure::new(format!("{} is refused on {}: {reason}", disturbs.act, seen.name)).with("guard", guard)
}

fn way_out(guard: &str) -> String {
    format!("who knows better switches this off with `{OFF}: [{guard}]`")
}

/// The names of the guards that the task's variables switch off.
fn off(context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let value = context.scope.get(OFF)?.unwrap_or_default();
    let wrong = || Failure::new(format!("`{OFF}` is a list of {QUORUM} and {SKEW}"));
    let names = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(ToOwned::to_owned).ok_or_else(wrong))
            .collect::<Result<Vec<_>, _>>()?,
        _ => return Err(wrong()),
    };
    if names.iter().all(|name| [QUORUM, SKEW, ""].contains(&name.as_str())) {
        Ok(names)
    } else {
        Err(wrong())
    }
}

impl Seen {
    /// `None` for what is no node of a cluster, or has no kubectl.
    fn read(output: &Output) -> Option<Self> {
        let sections = node::sections(output);
        let text = |name: &str| sections.get(name).map_or("", |text| text.trim());
        let name = sections.get("name")?.trim().to_owned();
        let json = |name: &str| serde_json::from_str::<Value>(text(name)).ok();
        let items = |value: &Value| value["items"].as_array().cloned().unwrap_or_default();
        // One answer behind the other.
        let answers = serde_json::Deserializer::from_str(text("servers")).into_iter::<Value>();
        let version = |answer: Value| answer["gitVersion"].as_str().and_then(Version::find_in);
        Some(Self {
            name,
            cluster: text("cluster").to_owned(),
            installed: Version::find_in(text("kubelet")),
            is_control_plane: sections.contains_key("control-plane"),
            nodes: json("nodes").map(|nodes| items(&nodes).iter().filter_map(Node::read).collect()),
            members: json("pods").map(|pods| Pod::list(&pods)).unwrap_or_default(),
            servers: answers.map_while(Result::ok).filter_map(version).collect(),
        })
    }
}
