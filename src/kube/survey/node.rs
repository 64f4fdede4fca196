use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// What a look at one machine shows. What could not be found out is left empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSurvey {
    /// Its name in the inventory.
    pub host: String,
    /// Names and addresses that its node may have in the cluster, the best first.
    pub identities: Vec<String>,
    /// Its clock beside that of krun's machine, in seconds.
    pub clock_offset: f64,
    /// How far off that may be: the time that asking took.
    pub clock_margin: f64,
    /// Its time, in seconds since 1970.
    pub time: i64,
    /// The distribution's own name for itself.
    pub os: String,
    /// The kernel's release.
    pub kernel: String,
    /// `dnf`, `yum`, `apt` …
    pub package_manager: String,
    /// Swap areas in use, as /proc/swaps lists them.
    pub swaps: Vec<String>,
    /// The kubelet is told to put up with swap.
    pub swap_allowed: bool,
    /// Version of the control groups: 1 or 2.
    pub cgroup_version: Option<u8>,
    /// What systemd says of the kubelet: `active`.
    pub kubelet_state: String,
    /// Version of the program kubeadm.
    pub kubeadm: Option<String>,
    /// Version of the program kubelet.
    pub kubelet: Option<String>,
    /// Version of the program kubectl.
    pub kubectl: Option<String>,
    /// Version of kubeadm's package, with its release.
    pub package: Option<String>,
    /// Version of containerd, where it is there.
    pub containerd: Option<String>,
    /// Flags that the kubelet gets from files beside its configuration.
    pub kubelet_flags: Vec<KubeletFlag>,
    /// File systems that an upgrade needs room in.
    pub disks: Vec<Disk>,
    /// Size of etcd's data.
    pub etcd_data_kib: Option<u64>,
    /// Package repositories for Kubernetes that are switched on.
    pub repositories: Vec<RepositoryEntry>,
    /// The administrator's kubeconfig is there.
    pub has_admin_conf: bool,
    /// Manifests of static pods by component.
    pub manifests: IndexMap<String, Manifest>,
    /// Certificates, with their ends.
    pub certificates: Vec<Certificate>,
    /// What kubeadm would write otherwise into the manifests at their present version: lines of a diff.
    pub drift: Vec<String>,
    /// Why that could not be found out.
    pub drift_error: Option<String>,
    /// Images that kubeadm names for its control plane.
    pub images: Vec<String>,
    /// Why it named none.
    pub images_error: Option<String>,
    /// An etcd that systemd runs or would run, beside that of the cluster.
    pub has_etcd_service: bool,
    /// Version of the host's own etcdctl.
    pub etcdctl: Option<String>,
    /// What this master's own etcd says.
    pub etcd: Option<EtcdSurvey>,
}

/// A flag of the kubelet, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeletFlag {
    /// With its value: `--network-plugin=cni`.
    pub flag: String,
    /// The file.
    pub file: String,
}

impl KubeletFlag {
    /// Without its value.
    pub fn name(&self) -> &str {
        self.flag.split('=').next().unwrap_or(&self.flag)
    }
}

/// Room in a file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// What it is needed for: `var`, `kubernetes`, `etcd`, `images`.
    pub purpose: String,
    /// A folder in it.
    pub path: String,
    /// What is free.
    pub free_kib: u64,
}

/// A package repository as the node's package manager knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryEntry {
    /// The file that it stands in.
    pub file: String,
    /// Its address.
    pub url: String,
    /// Signatures of its packages are checked.
    pub is_signed: bool,
}

/// A static pod's manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// Its first image.
    pub image: String,
    /// Its lines, without the space around them.
    pub lines: Vec<String>,
}

/// A certificate, and when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// As kubeadm calls it: `apiserver`, `admin.conf`.
    pub name: String,
    /// Its end, in seconds since 1970.
    pub expires: i64,
    /// It signs others, and kubeadm does not renew it.
    pub is_authority: bool,
}

/// What one member of etcd says of itself and of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtcdSurvey {
    /// Why it could not be asked.
    pub error: Option<String>,
    /// Version of its server.
    pub version: String,
    /// Its own identity, as decimal digits.
    pub id: String,
    /// The leader's identity; `0` for none.
    pub leader: String,
    /// Alarms that are raised: `NOSPACE`.
    pub alarms: Vec<String>,
    /// All members.
    pub members: Vec<EtcdMember>,
}

/// A member of etcd, as another one lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtcdMember {
    /// Its identity, as decimal digits.
    pub id: String,
    /// Its name; empty for one that never started.
    pub name: String,
    /// It has no vote yet.
    pub is_learner: bool,
    /// Where the others reach it.
    pub peer_urls: Vec<String>,
}
