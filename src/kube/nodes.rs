use serde_json::Value;

use super::Version;

/// A node as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// No new pods are put on it.
    pub is_cordoned: bool,
    /// The run of krun that cordoned it.
    pub cordoned_by: Option<String>,
    /// Its kubelet says that it is well.
    pub is_ready: bool,
    /// Why it is not Ready, where the API says so.
    pub reason: String,
    /// What its kubelet reports as its version.
    pub kubelet: String,
    /// It carries a part of the control plane.
    pub is_control_plane: bool,
}

impl Node {
    /// The annotation that marks a cordon as krun's own.
    pub const CORDONED_BY: &'static str = "krun.dev/cordoned-by";

    /// Reads a node as the API gives it.
    pub fn read(node: &Value) -> Option<Self> {
        let metadata = &node["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let conditions = node["status"]["conditions"].as_array();
        let ready = conditions.and_then(|conditions| conditions.iter().find(|condition| condition["type"] == "Ready"));
        let has_label = |name: &str| metadata["labels"].get(name).is_some();
        Some(Self {
            name: metadata["name"].as_str()?.to_owned(),
            is_cordoned: node["spec"]["unschedulable"] == true,
            cordoned_by: metadata["annotations"][Self::CORDONED_BY]
                .as_str()
                .map(ToOwned::to_owned),
            is_ready: ready.is_some_and(|condition| condition["status"] == "True"),
            reason: ready.map(|condition| text(&condition["message"])).unwrap_or_default(),
            kubelet: text(&node["status"]["nodeInfo"]["kubeletVersion"]),
            is_control_plane: has_label("node-role.kubernetes.io/control-plane")
                || has_label("node-role.kubernetes.io/master"),
        })
    }

    /// What the node lacks to be Ready with a kubelet of this version; `None` when it lacks nothing.
    pub fn lacks(&self, version: Option<&Version>) -> Option<String> {
        if !self.is_ready {
            let reason = if self.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", self.reason)
            };
            return Some(format!("node {} is not Ready{reason}", self.name));
        }
        let version = version?;
        if self.kubelet.parse::<Version>().as_ref() == Ok(version) {
            None
        } else {
            Some(format!(
                "kubelet of {} reports {}, not {}",
                self.name,
                self.kubelet,
                version.tag()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("True", "v1.28.2", Some("1.28.2"), None)]
    #[case("True", "v1.28.2", None, None)]
    #[case(
        "True",
        "v1.28.0",
        Some("1.28.2"),
        Some("kubelet of w1 reports v1.28.0, not v1.28.2")
    )]
    #[case("False", "v1.28.2", None, Some("node w1 is not Ready (runtime is down)"))]
    #[case("Unknown", "v1.28.2", None, Some("node w1 is not Ready (runtime is down)"))]
    fn readiness(
        #[case] ready: &str,
        #[case] kubelet: &str,
        #[case] version: Option<&str>,
        #[case] lacks: Option<&str>,
    ) {
        let node = Node::read(&json!({
            "metadata": {"name": "w1", "annotations": {"krun.dev/cordoned-by": "run-7"}},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": ready, "message": "runtime is down"}],
                "nodeInfo": {"kubeletVersion": kubelet},
            },
        }))
        .unwrap();
        let version = version.map(|text| text.parse().unwrap());
        assert_eq!(node.lacks(version.as_ref()).as_deref(), lacks);
        assert!(node.is_cordoned);
        assert_eq!(node.cordoned_by.as_deref(), Some("run-7"));
    }
}
