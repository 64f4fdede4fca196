//! What of a lab's trace changes the cluster.

/// A command that changes something: what it is called here, and what its line holds.
type Kind = (&'static str, &'static [&'static str]);

const STEPS: [Kind; 6] = [
    ("kubeadm upgrade apply", &[" kubeadm ", "upgrade apply"]),
    ("kubeadm upgrade node", &[" kubeadm ", "upgrade node"]),
    ("cordon", &[" kubectl ", "patch node", "\"unschedulable\":true"]),
    ("drain", &[" kubectl ", " drain "]),
    ("restart kubelet", &[" systemctl ", "restart kubelet"]),
    ("uncordon", &[" kubectl ", "patch node", "\"unschedulable\":null"]),
];

const PREPARATIONS: [Kind; 3] = [
    ("snapshot", &[" etcdctl ", "snapshot save"]),
    ("kubeadm package", &[" dnf ", " install kubeadm"]),
    ("kubelet package", &[" dnf ", " install kubelet"]),
];

/// The steps of the nodes' upgrade, in order: `NODE: STEP`.
pub fn changes(trace: &[String]) -> Vec<String> {
    trace.iter().filter_map(|line| named(line, &STEPS)).collect()
}

/// The same with snapshots, packages and hooks that run `systemctl show hook-NAME`.
pub fn all_changes(trace: &[String]) -> Vec<String> {
    let kinds = [&STEPS[..], &PREPARATIONS].concat();
    trace.iter().filter_map(|line| named(line, &kinds)).collect()
}

fn named(line: &str, kinds: &[Kind]) -> Option<String> {
    if line.contains("--dry-run") || line.contains("--help") {
        return None;
    }
    if let Some((_, hook)) = line.split_once(" systemctl show hook-") {
        return Some(format!("{}: hook {hook}", line.split(' ').next()?));
    }
    let (what, parts) = kinds
        .iter()
        .find(|(_, parts)| parts.iter().all(|part| line.contains(part)))?;
    // kubectl is run on a master and names the node, the others act on the node that they run on.
    let mut words = line.split_whitespace();
    let own = words.next()?;
    let node = if parts[0] == " kubectl " {
        words.find(|word| is_node(word))?
    } else {
        own
    };
    Some(format!("{node}: {what}"))
}

/// `m1`, `w2` …
fn is_node(word: &str) -> bool {
    let number = word.strip_prefix(['m', 'w']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
