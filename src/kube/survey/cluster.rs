use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a look at the cluster through its API shows. What could not be found out is left empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSurvey {
    /// Time of the host that asked, in seconds since 1970.
    pub time: i64,
    /// All nodes.
    pub nodes: Vec<ClusterNode>,
    /// Pods of the control plane.
    pub control_plane: Vec<ComponentPod>,
    /// `PodDisruptionBudgets` that let no pod go now.
    pub budgets: Vec<BlockedBudget>,
    /// Pods that are lost, or lose data, when they leave their node.
    pub pods_at_risk: Vec<PodAtRisk>,
    /// The `ClusterConfiguration` that kubeadm keeps in the cluster.
    pub kubeadm_config: Value,
    /// Why it could not be read.
    pub kubeadm_config_error: Option<String>,
    /// The objects of CoreDNS and kube-proxy.
    pub addons: Vec<Addon>,
    /// krun's lock on the cluster.
    pub lock: Option<Lock>,
    /// Webhooks that are asked when objects are changed.
    pub webhooks: Vec<Webhook>,
    /// Deprecated forms of the API that somebody asked for.
    pub deprecated_apis: Vec<DeprecatedApi>,
    /// Parts of this survey that could not be had, each with the reason.
    pub unknown: Vec<String>,
}

/// A node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// Its kubelet says that it is well.
    pub is_ready: bool,
    /// Why not.
    pub reason: String,
    /// No new pods are put on it.
    pub is_cordoned: bool,
    /// The run of krun that cordoned it.
    pub cordoned_by: Option<String>,
    /// The version that its kubelet runs in.
    pub kubelet: String,
    /// Its distribution.
    pub os: String,
    /// Its kernel.
    pub kernel: String,
    /// Its container runtime: `containerd://1.7.0`.
    pub runtime: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its labels.
    pub labels: IndexMap<String, String>,
    /// Keys of its taints.
    pub taints: Vec<String>,
}

impl ClusterNode {
    /// It carries a part of the control plane.
    pub fn is_control_plane(&self) -> bool {
        ["control-plane", "master"]
            .iter()
            .any(|role| self.labels.contains_key(&format!("node-role.kubernetes.io/{role}")))
    }

    /// It is called so, or has this address.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name
            || self
                .labels
                .get("kubernetes.io/hostname")
                .is_some_and(|label| label == name)
            || self.addresses.iter().any(|address| address == name)
    }
}

/// A pod of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComponentPod {
    /// `kube-apiserver`, `etcd` …
    pub component: String,
    /// Its node.
    pub node: String,
    /// Its first image.
    pub image: String,
    /// It can serve.
    pub is_ready: bool,
}

/// A `PodDisruptionBudget` that would hold a drain up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockedBudget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How many pods have to be healthy.
    pub needs: i64,
    /// How many are.
    pub has: i64,
    /// How many may go now.
    pub allowed: i64,
    /// The pods that it holds.
    pub pods: Vec<String>,
    /// Their nodes.
    pub nodes: Vec<String>,
}

/// A pod that a drain costs something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodAtRisk {
    /// `namespace/name`.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Nothing would make it anew.
    pub is_bare: bool,
    /// It keeps data in an emptyDir.
    pub has_local_data: bool,
}

/// An object that kubeadm made and overwrites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addon {
    /// `deployment/coredns`.
    pub object: String,
    /// Its first image.
    pub image: String,
    /// Programs that changed it and are neither kubeadm nor a controller: `kubectl-edit`.
    pub edited_by: Vec<String>,
}

/// A lock on the cluster, which a run of krun renews while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Who holds it: `USER@HOST RUN`.
    pub holder: String,
    /// When it was renewed last, in seconds since 1970.
    pub renewed: i64,
    /// How long that counts, in seconds.
    pub duration: i64,
}

/// A webhook that a service in the cluster answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The configuration that it stands in.
    pub configuration: String,
    /// `namespace/name` of the service.
    pub service: String,
    /// Requests fail when it does not answer.
    pub is_fatal: bool,
    /// How many pods answer for the service.
    pub endpoints: usize,
}

/// A deprecated form of the API in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeprecatedApi {
    /// `policy/v1beta1 podsecuritypolicies`.
    pub name: String,
    /// The minor version that no longer has it: `1.25`.
    pub removed_in: String,
}
