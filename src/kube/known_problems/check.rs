use serde::Deserialize;

use crate::kube::preflight::Seen;
use crate::kube::{NodeSurvey, Repository, RepositoryKind, Version};

/// How a known problem is found in what was seen of the nodes and of the cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::kube) enum Check {
    /// The kubelet gets one of these flags from a file beside its configuration.
    KubeletFlag {
        /// Without values: `--network-plugin`.
        flags: Vec<String>,
    },
    /// A line of a static pod's manifest holds one of these texts.
    ManifestHas {
        /// `etcd`, `kube-apiserver` …
        component: String,
        /// The texts.
        any: Vec<String>,
    },
    /// No line of a static pod's manifest holds this text.
    ManifestLacks {
        /// `etcd`, `kube-apiserver` …
        component: String,
        /// The text.
        text: String,
    },
    /// A member of etcd that kubeadm made is older than this.
    EtcdBelow {
        /// The version that is new enough.
        version: Version,
    },
    /// kubeadm made etcd, as a static pod.
    LocalEtcd {},
    /// systemd runs an etcd of its own on a master, or would at the next start.
    EtcdService {},
    /// The etcdctl on a master is of an older minor version than its etcd.
    EtcdctlOlder {},
    /// A member of etcd tells the others to reach it on their own loopback address.
    LocalPeerUrl {},
    /// The machine has this version of control groups.
    Cgroup {
        /// 1 or 2.
        version: u8,
    },
    /// The container runtime is this one, and older than a version where one is given.
    Runtime {
        /// `containerd`, `docker` …
        runtime: String,
        /// The version that is new enough.
        below: Option<Version>,
    },
    /// The node takes packages from a repository of this kind.
    Repository {
        /// `legacy` is the one that matters.
        legacy: bool,
    },
    /// Signatures of packages are not checked.
    UnsignedRepository {},
    /// kubeadm's configuration in the cluster names this feature gate.
    FeatureGate {
        /// Its name.
        gate: String,
    },
    /// kubeadm's configuration in the cluster is of this version of its API.
    ConfigApi {
        /// `v1beta2`.
        version: String,
    },
    /// kubeadm's configuration in the cluster takes images from here.
    ImageRepository {
        /// `k8s.gcr.io`.
        repository: String,
    },
    /// There are more masters than this.
    ControlPlanes {
        /// How many there may be.
        more_than: usize,
        /// Only where each master is finished before the next is begun (`upgrade_order: per_node`).
        #[serde(default)]
        per_node: bool,
    },
    /// A node has this label.
    NodeLabel {
        /// Its name.
        label: String,
    },
    /// A node has this taint.
    NodeTaint {
        /// Its key.
        taint: String,
    },
    /// A file is given to kubeadm (`kubeadm_config`).
    ConfigFile {},
    /// Nodes are drained before kubeadm works on them (`drain_order: before_kubeadm`).
    DrainsBeforeKubeadm {},
}

/// A place where a known problem was found.
#[derive(Default)]
pub(super) struct Found {
    /// The host; `None` for the cluster.
    pub(super) node: Option<String>,
    /// What is there.
    pub(super) detail: String,
    /// krun is set to see to it.
    pub(super) is_seen_to: bool,
    /// What to do, where that is known better than the data knows it.
    pub(super) remedy: Option<String>,
}

impl Found {
    fn on(node: &NodeSurvey, detail: impl Into<String>) -> Self {
        Self {
            node: Some(node.host.clone()),
            detail: detail.into(),
            ..Self::default()
        }
    }

    fn cluster(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..Self::default()
        }
    }
}

/// The file with the kubelet's flags that kubeadm wrote, and krun mends.
const FLAGS_FILE: &str = "/var/lib/kubelet/kubeadm-flags.env";

impl Check {
    /// An earlier step of the same way may make an end of it.
    pub(super) fn may_change_on_the_way(&self) -> bool {
        matches!(
            self,
            Self::EtcdBelow { .. }
                | Self::EtcdctlOlder {}
                | Self::ManifestHas { .. }
                | Self::ManifestLacks { .. }
                | Self::ConfigApi { .. }
        )
    }

