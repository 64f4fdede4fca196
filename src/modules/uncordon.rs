use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kube::{Node, Version};

use super::args::{Count, Flag, Text};
use super::node::{self, Target, wait_until};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};

/// Lets pods on a node again, once it is Ready and its kubelet has the version, through kubectl on the host that the
/// task runs on (`delegate_to` a control plane).
///
/// Only a cordon that krun made is ended (annotation `krun.dev/cordoned-by`); one that was there before stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Uncordon {
    /// The node's name in the cluster. Default: the node whose name, hostname label or address is the task's host's
    /// inventory name, `ansible_host`, or host name by its facts.
    node: Option<Text>,
    /// Version that the kubelet has to report before. Default: any.
    version: Option<Text>,
    /// Seconds to wait until the node is Ready and at the version. Default: 300.
    wait_timeout: Count,
    /// End a cordon that krun did not make too. Default: false.
    force: Flag,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    kubeconfig: Text,
}

impl Default for Uncordon {
    fn default() -> Self {
        Self {
            node: None,
            version: None,
            wait_timeout: Count(300),
            force: Flag(false),
            kubeconfig: Text(node::ADMIN_CONF.to_owned()),
        }
    }
}

impl Module for Uncordon {
    const NAME: &'static str = "uncordon";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("name", "node")];
    const EXAMPLE: &'static str = "\
- name: The worker takes pods again
  uncordon:
    version: 1.28.2
  delegate_to: \"{{ groups.masters[0] }}\"
";

    type Plan = Node;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.wanted()
            .map(drop)
            .map_err(|error| ArgumentError::option("version", error.to_string()))
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Node>, Failure> {
        let mut found = self.look(context);
        if found.as_ref().is_err_and(|error| !node::is_final(error)) && !context.check_mode {
            // The kubelet was just restarted, and on a control plane the API server may have been too.
            let limit = Duration::from_secs(self.wait_timeout.0);
            wait_until(context, limit, |context| {
                found = self.look(context);
                Ok(match &found {
                    Err(error) if !node::is_final(error) => vec![error.message.clone()],
                    _ => Vec::new(),
                })
            })?;
        }
        let node = found?;
        let outcome = Outcome::ok().with("node", node.name.as_str());
        if !node.is_cordoned {
            return Ok(State::Satisfied(outcome));
        }
        if node.cordoned_by.is_none() && !*self.force {
            let msg = format!("{} was cordoned before krun, left as it is", node.name);
            return Ok(State::Satisfied(outcome.with("msg", msg.as_str()).with_warning(msg)));
        }
        Ok(Pending::new(node, ["uncordoned"]).into())
    }

    fn apply(&self, context: &mut Context<'_>, node: Node) -> Result<Outcome, Failure> {
        let version = self.wanted().map_err(|error| Failure::new(error.to_string()))?;
        let name = node.name.clone();
        // What the check saw is news enough for the first look.
        let mut known = Some(node);
        wait_until(context, Duration::from_secs(self.wait_timeout.0), |context| {
            Ok(match known.take().map_or_else(|| self.look(context), Ok) {
                Ok(node) => node.lacks(version.as_ref()).into_iter().collect(),
                Err(error) if node::is_final(&error) => return Err(error),
                Err(error) => vec![error.message],
            })
        })
        .map_err(|failure| failure.help("the node stays cordoned; look at its kubelet (`journalctl -u kubelet`)"))?;
        node::uncordon(context, &self.kubeconfig, &name)?;
        Ok(Outcome::changed(["uncordoned"]).with("node", name))
    }
}

impl Uncordon {
    fn wanted(&self) -> Result<Option<Version>, crate::kube::VersionError> {
        self.version.as_ref().map(|text| text.parse()).transpose()
    }

    fn look(&self, context: &mut Context<'_>) -> Result<Node, Failure> {
        // Its pods do not matter here: no pod has this label.
        let target = Target {
            kubeconfig: &self.kubeconfig,
            node: self.node.as_ref(),
            selector: "krun.dev/none",
        };
        Ok(target.query(context, false)?.node)
    }
}
