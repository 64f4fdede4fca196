//! From 1.18 to 1.26 in one command: eight hops, all out of the repository that the nodes have had from the beginning.
use serde_json::json;

use crate::support::lab::{Lab, wait_until};

const HOPS: [&str; 8] = [
    "1.19.16", "1.20.15", "1.21.14", "1.22.17", "1.23.17", "1.24.17", "1.25.16", "1.26.9",
];

#[test]
fn eight_minor_versions_in_one_command() {
    if !Lab::is_long_wanted() {
        return;
    }
    let Some(lab) = Lab::up("far-target", 1, 1, "1.18.20") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    // Docker's days ended with 1.23: the nodes were moved to containerd before.
    let containerd =
        "--container-runtime=remote --container-runtime-endpoint=unix:///var/run/containerd/containerd.sock";
    for node in ["m1", "w1"] {
        let flags = "/var/lib/kubelet/kubeadm-flags.env";
        lab.on(
            node,
            &format!("sed -i 's#--network-plugin=cni#{containerd}#' {flags}; systemctl restart kubelet"),
        );
    }
    wait_until("containerd", || {
        lab.kubectl("get nodes -o wide").matches("containerd://").count() == 2
    });
    lab.changes();
    let settings = json!({"kubernetes_version": "1.26.9", "drain_delete_emptydir_data": true});
    let begun = std::time::Instant::now();
    lab.krun(&["playbooks/upgrade.yml", "-e", &settings.to_string()])
        .expect_status(0);
    println!("eight hops: {:?}", begun.elapsed());
    assert_eq!(lab.nodes(), ["m1 Ready v1.26.9", "w1 Ready v1.26.9"]);
    // No minor was left out, none was gone through twice.
    let trace = lab.trace();
    let applied: Vec<&str> = trace
        .iter()
        .filter_map(|line| line.split_once(" kubeadm upgrade apply v")?.1.split(' ').next())
        .collect();
    assert_eq!(applied, HOPS);
    assert_eq!(
        trace
            .iter()
            .filter(|line| line.starts_with("w1 kubeadm upgrade node"))
            .count(),
        HOPS.len()
    );
}
