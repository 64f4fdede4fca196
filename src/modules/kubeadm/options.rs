use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::args::{Flag, List, Text};

/// What kubeadm is to do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// Say which upgrades are possible (`kubeadm upgrade plan`).
    Plan,
    /// Show how the manifests would change (`kubeadm upgrade diff`).
    Diff,
    /// Upgrade the cluster's control plane, starting with this node (`kubeadm upgrade apply`): on the first control plane only.
    Apply,
    /// Bring this node to the cluster's version (`kubeadm upgrade node`): on all other nodes.
    Node,
    /// Say which versions this node has; with `version`, fail unless kubeadm has it.
    Version,
    /// Read the cluster's configuration from its kubeadm-config.
    Config,
}

/// Takes the steps of a cluster's upgrade that kubeadm takes.
///
/// Nothing is done on a node that is already there. `apply` and `node` run detached: they survive a lost connection.
/// What Kubernetes' version rules forbid is refused before kubeadm is started. In check mode kubeadm runs with
/// `--dry-run`, where the kubeadm on the node already can.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubeadm {
    /// What to do.
    pub(super) action: Action,
    /// Version to upgrade to, with or without `v` or a package's release (`1.28.2`, `v1.28.2`, `1.28.2-0`). Needed by
    /// `apply`; `node` checks that the cluster is at it; `plan` and `diff` take the newest without it.
    #[serde(default)]
    pub(super) version: Option<Text>,
    /// Renew the node's certificates (`--certificate-renewal`). Default: as kubeadm has it, true.
    #[serde(default)]
    pub(super) certificate_renewal: Option<Flag>,
    /// Upgrade the etcd that runs as a static pod (`--etcd-upgrade`). Default: as kubeadm has it, true.
    #[serde(default)]
    pub(super) etcd_upgrade: Option<Flag>,
    /// Path on the node of a kubeadm configuration file (`--config`).
    #[serde(default)]
    pub(super) config: Option<Text>,
    /// Path on the node of a directory with patches for the manifests (`--patches`).
    #[serde(default)]
    pub(super) patches: Option<Text>,
    /// Checks whose errors kubeadm shall take for warnings, or `all` (`--ignore-preflight-errors`).
    #[serde(default)]
    pub(super) ignore_preflight_errors: List,
    /// Upgrade although some requirements are not met (`--force`), and although the version is already there: the way
    /// out of a failed upgrade. Only for `apply`. Default: false.
    #[serde(default)]
    pub(super) force: Flag,
    /// Path on the node of the kubeconfig to ask the cluster with. Default: /etc/kubernetes/admin.conf on control
    /// planes, /etc/kubernetes/kubelet.conf on workers.
    #[serde(default)]
    pub(super) kubeconfig: Option<Text>,
}