    /// Where it is found.
    pub(super) fn find(&self, seen: &Seen<'_>) -> Vec<Found> {
        let question = seen.question;
        let config = &question.cluster.kubeadm_config;
        let nodes = || question.nodes.iter();
        let once = |is_so: bool, detail: String| {
            if is_so {
                vec![Found::cluster(detail)]
            } else {
                Vec::new()
            }
        };
        match self {
            Self::KubeletFlag { flags } => nodes().flat_map(|node| kubelet_flags(seen, node, flags)).collect(),
            Self::ManifestHas { component, any } => seen
                .masters()
                .filter_map(|node| {
                    let lines = &node.manifests.get(component)?.lines;
                    let line = lines
                        .iter()
                        .find(|line| any.iter().any(|text| line.contains(text.as_str())))?;
                    Some(Found {
                        // The way around it is on.
                        is_seen_to: component == "etcd" && !question.settings.etcd_upgrade,
                        ..Found::on(node, format!("{component}.yaml has `{line}`"))
                    })
                })
                .collect(),
            Self::ManifestLacks { component, text } => seen
                .masters()
                .filter(|node| {
                    let manifest = node.manifests.get(component);
                    manifest.is_some_and(|manifest| !manifest.lines.iter().any(|line| line.contains(text.as_str())))
                })
                .map(|node| Found::on(node, format!("{component}.yaml has no `{text}`")))
                .collect(),
            Self::EtcdBelow { version } => etcds(seen)
                .filter(|(_, found)| found < version)
                .map(|(node, found)| Found::on(node, format!("etcd {found}")))
                .collect(),
            Self::LocalEtcd {} => once(etcds(seen).next().is_some(), String::new()),
            Self::EtcdService {} => seen
                .masters()
                .filter(|node| node.has_etcd_service && node.manifests.contains_key("etcd"))
                .map(|node| Found::on(node, "etcd.service"))
                .collect(),
            Self::EtcdctlOlder {} => etcds(seen)
                .filter_map(|(node, etcd)| {
                    let tool: Version = node.etcdctl.as_deref()?.parse().ok()?;
                    let is_older = (tool.major, tool.minor) < (etcd.major, etcd.minor);
                    is_older.then(|| Found::on(node, format!("etcdctl {tool}, etcd {etcd}")))
                })
                .collect(),
            Self::LocalPeerUrl {} => local_peers(seen),
            Self::Cgroup { version } => nodes()
                .filter(|node| node.cgroup_version == Some(*version))
                .map(|node| Found::on(node, String::new()))
                .collect(),
            Self::Runtime { runtime, below } => seen
                .pairs
                .iter()
                .filter_map(|(node, host)| {
                    let (name, version) = node.runtime.split_once("://")?;
                    let is_old = below.as_ref().is_none_or(|below| {
                        let version = version.parse::<Version>();
                        version.is_ok_and(|version| version < *below)
                    });
                    (name == runtime && is_old).then(|| Found {
                        node: Some(host.map_or(&node.name, |host| &host.host).clone()),
                        ..Found::cluster(format!("{name} {version}"))
                    })
                })
                .collect(),
            Self::Repository { legacy } => nodes().filter_map(|node| repository(seen, node, *legacy)).collect(),
            Self::UnsignedRepository {} => nodes()
                .filter_map(|node| {
                    let entry = node.repositories.iter().find(|entry| !entry.is_signed)?;
                    Some(Found::on(node, format!("{} in {}", entry.url, entry.file)))
                })
                .collect(),
            Self::FeatureGate { gate } => once(config["featureGates"].get(gate).is_some(), gate.clone()),
            Self::ConfigApi { version } => {
                let found = config["apiVersion"].as_str().unwrap_or_default();
                once(found.ends_with(&format!("/{version}")), found.to_owned())
            }
            Self::ImageRepository { repository } => once(
                config["imageRepository"].as_str() == Some(repository),
                repository.clone(),
            ),
            Self::ControlPlanes { more_than, per_node } => once(
                question.masters.len() > *more_than && (!per_node || question.settings.per_node),
                String::new(),
            ),
            Self::NodeLabel { label } => {
                let names = names(seen, |node| node.labels.contains_key(label));
                once(!names.is_empty(), names)
            }
            Self::NodeTaint { taint } => {
                let names = names(seen, |node| node.taints.contains(taint));
                once(!names.is_empty(), names)
            }
            Self::ConfigFile {} => once(question.settings.has_config_file, "kubeadm_config".to_owned()),
            Self::DrainsBeforeKubeadm {} => once(
                question.settings.drains_before_kubeadm,
                "drain_order: before_kubeadm".to_owned(),
            ),
        }
    }

