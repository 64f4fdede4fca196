use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::connection::Output;
use crate::kube::Version;

/// The parts of a control plane that carry Kubernetes' own version.
const VERSIONED: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What a node is to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    ControlPlane,
    Worker,
    /// Kubernetes was never set up there.
    None,
}

/// How far a node's Kubernetes is, as query.sh found it.
#[derive(Clone, Debug)]
pub(super) struct NodeState {
    pub(super) role: Role,
    pub(super) kubeadm: Option<Version>,
    pub(super) kubelet: Option<Version>,
    /// The version in the cluster's kubeadm-config, or why it could not be read.
    pub(super) cluster: Result<Version, String>,
    /// Static pods of the node and their images.
    pub(super) images: IndexMap<String, String>,
    /// The kubelet's configuration is the cluster's; `None` when that could not be read.
    pub(super) has_cluster_kubelet_config: Option<bool>,
    /// The kinds of objects in the configuration file that the task names.
    pub(super) config_kinds: Vec<String>,
    /// That file, when it is not there.
    pub(super) config_missing: Option<String>,
    /// What krun last began here, and whether it was finished.
    pub(super) record: Option<Record>,
    /// Folders in which kubeadm kept what it replaced.
    pub(super) backups: Vec<String>,
}

/// What krun last began on a node: `apply v1.28.2 started`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) begun: String,
    pub(super) is_done: bool,
}

impl NodeState {
    pub(super) fn read(output: &Output) -> Self {
        let pairs = output.pairs();
        let version = |key: &str| pairs.get(key).and_then(|text| Version::find_in(text));
        let prefixed = |prefix: &'static str| {
            pairs
                .iter()
                .filter_map(move |(key, value)| key.strip_prefix(prefix).map(|name| (name.to_owned(), value.clone())))
        };
        Self {
            role: match pairs.get("role").map(String::as_str) {
                Some("control-plane") => Role::ControlPlane,
                Some("worker") => Role::Worker,
                _ => Role::None,
            },
            kubeadm: version("kubeadm"),
            kubelet: version("kubelet"),
            cluster: version("cluster").ok_or_else(|| {
                let reason = pairs.get("cluster_error").map(String::as_str);
                reason.unwrap_or("kubeadm-config holds no kubernetesVersion").to_owned()
            }),
            images: prefixed("image.").collect(),
            has_cluster_kubelet_config: pairs.get("kubelet_config").map(|state| state == "same"),
            config_kinds: pairs
                .get("config_kinds")
                .map(|kinds| kinds.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            config_missing: pairs.get("config_missing").cloned(),
            record: pairs.get("record").and_then(|text| Record::parse(text)),
            backups: prefixed("backup.").map(|(_, path)| path).collect(),
        }
    }

    /// The versioned parts of the control plane here that are not at this version, with what they are at.
    pub(super) fn parts_not_at(&self, version: &Version) -> Vec<(String, String)> {
        VERSIONED
            .iter()
            .filter_map(|name| match self.images.get(*name) {
                None => Some(((*name).to_owned(), "no manifest".to_owned())),
                Some(image) => match Version::of_image(image) {
                    Some(found) if found == *version => None,
                    Some(found) => Some(((*name).to_owned(), found.tag())),
                    None => Some(((*name).to_owned(), image.clone())),
                },
            })
            .collect()
    }

    /// krun began something here that leads to this version and did not see it end.
    pub(super) fn is_unfinished(&self, version: &Version) -> bool {
        let is_about = |record: &&Record| record.begun.ends_with(&format!(" {}", version.tag()));
        self.record
            .as_ref()
            .filter(is_about)
            .is_some_and(|record| !record.is_done)
    }

    /// krun saw this end here.
    pub(super) fn is_done(&self, begun: &str) -> bool {
        self.record
            .as_ref()
            .is_some_and(|record| record.is_done && record.begun == begun)
    }

    /// The static pods and their versions before and after, for people and for the result.
    pub(super) fn components(&self, after: &Self) -> Value {
        let tag = |image: &String| image.rsplit_once(':').map_or(image.as_str(), |(_, tag)| tag).to_owned();
        let rows = after.images.iter().map(|(name, image)| {
            json!({
                "name": name,
                "image": image,
                "before": self.images.get(name).map(tag),
                "after": tag(image),
            })
        });
        Value::Array(rows.collect())
    }

    /// What every action's result holds.
    pub(super) fn result(&self) -> Map<String, Value> {
        let text = |version: Option<&Version>| version.map_or(Value::Null, |version| version.tag().into());
        let mut result = Map::new();
        result.insert("cluster_version".to_owned(), text(self.cluster.as_ref().ok()));
        result.insert("kubeadm_version".to_owned(), text(self.kubeadm.as_ref()));
        result.insert("kubelet_version".to_owned(), text(self.kubelet.as_ref()));
        let role = match self.role {
            Role::ControlPlane => "control-plane".into(),
            Role::Worker => "worker".into(),
            Role::None => Value::Null,
        };
        result.insert("role".to_owned(), role);
        result.insert("components".to_owned(), self.components(self));
        result.insert("backup_directories".to_owned(), json!(self.backups));
        result
    }
}

impl Record {
    fn parse(text: &str) -> Option<Self> {
        let (begun, state) = text.rsplit_once(' ')?;
        Some(Self {
            begun: begun.to_owned(),
            is_done: state == "done",
        })
    }
}
