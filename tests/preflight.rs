//! What the preflight refuses, on lab nodes: each with what to do about it, and nothing is changed.
#![allow(missing_docs)]

mod support;

use support::changes::changes;
use support::lab::Lab;

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    "kubernetes_version=1.28.2 drain_delete_emptydir_data=true preflight_free_mib=64",
];

#[test]
fn a_preflight_that_refuses_says_why_and_changes_nothing() {
    let Some(lab) = Lab::up("refused", 1, 2, "1.28.0") else {
        return;
    };
    lab.lab(&["trace", "--clear"]);
    let refusals = [
        ("kubernetes_version=1.30.5", "one minor version at"),
        ("kubernetes_version=1.27.4", "never down"),
        ("kubernetes_version=1.28.9", "1.28.9"),
        ("kubernetes_version=v1.28", "kubernetes_version is"),
        ("upgrade_order=backwards", "upgrade_order is backwards"),
    ];
    for (setting, message) in refusals {
        lab.krun(&[&UPGRADE[..], &["-e", setting]].concat())
            .expect_status(2)
            .expect_stdout(message);
    }
    lab.krun_without("w2", &UPGRADE)
        .expect_status(2)
        .expect_stdout("Nodes outside the inventory would keep their old kubelet");
    lab.on("w2", "systemctl stop kubelet");
    lab.kubectl("wait --for=condition=Ready=Unknown --timeout=60s node/w2");
    lab.krun(&UPGRADE).expect_status(2).expect_stdout("Not Ready: w2");
    lab.on("w2", "systemctl start kubelet");
    lab.on("m1", "mv /etc/kubernetes/admin.conf /etc/kubernetes/admin.gone");
    lab.krun(&UPGRADE)
        .expect_status(2)
        .expect_stdout("/etc/kubernetes/admin.conf");
    lab.on("m1", "mv /etc/kubernetes/admin.gone /etc/kubernetes/admin.conf");
    assert_eq!(changes(&lab.trace()), [""; 0]);
    assert_eq!(lab.on("m1", "rpm -q kubeadm --qf '%{VERSION}'"), "1.28.0");
}
