use serde_json::Value;

use super::Workload;

/// What made a pod, and would make it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nothing: the pod is lost when it leaves.
    Nobody,
    /// A manifest on the node; what the API shows is its mirror, which nobody can evict.
    Manifest,
    /// A `DaemonSet`, which would make it anew on the same node.
    DaemonSet,
    /// Something that makes it anew on another node.
    Controller,
}

/// A pod as far as a drain cares about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// What made it.
    pub owner: Owner,
    /// What keeps a number of such pods alive.
    pub workload: Option<Workload>,
    /// It keeps data in an emptyDir, which is lost with it.
    pub has_local_data: bool,
    /// It ran to its end; nothing is lost with it.
    pub is_finished: bool,
    /// All its containers say that they can serve.
    pub is_ready: bool,
    /// The node it runs on.
    pub node: String,
    /// Images of its containers.
    pub images: Vec<String>,
}

/// What the author of a drain allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrainOptions {
    /// Leave the pods of `DaemonSets` where they are.
    pub ignore_daemonsets: bool,
    /// Data in emptyDirs may be lost.
    pub delete_emptydir_data: bool,
    /// Pods that nothing makes anew may be lost.
    pub force: bool,
}

/// The owner that makes a pod anew.
fn controller(metadata: &Value) -> Option<&Value> {
    let owners = metadata["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)
}

impl Owner {
    fn read(metadata: &Value) -> Self {
        if metadata["annotations"].get("kubernetes.io/config.mirror").is_some() {
            return Self::Manifest;
        }
        match controller(metadata).map(|owner| owner["kind"].as_str()) {
            None => Self::Nobody,
            Some(Some("DaemonSet")) => Self::DaemonSet,
            Some(_) => Self::Controller,
        }
    }
}

impl Pod {
    /// The pods of a list as the API gives it; objects without a name are passed over.
    pub fn list(list: &Value) -> Vec<Self> {
        list["items"]
            .as_array()
            .map(|items| items.iter().filter_map(Self::read).collect())
            .unwrap_or_default()
    }

    fn read(pod: &Value) -> Option<Self> {
        let metadata = &pod["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let volumes = pod["spec"]["volumes"].as_array();
        let containers = pod["spec"]["containers"].as_array();
        let conditions = pod["status"]["conditions"].as_array();
        Some(Self {
            namespace: text(&metadata["namespace"]),
            name: metadata["name"].as_str()?.to_owned(),
            labels: metadata["labels"]
                .as_object()
                .map(|labels| labels.iter().map(|(key, value)| (key.clone(), text(value))).collect())
                .unwrap_or_default(),
            owner: Owner::read(metadata),
            workload: controller(metadata).and_then(|owner| {
                let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
                Workload::of(metadata["namespace"].as_str()?, kind, name)
            }),
            has_local_data: volumes
                .is_some_and(|volumes| volumes.iter().any(|volume| volume.get("emptyDir").is_some())),
            is_finished: matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")),
            is_ready: conditions.is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
            }),
            node: text(&pod["spec"]["nodeName"]),
            images: containers
                .map(|containers| containers.iter().map(|container| text(&container["image"])).collect())
                .unwrap_or_default(),
        })
    }

    /// `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| label == name)
            .map(|(_, value)| value.as_str())
    }

    /// A drain leaves it where it is: static pods always, those of `DaemonSets` because they would come back at once.
    pub fn stays(&self) -> bool {
        self.owner == Owner::Manifest || self.is_held_by_daemonset()
    }

    fn is_held_by_daemonset(&self) -> bool {
        self.owner == Owner::DaemonSet && !self.is_finished
    }

    /// It leaves the node and nothing makes it anew.
    pub fn is_lost_by_drain(&self) -> bool {
        !self.stays() && !self.is_finished && self.owner == Owner::Nobody
    }

    /// It leaves the node, and the data in its emptyDir with it.
    pub fn loses_data_by_drain(&self) -> bool {
        !self.stays() && !self.is_finished && self.has_local_data
    }
}

impl DrainOptions {
    /// Why kubectl would refuse to drain a node with these pods: one line a reason, with the option that allows it.
    ///
    /// kubectl finds out only after it has cordoned the node; asking before leaves the node as it was.
    pub fn objections(self, pods: &[Pod]) -> Vec<String> {
        let mut objections = Vec::new();
        let mut object = |allowed: bool, option: &str, what: &str, concerns: &dyn Fn(&Pod) -> bool| {
            let names: Vec<_> = pods.iter().filter(|pod| concerns(pod)).map(Pod::full_name).collect();
            if !allowed && !names.is_empty() {
                objections.push(format!("{what}: {} (`{option}: true` allows it)", names.join(", ")));
            }
        };
        object(
            self.ignore_daemonsets,
            "ignore_daemonsets",
            "pods of DaemonSets, which cannot leave",
            &Pod::is_held_by_daemonset,
        );
        object(
            self.delete_emptydir_data,
            "delete_emptydir_data",
            "pods whose emptyDir data would be lost",
            &Pod::loses_data_by_drain,
        );
        object(
            self.force,
            "force",
            "pods that no controller would make anew",
            &Pod::is_lost_by_drain,
        );
        objections
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pods() -> Vec<Pod> {
        Pod::list(&json!({"items": [
            {"metadata": {"name": "web", "namespace": "shop",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": true}]}},
            {"metadata": {"name": "cache", "namespace": "shop",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "cache", "controller": true}]},
                "spec": {"volumes": [{"name": "data", "emptyDir": {}}]}},
            {"metadata": {"name": "proxy", "namespace": "kube-system",
                "ownerReferences": [{"kind": "DaemonSet", "name": "proxy", "controller": true}]}},
            {"metadata": {"name": "etcd-m1", "namespace": "kube-system",
                "annotations": {"kubernetes.io/config.mirror": "0"},
                "ownerReferences": [{"kind": "Node", "name": "m1", "controller": true}]}},
            {"metadata": {"name": "bare", "namespace": "shop"}},
            {"metadata": {"name": "done", "namespace": "shop"}, "status": {"phase": "Succeeded"}},
        ]}))
    }

    #[rstest]
    #[case(true, true, true, "")]
    #[case(true, true, false, "shop/bare")]
    #[case(true, false, true, "shop/cache")]
    #[case(false, true, true, "kube-system/proxy")]
    fn what_a_drain_needs_leave_for(
        #[case] ignore_daemonsets: bool,
        #[case] delete_emptydir_data: bool,
        #[case] force: bool,
        #[case] named: &str,
    ) {
        let options = DrainOptions {
            ignore_daemonsets,
            delete_emptydir_data,
            force,
        };
        let objections = options.objections(&pods()).join("\n");
        assert!(
            objections.contains(named) && objections.is_empty() == named.is_empty(),
            "{objections}"
        );
        assert!(!objections.contains("etcd-m1") && !objections.contains("done"));
    }

    #[test]
    fn who_leaves() {
        let leaving: Vec<_> = pods()
            .iter()
            .filter(|pod| !pod.stays())
            .map(|pod| pod.name.clone())
            .collect();
        assert_eq!(leaving, ["web", "cache", "bare", "done"]);
    }
}
