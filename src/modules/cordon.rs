use schemars::JsonSchema;
use serde::Deserialize;

use crate::kube::Node;

use super::args::Text;
use super::capacity::{CountedNodes, Limit, check_limit};
use super::node::{self, Target};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};

/// Lets no new pods on a node, through kubectl on the host that the task runs on (`delegate_to` a control plane).
///
/// The cordon is marked as krun's own (annotation `krun.dev/cordoned-by`), so that `uncordon` ends it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cordon {
    /// The node's name in the cluster. Default: the node whose name, hostname label or address is the task's host's
    /// inventory name, `ansible_host`, or host name by its facts.
    node: Option<Text>,
    /// How many nodes may be unavailable, this one included: a number, or a share of them (`20%`). Counted at the moment of
    /// the cordon, which is refused when too many are not Ready or cordoned. Default: as many as there are.
    max_unavailable: Option<Text>,
    /// Which nodes are counted: those of the play's hosts (`play`), or all of the cluster (`cluster`). Default: play.
    max_unavailable_of: CountedNodes,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    kubeconfig: Text,
}

impl Default for Cordon {
    fn default() -> Self {
        Self {
            node: None,
            max_unavailable: None,
            max_unavailable_of: CountedNodes::default(),
            kubeconfig: Text(node::ADMIN_CONF.to_owned()),
        }
    }
}

impl Module for Cordon {
    const NAME: &'static str = "cordon";
    const AGAIN: Again = Again::UndoneBy("uncordon");
    const EXAMPLE: &'static str = "\
- name: No new pods for this worker
  cordon:
  delegate_to: \"{{ groups.masters[0] }}\"
";

    type Plan = Node;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.max_unavailable
            .as_ref()
            .map_or(Ok(()), |most| check_limit(most).map(drop))
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Node>, Failure> {
        let target = Target {
            kubeconfig: &self.kubeconfig,
            node: self.node.as_ref(),
            selector: "",
        };
        let node = target.query(context, false)?.node;
        if node.is_cordoned {
            node::keep_undo_of_found(context, &self.kubeconfig, &node);
            return Ok(State::Satisfied(Outcome::ok().with("node", node.name)));
        }
        Ok(Pending::new(node, ["cordoned"]).into())
    }

    fn apply(&self, context: &mut Context<'_>, node: Node) -> Result<Outcome, Failure> {
        match &self.max_unavailable {
            None => node::cordon(context, &self.kubeconfig, &node)?,
            Some(most) => Limit {
                most,
                of: self.max_unavailable_of,
                kubeconfig: &self.kubeconfig,
            }
            .cordon(context, &node)?,
        }
        Ok(Outcome::changed(["cordoned"]).with("node", node.name))
    }
}
