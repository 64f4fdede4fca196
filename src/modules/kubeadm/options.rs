use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::modules::args::{Count, Flag, List, Text};

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
    /// Change the cluster's configuration in its kubeadm-config (`image_repository`, `drop_feature_gates`), which the next
    /// upgrade then uses: the way that every version has, and from 1.31 on the only one.
    Configure,
}

/// When images are pulled.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
pub(super) enum ImagePullPolicy {
    /// Those that are not there.
    IfNotPresent,
    /// All.
    Always,
    /// None: they have to be there.
    Never,
}

/// How long kubeadm waits, in seconds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Timeouts {
    /// For a part of the control plane to be well.
    control_plane_component_health_check: Option<Count>,
    /// For the kubelet to be well.
    kubelet_health_check: Option<Count>,
    /// For an answer of the API server.
    kubernetes_api_call: Option<Count>,
    /// For an answer of etcd.
    etcd_api_call: Option<Count>,
    /// For a static pod of a new manifest. kubeadm's default: 300.
    upgrade_manifests: Option<Count>,
}

impl Timeouts {
    fn given(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            (
                "controlPlaneComponentHealthCheck",
                &self.control_plane_component_health_check,
            ),
            ("kubeletHealthCheck", &self.kubelet_health_check),
            ("kubernetesAPICall", &self.kubernetes_api_call),
            ("etcdAPICall", &self.etcd_api_call),
            ("upgradeManifests", &self.upgrade_manifests),
        ]
        .into_iter()
        .filter_map(|(name, count)| count.as_ref().map(|count| (name, count.0)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given().next().is_none()
    }

    /// As they stand in an `UpgradeConfiguration`.
    pub(super) fn fields(&self) -> Value {
        self.given()
            .map(|(name, seconds)| (name.to_owned(), Value::from(format!("{seconds}s"))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Takes the steps of a cluster's upgrade that kubeadm takes.
///
/// Nothing is done on a node that is already there. `apply` and `node` run detached: they survive a lost connection.
/// What Kubernetes' version rules forbid is refused before kubeadm is started, and so is an option that the kubeadm on the
/// node does not know, or would take and ignore. In check mode kubeadm runs with
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
    /// Path on the node of a kubeadm configuration file (`--config`): up to 1.30 a `ClusterConfiguration`, for `apply`; from
    /// 1.31 on an `UpgradeConfiguration`, which kubeadm then takes in place of `certificate_renewal`, `etcd_upgrade`, `force` and
    /// `patches`.
    #[serde(default)]
    pub(super) config: Option<Text>,
    /// Path on the node of a directory with patches for the manifests (`--patches`).
    #[serde(default)]
    pub(super) patches: Option<Text>,
    /// Checks whose errors kubeadm shall take for warnings, or `all` (`--ignore-preflight-errors`).
    #[serde(default)]
    pub(super) ignore_preflight_errors: List,
    /// Phases to leave out (`--skip-phases`): of `apply` from 1.32 on.
    #[serde(default)]
    pub(super) skip_phases: List,
    /// When kubeadm pulls images; from 1.31 on. kubeadm's default: `IfNotPresent`.
    #[serde(default)]
    pub(super) image_pull_policy: Option<ImagePullPolicy>,
    /// Pull one image after the other; from 1.31 on. kubeadm's default: true.
    #[serde(default)]
    pub(super) image_pull_serial: Option<Flag>,
    /// How long kubeadm waits for this and that; from 1.31 on.
    #[serde(default)]
    pub(super) timeouts: Timeouts,
    /// Where the control plane's images come from, for `configure`: `imageRepository` of the `ClusterConfiguration`.
    #[serde(default)]
    pub(super) image_repository: Option<Text>,
    /// Feature gates to take out, for `configure`: kubeadm refuses a gate that it does not know any more
    /// (`ControlPlaneKubeletLocalMode` before 1.36).
    #[serde(default)]
    pub(super) drop_feature_gates: List,
    /// Upgrade although some requirements are not met (`--force`), and although the version is already there: the way
    /// out of a failed upgrade. Only for `apply`. Default: false.
    #[serde(default)]
    pub(super) force: Flag,
    /// Path on the node of the kubeconfig to ask the cluster with. Default: /etc/kubernetes/admin.conf on control
    /// planes, /etc/kubernetes/kubelet.conf on workers.
    #[serde(default)]
    pub(super) kubeconfig: Option<Text>,
}
