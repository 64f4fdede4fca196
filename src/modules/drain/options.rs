use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::args::{Count, Flag, List, Text};
use crate::modules::capacity::{CountedNodes, Limit};

/// What to do with the node.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// Let no new pods on it, and move those that are there away.
    #[default]
    Drain,
    /// Let no new pods on it.
    Cordon,
    /// Let pods on it again.
    Uncordon,
}

/// What to do when a drain did not get done in its time.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnTimeout {
    /// The task fails.
    #[default]
    Fail,
    /// Delete the pods that are left, past all `PodDisruptionBudgets`: what they protect may be down for a while.
    DisableEviction,
    /// Leave the pods that are left where they are and go on: they are hit by whatever is done to the node.
    Leave,
}

/// Empties a node before its kubelet is upgraded: cordons it and evicts its pods, through kubectl on the host that the
/// task runs on (`delegate_to` a control plane).
///
/// Nothing is done on a node that is cordoned and empty. What kubectl would refuse is refused before the node is
/// cordoned, and so is what the API server refuses in a dry run (`kubectl drain --dry-run=server`, from kubectl 1.18 on). A
/// budget that allows nothing right now is shown and waited for. While it drains it says what is still on the node and
/// which budget holds it, whenever that changes.
/// krun marks its cordon with the annotation `krun.dev/cordoned-by`, so that `uncordon` ends no cordon that
/// somebody else made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// The node's name in the cluster. Default: the node whose name, hostname label or address is the task's host's
    /// inventory name, `ansible_host`, or host name by its facts.
    pub(super) node: Option<Text>,
    /// What to do with the node (as in Ansible's `k8s_drain`). Default: drain.
    pub(super) state: Wanted,
    /// Leave the pods of `DaemonSets` where they are, as they cannot leave. Default: true.
    pub(super) ignore_daemonsets: Flag,
    /// Evict pods that keep data in an emptyDir too; the data is lost. Default: false.
    pub(super) delete_emptydir_data: Flag,
    /// Evict pods that nothing makes anew too; they are lost. Default: false.
    pub(super) force: Flag,
    /// Delete pods instead of evicting them, past all `PodDisruptionBudgets`. Default: false.
    pub(super) disable_eviction: Flag,
    /// Seconds that pods get to end. Default: what each pod says itself.
    pub(super) grace_period: Option<Count>,
    /// Label selectors of the pods to evict; all have to match. Default: all pods.
    #[serde(alias = "pod_selectors")]
    pub(super) pod_selector: List,
    /// Seconds after which the drain is given up. Default: 600.
    pub(super) timeout: Count,
    /// What to do then. `disable_eviction` takes as long once more. Default: fail.
    pub(super) on_timeout: OnTimeout,
    /// Do not wait for pods that have been ending for longer than this many seconds. Default: wait for all.
    pub(super) skip_wait_for_delete_timeout: Option<Count>,
    /// End krun's own cordon when the drain fails, as nothing was changed on the node. Default: true.
    pub(super) uncordon_on_failure: Flag,
    /// How many nodes may be unavailable, this one included: a number, or a share of them (`20%`). Counted at the moment of
    /// the cordon, which is refused when too many are not Ready or cordoned. Default: as many as there are.
    pub(super) max_unavailable: Option<Text>,
    /// Which nodes are counted: those of the play's hosts (`play`), or all of the cluster (`cluster`). Default: play.
    pub(super) max_unavailable_of: CountedNodes,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    pub(super) kubeconfig: Text,
    /// Options in the shape of Ansible's `k8s_drain`; each one given here wins over the option above.
    pub(super) delete_options: Option<DeleteOptions>,
}

/// How pods are evicted, in the shape of Ansible's `k8s_drain`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteOptions {
    /// As `grace_period`.
    terminate_grace_period: Option<Count>,
    /// As `force`.
    force: Option<Flag>,
    /// As `ignore_daemonsets`.
    ignore_daemonsets: Option<Flag>,
    /// As `delete_emptydir_data`.
    delete_emptydir_data: Option<Flag>,
    /// As `disable_eviction`.
    disable_eviction: Option<Flag>,
    /// As `timeout`.
    wait_timeout: Option<Count>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            node: None,
            state: Wanted::Drain,
            ignore_daemonsets: Flag(true),
            delete_emptydir_data: Flag(false),
            force: Flag(false),
            disable_eviction: Flag(false),
            grace_period: None,
            pod_selector: List::default(),
            timeout: Count(600),
            on_timeout: OnTimeout::Fail,
            skip_wait_for_delete_timeout: None,
            uncordon_on_failure: Flag(true),
            max_unavailable: None,
            max_unavailable_of: CountedNodes::default(),
            kubeconfig: Text(crate::modules::node::ADMIN_CONF.to_owned()),
            delete_options: None,
        }
    }
}

impl Drain {
    /// The options with those of `delete_options` in their places.
    pub(super) fn flattened(&self) -> Self {
        let mut flat = self.clone();
        if let Some(options) = flat.delete_options.take() {
            flat.grace_period = options.terminate_grace_period.or(flat.grace_period);
            flat.force = options.force.unwrap_or(flat.force);
            flat.ignore_daemonsets = options.ignore_daemonsets.unwrap_or(flat.ignore_daemonsets);
            flat.delete_emptydir_data = options.delete_emptydir_data.unwrap_or(flat.delete_emptydir_data);
            flat.disable_eviction = options.disable_eviction.unwrap_or(flat.disable_eviction);
            flat.timeout = options.wait_timeout.unwrap_or(flat.timeout);
        }
        flat
    }

    /// kubectl drain's options.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--ignore-daemonsets={}", *self.ignore_daemonsets),
            format!("--delete-emptydir-data={}", *self.delete_emptydir_data),
            format!("--force={}", *self.force),
            format!("--timeout={}s", self.timeout.0),
        ];
        if *self.disable_eviction {
            arguments.push("--disable-eviction=true".to_owned());
        }
        if let Some(Count(seconds)) = self.grace_period {
            arguments.push(format!("--grace-period={seconds}"));
        }
        if !self.pod_selector.is_empty() {
            arguments.push(format!("--pod-selector={}", self.selector()));
        }
        if let Some(Count(seconds)) = self.skip_wait_for_delete_timeout {
            arguments.push(format!("--skip-wait-for-delete-timeout={seconds}"));
        }
        arguments
    }

    /// The limit on unavailable nodes, where there is one.
    pub(super) fn limit(&self) -> Option<Limit<'_>> {
        self.max_unavailable.as_ref().map(|most| Limit {
            most,
            of: self.max_unavailable_of,
            kubeconfig: &self.kubeconfig,
        })
    }

    pub(super) fn selector(&self) -> String {
        self.pod_selector.join(",")
    }
}
