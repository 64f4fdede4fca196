//! What of a lab's trace changes the cluster.

const NODES: [&str; 6] = ["m1", "m2", "m3", "w1", "w2", "w3"];

/// The commands that change something, in order: `NODE: WHAT`.
pub fn changes(trace: &[String]) -> Vec<String> {
    let kinds: [(&str, &[&str]); 6] = [
        ("kubeadm upgrade apply", &["kubeadm", "upgrade apply"]),
        ("kubeadm upgrade node", &["kubeadm", "upgrade node"]),
        ("cordon", &["kubectl", "patch node", "\"unschedulable\":true"]),
        ("drain", &["kubectl", " drain "]),
        ("restart kubelet", &["systemctl", "restart kubelet"]),
        ("uncordon", &["kubectl", "patch node", "\"unschedulable\":null"]),
    ];
    trace
        .iter()
        .filter(|line| !line.contains("--dry-run") && !line.contains("--help"))
        .filter_map(|line| {
            let (what, parts) = kinds
                .iter()
                .find(|(_, parts)| parts.iter().all(|part| line.contains(part)))?;
            // kubectl is run on a master and names the node, the others act on the node that they run on.
            let mut words = line.split_whitespace();
            let own = words.next()?;
            let named = words.find(|word| NODES.contains(word));
            let node = if parts[0] == "kubectl" { named? } else { own };
            Some(format!("{node}: {what}"))
        })
        .collect()
}
