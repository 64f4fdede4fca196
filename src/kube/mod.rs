//! What krun knows of Kubernetes without asking anybody: versions, the skew rules, kubeadm's output, pods, disruption
//! budgets and nodes as the API shows them. Pure: nothing here reads a file or opens a connection.

mod budgets;
mod capacity;
mod etcd_answers;
mod nodes;
mod plan_output;
mod pods;
mod skew;
mod versions;
mod workloads;

pub use budgets::Budget;
pub use capacity::{Capacity, Member, MostUnavailable, Room};
pub use etcd_answers::{EtcdAnswer, EtcdAnswers};
pub use nodes::Node;
pub use plan_output::{Component, ComponentConfig, Offer, UpgradePlan};
pub use pods::{DrainOptions, Owner, Pod};
pub use skew::{SkewError, check_kubelet, check_upgrade};
pub use versions::{Version, VersionError};
pub use workloads::Workload;