    /// How it is found, for the documentation.
    #[cfg(test)]
    pub(super) fn words(&self) -> String {
        match self {
            Self::KubeletFlag { flags } => format!("Found where the kubelet gets {}.", quoted(flags)),
            Self::ManifestHas { component, any } => {
                format!("Found where {component}.yaml of a master has one of {}.", quoted(any))
            }
            Self::ManifestLacks { component, text } => {
                format!("Found where {component}.yaml of a master has no `{text}`.")
            }
            Self::EtcdBelow { version } => format!("Found where a member of etcd is older than {version}."),
            Self::LocalEtcd {} => "Found where kubeadm made etcd.".to_owned(),
            Self::EtcdService {} => "Found where a master has an etcd.service too.".to_owned(),
            Self::EtcdctlOlder {} => "Found where a master's etcdctl is older than its etcd.".to_owned(),
            Self::LocalPeerUrl {} => "Found where a member of etcd has a peer URL on localhost.".to_owned(),
            Self::Cgroup { version } => format!("Found where a node has cgroup v{version}."),
            Self::Runtime { runtime, below: None } => format!("Found where a node's runtime is {runtime}."),
            Self::Runtime {
                runtime,
                below: Some(version),
            } => {
                format!("Found where a node has {runtime} older than {version}.")
            }
            Self::Repository { .. } => "Found where a node takes packages from it.".to_owned(),
            Self::UnsignedRepository {} => "Found where a repository has `gpgcheck=0` or `[trusted=yes]`.".to_owned(),
            Self::FeatureGate { gate } => format!("Found where kubeadm-config names the gate `{gate}`."),
            Self::ConfigApi { version } => format!("Found where kubeadm-config is of `{version}`."),
            Self::ImageRepository { repository } => format!("Found where kubeadm-config says `{repository}`."),
            Self::ControlPlanes { more_than: 0, .. } => "Found in every cluster.".to_owned(),
            Self::ControlPlanes { per_node, .. } => {
                let order = if *per_node {
                    " and `upgrade_order: per_node`"
                } else {
                    ""
                };
                format!("Found with several masters{order}.")
            }
            Self::NodeLabel { label } => format!("Found where a node has the label `{label}`."),
            Self::NodeTaint { taint } => format!("Found where a node has the taint `{taint}`."),
            Self::ConfigFile {} => "Found where `kubeadm_config` is set.".to_owned(),
            Self::DrainsBeforeKubeadm {} => "Found with `drain_order: before_kubeadm`.".to_owned(),
        }
    }
}

#[cfg(test)]
fn quoted(texts: &[String]) -> String {
    texts
        .iter()
        .map(|text| format!("`{text}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn kubelet_flags(seen: &Seen<'_>, node: &NodeSurvey, flags: &[String]) -> Vec<Found> {
    let found = node
        .kubelet_flags
        .iter()
        .filter(|flag| flags.iter().any(|name| name == flag.name()));
    found
        .map(|flag| {
            let is_seen_to = seen.question.settings.removes_flags && flag.file == FLAGS_FILE;
            Found {
                is_seen_to,
                remedy: Some(if is_seen_to {
                    "krun takes it out when this node's kubelet is upgraded (kubelet_remove_old_flags)".to_owned()
                } else {
                    format!("on the node: sed -i 's| *{}[= ][^ \"]*||' {}", flag.name(), flag.file)
                }),
                ..Found::on(node, format!("{} in {}", flag.flag, flag.file))
            }
        })
        .collect()
}

/// The etcds that kubeadm made, with their versions.
fn etcds<'a>(seen: &Seen<'a>) -> impl Iterator<Item = (&'a NodeSurvey, Version)> {
    seen.masters()
        .filter_map(|node| Some((node, node.etcd.as_ref()?.version.parse().ok()?)))
}

fn local_peers(seen: &Seen<'_>) -> Vec<Found> {
    let members = seen.masters().find_map(|node| {
        let etcd = node.etcd.as_ref()?;
        (!etcd.members.is_empty()).then_some(&etcd.members)
    });
    members
        .into_iter()
        .flatten()
        .filter_map(|member| {
            let is_local = |url: &&String| url.contains("//localhost:") || url.contains("//127.");
            let url = member.peer_urls.iter().find(is_local)?;
            Some(Found::cluster(format!("member {} has {url}", member.name)))
        })
        .collect()
}

fn repository(seen: &Seen<'_>, node: &NodeSurvey, legacy: bool) -> Option<Found> {
    let repository = Repository::of_node(node)?;
    let is_frozen = repository.kind == RepositoryKind::Legacy && seen.last().is_some_and(|last| repository.lacks(last));
    let is_seen_to = seen.question.settings.switches_repository;
    (is_frozen && legacy).then(|| Found {
        is_seen_to,
        remedy: Some(if is_seen_to {
            "krun writes the repository of each hop, as repository_baseurl or repository_apt_url says".to_owned()
        } else {
            format!(
                "let krun write the repository of each minor version, in group_vars/all.yml:\n{}",
                repository.switch()
            )
        }),
        ..Found::on(node, repository.url.clone())
    })
}

fn names(seen: &Seen<'_>, is_meant: impl Fn(&crate::kube::ClusterNode) -> bool) -> String {
    let names = seen
        .pairs
        .iter()
        .filter(|(node, _)| is_meant(node))
        .map(|(node, _)| node.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}
