//! What krun knows of Kubernetes without asking anybody: versions, the skew rules, kubeadm's output, pods, disruption
//! budgets and nodes as the API shows them. Pure: nothing here reads a file or opens a connection.

mod budgets;
mod capacity;
mod etcd_answers;
mod hops;
mod known_problems;
pub mod lock;
mod nodes;
mod plan_output;
mod pods;
pub mod preflight;
mod repositories;
mod skew;
mod survey;
mod versions;
mod workloads;

pub use budgets::Budget;
pub use capacity::{Capacity, Member, MostUnavailable, Room};
pub use etcd_answers::{EtcdAnswer, EtcdAnswers};
pub use hops::{Hop, Offered, Standing, Target, plan_hops};
pub use known_problems::{KnownProblem, all as all_known_problems};
pub use nodes::Node;
pub use plan_output::{Component, ComponentConfig, Offer, UpgradePlan};
pub use pods::{DrainOptions, Owner, Pod};
pub use repositories::{Repository, RepositoryKind};
pub use skew::{SkewError, check_kubelet, check_upgrade};
pub use survey::*;
pub use versions::{Version, VersionError};
pub use workloads::Workload;
