//! What a look at a node and at the cluster shows, as the modules that look hand it to those that judge.

mod cluster;
mod node;

pub use cluster::{
    Addon, BlockedBudget, ClusterNode, ClusterSurvey, ComponentPod, DeprecatedApi, Lock, PodAtRisk, Webhook,
};
pub use node::{Certificate, Disk, EtcdMember, EtcdSurvey, KubeletFlag, Manifest, NodeSurvey, RepositoryEntry};
