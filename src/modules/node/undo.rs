use std::time::Duration;

use super::Target;
use crate::kube::Node;
use crate::modules::args::Text;
use crate::modules::{Context, Failure, Since, Undo, Undone};

/// How long a node may take to become well again that was left in the middle of its kubelet's restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way to end a cordon that a task of this run made.
pub(in crate::modules) struct EndCordon {
    pub(in crate::modules) node: Text,
    pub(in crate::modules) kubeconfig: Text,
    /// What the cordon is marked with: this run's mark, or that of the earlier run that made it, until it is marked anew.
    pub(in crate::modules) marks: Vec<String>,
    /// The kubelet's version before.
    pub(in crate::modules) kubelet: String,
    /// An earlier run had cordoned the node: what it did there is not known.
    pub(in crate::modules) was_ours: bool,
}

impl EndCordon {
    /// The name under which it is left, for whoever withdraws it.
    pub(in crate::modules) fn name(node: &str) -> String {
        format!("cordon {node}")
    }

    fn look(&self, context: &mut Context<'_>) -> Result<Node, Failure> {
        let target = Target {
            kubeconfig: &self.kubeconfig,
            node: Some(&self.node),
            // Its pods do not matter here: no pod has this label.
            selector: "krun.dev/none",
        };
        Ok(target.query(context, false)?.node)
    }

    /// Why the node must not get pods yet, when its kubelet may have been touched.
    fn objection(&self, node: &Node) -> Option<String> {
        if let Some(lack) = node.lacks(None) {
            return Some(lack);
        }
        // Ready at the old version may be the old kubelet, with the new one's files below it.
        (node.kubelet == self.kubelet).then(|| format!("its kubelet reports {} as before", node.kubelet))
    }
}

impl Undo for EndCordon {
    fn title(&self) -> String {
        format!("uncordon {}", self.node)
    }

    fn undo(&self, context: &mut Context<'_>, since: Since) -> Result<Undone, Failure> {
        let name = &*self.node;
        let mut node = self.look(context)?;
        if !node.is_cordoned {
            return Ok(Undone::Needless);
        }
        if !node.cordoned_by.as_ref().is_some_and(|mark| self.marks.contains(mark)) {
            return Ok(Undone::Left(format!(
                "{name} stays cordoned: the cordon is not krun's any more"
            )));
        }
        if since.changed || self.was_ours {
            // Only what this run brought to its end becomes well by waiting.
            let is_finished = since.changed && !since.unfinished;
            let mut looks = if is_finished { PATIENCE.as_secs() } else { 0 };
            while let Some(objection) = self.objection(&node) {
                if looks == 0 {
                    let reason = if since.changed {
                        "it was changed since"
                    } else {
                        "an earlier run cordoned it and may have changed it"
                    };
                    return Ok(Undone::Left(format!(
                        "{name} stays cordoned: {reason}, and {objection}"
                    )));
                }
                looks -= 1;
                context.report(&format!("before it is uncordoned: {objection}"));
                context.wait(Duration::from_secs(1))?;
                node = self.look(context)?;
            }
        }
        super::uncordon(context, &self.kubeconfig, name)?;
        Ok(Undone::Done(format!("{name} is uncordoned again")))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, scripted, with_context};

    fn node(mark: Option<&str>, kubelet: &str, ready: &str) -> Answer {
        let node = json!({
            "metadata": {"name": "w1", "annotations": {"krun.dev/cordoned-by": mark}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": ready}], "nodeInfo": {"kubeletVersion": kubelet}},
        });
        Answer::stdout(format!("== node\n{node}\n== pods\n{{\"items\": []}}\n"))
    }

    const UNTOUCHED: Since = Since {
        changed: false,
        unfinished: false,
    };
    const AMID: Since = Since {
        changed: true,
        unfinished: true,
    };

    #[rstest]
    #[case::untouched(Some("krun"), "v1.28.0", "True", UNTOUCHED, false, "")]
    #[case::new_kubelet(Some("krun"), "v1.28.2", "True", AMID, false, "")]
    #[case::new_kubelet_not_well(Some("krun"), "v1.28.2", "False", AMID, false, "not Ready")]
    #[case::old_kubelet(Some("krun"), "v1.28.0", "True", AMID, false, "reports v1.28.0 as before")]
    #[case::earlier_run(
        Some("krun"),
        "v1.28.0",
        "True",
        UNTOUCHED,
        true,
        "earlier run cordoned it and may have changed it, and its kubelet reports v1.28.0 as before"
    )]
    #[case::not_marked_anew(Some("earlier"), "v1.28.0", "True", UNTOUCHED, false, "")]
    #[case::another_run(Some("other"), "v1.28.0", "True", UNTOUCHED, false, "not krun's any more")]
    #[case::somebody(None, "v1.28.0", "True", UNTOUCHED, false, "not krun's any more")]
    fn a_node_gets_pods_again_only_where_that_is_safe(
        #[case] mark: Option<&str>,
        #[case] kubelet: &str,
        #[case] ready: &str,
        #[case] since: Since,
        #[case] was_ours: bool,
        #[case] left: &str,
    ) {
        let (mut connection, log) = scripted([node(mark, kubelet, ready), Answer::stdout("node/w1 patched\n")]);
        let undo = EndCordon {
            node: Text("w1".to_owned()),
            kubeconfig: Text("admin.conf".to_owned()),
            marks: vec!["krun".to_owned(), "earlier".to_owned()],
            kubelet: "v1.28.0".to_owned(),
            was_ours,
        };
        let undone = with_context(&mut connection, |context| undo.undo(context, since)).unwrap();
        let asked = asked(&log);
        match undone {
            Undone::Done(_) if left.is_empty() => assert_eq!(asked[1..], ["node/uncordon admin.conf w1"]),
            Undone::Left(reason) if !left.is_empty() => {
                assert!(reason.contains(left), "{reason}");
                assert_eq!(asked.len(), 1);
            }
            undone => panic!("{undone:?}"),
        }
    }
}
