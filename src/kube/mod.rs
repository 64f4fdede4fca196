//! What krun knows of Kubernetes without asking anybody: versions, the skew rules, kubeadm's output, pods, disruption
//! budgets and nodes as the API shows them. Pure: nothing here reads a file or opens a connection.

mod budgets;
mod disturb;
pub mod lock;
mod nodes;
mod plan_output;
mod pods;
mod skew;
mod versions;

pub use budgets::Budget;
pub use disturb::{kubelet_objection, quorum_objection};
pub use nodes::Node;
pub use plan_output::{Component, ComponentConfig, Offer, UpgradePlan};
pub use pods::{DrainOptions, Owner, Pod};
pub use skew::{SkewError, check_kubelet, check_upgrade};
pub use versions::{Version, VersionError};
