use crate::kube::{Node, Pod, Version};

/// The parts of a control plane that every one of its nodes runs.
const PARTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What one look at the cluster showed.
pub(super) struct Seen<'a> {
    /// The API server's own word: `ok`, or its failing checks.
    pub(super) api: &'a str,
    /// The API server's word on etcd.
    pub(super) etcd: &'a str,
    pub(super) node: &'a Node,
    /// The control plane's pods on all nodes.
    pub(super) pods: &'a [Pod],
}

impl Seen<'_> {
    pub(super) fn api_lacks(&self) -> Option<String> {
        (self.api != "ok").then(|| format!("the API server is not ready ({})", failing(self.api)))
    }

    pub(super) fn etcd_lacks(&self) -> Vec<String> {
        let mut lacking = Vec::new();
        if self.etcd != "ok" {
            lacking.push(format!("the API server does not reach etcd ({})", failing(self.etcd)));
        }
        let members = self.pods.iter().filter(|pod| pod.label("component") == Some("etcd"));
        lacking.extend(
            members
                .filter(|pod| !pod.is_ready)
                .map(|pod| format!("{} on {} is not ready", pod.name, pod.node)),
        );
        lacking
    }

    /// What the control plane's pods on the node lack; nothing on a worker.
    pub(super) fn pods_lack(&self, version: Option<&Version>) -> Vec<String> {
        if !self.node.is_control_plane {
            return Vec::new();
        }
        PARTS.iter().filter_map(|part| self.part_lacks(part, version)).collect()
    }

    fn part_lacks(&self, part: &str, version: Option<&Version>) -> Option<String> {
        let is_it = |pod: &&Pod| pod.node == self.node.name && pod.label("component") == Some(part);
        let Some(pod) = self.pods.iter().find(is_it) else {
            return Some(format!("{part} on {} has no pod", self.node.name));
        };
        let is_at_version = |version: &Version| {
            let mut images = pod.images.iter();
            images.any(|image| Version::of_image(image).as_ref() == Some(version))
        };
        match version {
            Some(version) if !is_at_version(version) => Some(format!("{} is not at {}", pod.name, version.tag())),
            _ if !pod.is_ready => Some(format!("{} is not ready", pod.name)),
            _ => None,
        }
    }
}

/// The failing checks of `/readyz` by name, or the first words of another error.
fn failing(text: &str) -> String {
    let failed: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .collect();
    if failed.is_empty() {
        return text.lines().next().unwrap_or("no answer").to_owned();
    }
    failed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(is_control_plane: bool) -> Node {
        let labels = if is_control_plane {
            json!({"node-role.kubernetes.io/control-plane": ""})
        } else {
            json!({})
        };
        Node::read(&json!({"metadata": {"name": "m1", "labels": labels}})).unwrap()
    }

    fn pods(version: &str, ready: &str) -> Vec<Pod> {
        let items: Vec<_> = PARTS
            .iter()
            .chain(&["etcd"])
            .map(|part| {
                json!({
                    "metadata": {"name": format!("{part}-m1"), "namespace": "kube-system", "labels": {"component": part}},
                    "spec": {"nodeName": "m1", "containers": [{"image": format!("registry.k8s.io/{part}:{version}")}]},
                    "status": {"conditions": [{"type": "Ready", "status": ready}]},
                })
            })
            .collect();
        Pod::list(&json!({"items": items}))
    }

    #[test]
    fn a_control_plane_at_the_version() {
        let version = "1.28.2".parse().unwrap();
        let (node, pods) = (node(true), pods("v1.28.2", "True"));
        let seen = Seen {
            api: "ok",
            etcd: "ok",
            node: &node,
            pods: &pods,
        };
        assert_eq!(seen.pods_lack(Some(&version)), Vec::<String>::new());
        assert_eq!(seen.etcd_lacks(), Vec::<String>::new());
        assert_eq!(seen.api_lacks(), None);
    }

    #[test]
    fn what_lacks_is_named() {
        let version = "1.28.2".parse().unwrap();
        let (node, pods) = (node(true), pods("v1.28.0", "False"));
        let api = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed";
        let seen = Seen {
            api,
            etcd: "",
            node: &node,
            pods: &pods,
        };
        assert_eq!(seen.pods_lack(Some(&version))[0], "kube-apiserver-m1 is not at v1.28.2");
        assert_eq!(seen.pods_lack(None)[2], "kube-scheduler-m1 is not ready");
        assert_eq!(seen.etcd_lacks()[1], "etcd-m1 on m1 is not ready");
        assert_eq!(
            seen.api_lacks().unwrap(),
            "the API server is not ready (etcd failed: reason withheld)"
        );
        let seen = Seen { pods: &[], ..seen };
        assert_eq!(seen.pods_lack(None)[0], "kube-apiserver on m1 has no pod");
    }

    #[test]
    fn a_worker_has_no_such_pods() {
        let node = node(false);
        let seen = Seen {
            api: "ok",
            etcd: "ok",
            node: &node,
            pods: &[],
        };
        assert_eq!(seen.pods_lack(None), Vec::<String>::new());
    }
}
