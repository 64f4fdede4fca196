//! Three masters with stacked etcd and five workers in two groups, from 1.28 to 1.31 in three hops: a watcher that samples the
//! cluster meanwhile sees nothing that must not be.
use rstest::rstest;
use serde_json::json;

use crate::support::lab::{Lab, wait_until};
use crate::support::watcher::{Allowed, Judge, Sample, Watcher};

const MASTERS: [(&str, &str); 3] = [("m1", "10.77.0.11"), ("m2", "10.77.0.12"), ("m3", "10.77.0.13")];
/// The groups of workers, and how many of each may be away at once.
const WORKERS: &[(&[&str], usize)] = &[
    (&["w1", "w2", "w3"], 2),
    (&["w4", "w5"], 1),
    (&["w1", "w2", "w3", "w4", "w5"], 2),
];

#[test]
fn three_hops_without_a_moment_that_must_not_be() {
    if !Lab::is_long_wanted() {
        return;
    }
    let Some(lab) = Lab::up("three-hops", 3, 5, "1.28.2") else {
        return;
    };
    lab.edit_inventory(
        "[all:vars]",
        "[web]\nw1\nw2\nw3\n\n[batch]\nw4\nw5\n\n[web:vars]\nworker_serial=2\n\n[batch:vars]\nworker_serial=1\n\n[all:vars]",
    );
    lab.changes();
    let watcher = Watcher::of(&lab, &MASTERS, WORKERS);
    let settings = json!({
        "kubernetes_version": "1.31.1",
        "repository_baseurl": "file:///srv/repo/v{{ kubernetes_minor }}/rpm/",
        "repository_gpgcheck": false,
        "worker_groups": ["web", "batch"],
        "drain_delete_emptydir_data": true,
    });
    let begun = std::time::Instant::now();
    let ran = lab.krun(&["playbooks/upgrade.yml", "-e", &settings.to_string()]);
    let (samples, violations) = watcher.so_far();
    println!("three hops on eight nodes: {:?}, {samples} samples", begun.elapsed());
    assert!(violations.is_empty(), "{violations:#?}\n{}", ran.stdout);
    let ran = ran.expect_status(0);
    let at_the_end: Vec<String> = ["m1", "m2", "m3", "w1", "w2", "w3", "w4", "w5"]
        .map(|node| format!("{node} Ready v1.31.1"))
        .into();
    assert_eq!(lab.nodes(), at_the_end, "{}", ran.stdout);
    // Each control plane came through each minor; one of the masters applied, the others followed.
    let trace = lab.trace();
    let made = |parts: &[&str]| {
        let is_meant = |line: &&String| parts.iter().all(|part| line.contains(part)) && !line.contains("--dry-run");
        trace.iter().filter(is_meant).count()
    };
    for version in ["v1.29.9", "v1.30.5", "v1.31.1"] {
        assert_eq!(made(&[" kubeadm upgrade apply", version]), 1, "{version}");
    }
    assert_eq!(made(&[" kubeadm upgrade node"]), 3 * 7);
    assert!(samples >= 60, "{samples} samples only");

    // It would have been seen: two API servers that are away at once.
    for node in ["m2", "m3"] {
        lab.on(node, "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root");
    }
    wait_until("the watcher", || {
        watcher
            .so_far()
            .1
            .iter()
            .any(|seen| seen.contains("control planes down at once"))
    });
}

fn sample(change: serde_json::Value) -> Sample {
    let node = json!({"ready": true, "cordoned": false, "kubelet": "v1.28.2"});
    let master = json!({"api": "v1.28.2", "etcd": true});
    let mut whole = json!({"masters": {"m1": master, "m2": master, "m3": master}, "nodes": {}});
    for name in ["m1", "m2", "m3", "w1", "w2", "w3", "w4", "w5"] {
        whole["nodes"][name] = node.clone();
    }
    for (path, value) in change.as_object().unwrap() {
        *whole.pointer_mut(path).unwrap() = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

#[rstest]
#[case::nothing(json!({}), None)]
#[case::one_is_away(json!({"/masters/m1/api": null, "/masters/m1/etcd": false, "/nodes/m1/cordoned": true}), None)]
#[case::two_ways_to_be_away(json!({"/masters/m1/api": null, "/masters/m2/etcd": false}), Some("control planes down at once: [\"m1\", \"m2\"]"))]
#[case::not_ready(json!({"/masters/m1/api": null, "/nodes/m3/ready": false}), Some("control planes down at once: [\"m1\", \"m3\"]"))]
#[case::no_quorum(json!({"/masters/m1/etcd": false, "/masters/m2/etcd": false}), Some("etcd has 1 members of 3"))]
#[case::a_new_kubelet(json!({"/nodes/w1/kubelet": "v1.29.9"}), Some("the kubelet of w1 is at v1.29.9, newer than an API server"))]
#[case::one_old_server(json!({"/masters/m1/api": "v1.29.9", "/masters/m2/api": "v1.29.9", "/nodes/m1/kubelet": "v1.29.9"}), Some("newer than an API server"))]
#[case::an_old_server_that_is_away(
    json!({"/masters/m1/api": "v1.29.9", "/masters/m2/api": "v1.29.9", "/masters/m3/api": null, "/nodes/m1/kubelet": "v1.29.9"}),
    Some("newer than an API server")
)]
#[case::two_cordoned_masters(json!({"/nodes/m1/cordoned": true, "/nodes/m2/cordoned": true}), Some("more than 1 unavailable: [\"m1\", \"m2\"]"))]
#[case::two_of_three(json!({"/nodes/w1/cordoned": true, "/nodes/w2/ready": false}), None)]
#[case::three(json!({"/nodes/w1/cordoned": true, "/nodes/w2/ready": false, "/nodes/w3/ready": false}), Some("more than 2 unavailable"))]
#[case::two_of_two(json!({"/nodes/w4/cordoned": true, "/nodes/w5/cordoned": true}), Some("more than 1 unavailable: [\"w4\", \"w5\"]"))]
#[case::of_both_groups(json!({"/nodes/w1/cordoned": true, "/nodes/w2/cordoned": true, "/nodes/w4/cordoned": true}), Some("more than 2 unavailable"))]
fn the_watcher_sees(#[case] change: serde_json::Value, #[case] expected: Option<&str>) {
    let mut judge = Judge::default();
    judge.see(&sample(json!({})), &Allowed { workers: WORKERS });
    judge.see(&sample(change), &Allowed { workers: WORKERS });
    match expected {
        None => assert!(judge.violations.is_empty(), "{:?}", judge.violations),
        Some(part) => assert!(
            judge.violations.iter().any(|seen| seen.contains(part)),
            "{:?}",
            judge.violations
        ),
    }
}
