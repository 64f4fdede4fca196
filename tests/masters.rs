//! Upgrades of several masters, with hooks, in both orders, and over a minor version with a new repository.
#![allow(missing_docs)]

mod support;

use std::fs;

use support::changes::changes;
use support::lab::Lab;

const TO: &str = "kubernetes_version=1.28.2 drain_delete_emptydir_data=true preflight_free_mib=64 drain_timeout=60";

/// `NODE: WHAT` for the steps of one node.
fn steps(node: &str, what: &[&str]) -> Vec<String> {
    what.iter().map(|step| format!("{node}: {step}")).collect()
}

const KUBELET: [&str; 4] = ["cordon", "drain", "restart kubelet", "uncordon"];

#[test]
fn three_masters_are_upgraded_in_phases_and_hooks_run_at_their_time() {
    let Some(lab) = Lab::up("masters", 3, 1, "1.28.0") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut hooks = String::new();
    for hook in [
        "before_upgrade",
        "before_node",
        "after_node",
        "cni_upgrade",
        "after_upgrade",
    ] {
        let file = folder.path().join(format!("{hook}.yml"));
        // A line for each hook, beside which kubelet the node has at this time.
        let text = format!(
            "- shell: echo {hook} {{{{ inventory_hostname }}}} >>{}\n  delegate_to: localhost\n",
            trace.display()
        );
        fs::write(&file, text).unwrap();
        hooks += &format!(" hook_{hook}={}", file.display());
    }
    lab.kubectl("delete pdb web");
    // Cordoned by somebody else: stays so.
    lab.kubectl("cordon w1");
    lab.lab(&["trace", "--clear"]);
    lab.krun(&["playbooks/upgrade.yml", "-e", &format!("{TO}{hooks}")])
        .expect_status(0);

    assert_eq!(
        lab.nodes(),
        [
            "m1 Ready v1.28.2",
            "m2 Ready v1.28.2",
            "m3 Ready v1.28.2",
            "w1 Ready,SchedulingDisabled v1.28.2"
        ]
    );
    let expected = [
        steps("m1", &["kubeadm upgrade apply"]),
        steps("m2", &["kubeadm upgrade node"]),
        steps("m3", &["kubeadm upgrade node"]),
        steps("m1", &KUBELET),
        steps("m2", &KUBELET),
        steps("m3", &KUBELET),
        steps("w1", &["kubeadm upgrade node", "drain", "restart kubelet"]),
    ];
    assert_eq!(changes(&lab.trace()), expected.concat());
    let plans = lab.trace();
    let plans: Vec<_> = plans
        .iter()
        .filter(|line| line.contains("kubeadm upgrade plan"))
        .collect();
    assert!(
        !plans.is_empty() && plans.iter().all(|line| line.starts_with("m1 ")),
        "{plans:?}"
    );
    let ran = fs::read_to_string(&trace).unwrap();
    assert_eq!(
        ran.lines().collect::<Vec<_>>(),
        [
            "before_upgrade m1",
            "before_node m1",
            "cni_upgrade m1",
            "before_node m2",
            "before_node m3",
            "after_node m1",
            "after_node m2",
            "after_node m3",
            "before_node w1",
            "after_node w1",
            "after_upgrade m1",
        ]
    );
}

#[test]
fn each_master_is_finished_before_the_next_when_the_order_says_so() {
    let Some(lab) = Lab::up("pernode", 2, 1, "1.28.0") else {
        return;
    };
    // One worker has no room for what a drain moves: the budget is eased.
    lab.kubectl("delete pdb web");
    lab.lab(&["trace", "--clear"]);
    let order = "upgrade_order=per_node drain_order=before_kubeadm kubectl_host=m2";
    lab.krun(&["playbooks/upgrade.yml", "-e", TO, "-e", order])
        .expect_status(0);
    let node = |name: &str, kubeadm: &str| steps(name, &["cordon", "drain", kubeadm, "restart kubelet", "uncordon"]);
    let expected = [
        node("m1", "kubeadm upgrade apply"),
        node("m2", "kubeadm upgrade node"),
        node("w1", "kubeadm upgrade node"),
    ];
    assert_eq!(changes(&lab.trace()), expected.concat());
}

#[test]
fn a_minor_version_comes_from_the_repository_of_its_own() {
    let Some(lab) = Lab::up("minor", 1, 1, "1.28.2") else {
        return;
    };
    // One worker has no room for what a drain moves: the budget is eased.
    lab.kubectl("delete pdb web");
    lab.lab(&["trace", "--clear"]);
    let to = r#"{"kubernetes_version": "1.29.9", "drain_delete_emptydir_data": true, "preflight_free_mib": 64,
        "repository_baseurl": "file:///srv/repo/v{{ kubernetes_minor }}/rpm", "repository_gpgcheck": false,
        "drain_policy": "minor", "node_name": "{{ {'w1': 'w1'}[inventory_hostname] | default('') }}"}"#;
    lab.krun(&["playbooks/upgrade.yml", "-e", to]).expect_status(0);
    assert_eq!(lab.nodes(), ["m1 Ready v1.29.9", "w1 Ready v1.29.9"]);
    let expected = [
        steps("m1", &["kubeadm upgrade apply"]),
        steps("m1", &KUBELET),
        steps("w1", &["kubeadm upgrade node"]),
        steps("w1", &KUBELET),
    ];
    assert_eq!(changes(&lab.trace()), expected.concat());
    for node in ["m1", "w1"] {
        let file = lab.on(node, "cat /etc/yum.repos.d/kubernetes.repo");
        for line in [
            "baseurl=file:///srv/repo/v1.29/rpm",
            "gpgcheck=0",
            "exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni",
        ] {
            assert!(
                file.lines().any(|found| found.replace(" = ", "=") == line),
                "{line} in {file}"
            );
        }
        let packages = lab.on(node, "rpm -q --qf '%{VERSION}-%{RELEASE} ' kubeadm kubelet kubectl");
        assert_eq!(packages.trim(), ["1.29.9-150500.1.1"; 3].join(" "));
    }
}
