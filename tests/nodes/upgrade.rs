//! The main job on lab nodes: `playbooks/upgrade.yml` upgrades a cluster, and leaves it well when something fails.
use crate::support::changes::changes;
use crate::support::lab::Lab;

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    // The sample workload keeps nothing of value in its emptyDir.
    "kubernetes_version=1.28.2 drain_delete_emptydir_data=true",
];

#[test]
fn one_master_and_two_workers_are_upgraded_one_by_one_and_a_second_run_changes_nothing() {
    let Some(lab) = Lab::up("upgrade", 1, 2, "1.28.0") else {
        return;
    };
    lab.lab(&["trace", "--clear"]);
    lab.krun(&UPGRADE).expect_status(0);
    assert_eq!(
        lab.nodes(),
        ["m1 Ready v1.28.2", "w1 Ready v1.28.2", "w2 Ready v1.28.2"]
    );
    assert_eq!(
        changes(&lab.trace()),
        [
            "m1: kubeadm upgrade apply",
            "m1: cordon",
            "m1: drain",
            "m1: restart kubelet",
            "m1: uncordon",
            "w1: kubeadm upgrade node",
            "w1: cordon",
            "w1: drain",
            "w1: restart kubelet",
            "w1: uncordon",
            "w2: kubeadm upgrade node",
            "w2: cordon",
            "w2: drain",
            "w2: restart kubelet",
            "w2: uncordon",
        ]
    );
    lab.lab(&["trace", "--clear"]);
    // Nothing is left to be done, so no hook runs either.
    let hook = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    std::fs::write(hook.path(), "- fail:\n    msg: a hook ran\n").unwrap();
    let hooks: String = [
        "before_upgrade",
        "before_node",
        "after_node",
        "cni_upgrade",
        "after_upgrade",
    ]
    .map(|name| format!("hook_{name}={} ", hook.path().display()))
    .concat();
    let again = lab
        .krun(&[&UPGRADE[..], &["-e", &hooks]].concat())
        .expect_status(0)
        .expect_stdout("nothing will be changed");
    assert_eq!(again.stdout.matches("changed=0").count(), 3, "{}", again.stdout);
    assert!(changes(&lab.trace()).is_empty());
}

#[test]
fn a_worker_whose_drain_fails_is_uncordoned_and_the_next_one_is_not_touched() {
    let Some(lab) = Lab::up("drain", 1, 2, "1.28.0") else {
        return;
    };
    // Nobody may evict a pod of `web`, wherever it is.
    lab.on("m1", "kubectl --kubeconfig /etc/kubernetes/admin.conf patch pdb web -p '{\"spec\":{\"minAvailable\":2}}' --type merge");
    let ran = lab
        .krun(&[&UPGRADE[..], &["-e", "drain_timeout=8"]].concat())
        .expect_status(2);
    let nodes = lab.nodes();
    assert_eq!(nodes[0], "m1 Ready v1.28.2");
    // One worker carries `web` and fails; whichever it is, no worker is upgraded after it.
    assert!(
        nodes[1..].iter().all(|node| !node.contains("SchedulingDisabled")),
        "{nodes:?}"
    );
    assert!(nodes[1..].iter().any(|node| node.ends_with("v1.28.0")), "{nodes:?}");
    ran.expect_stdout("STOPPED:").expect_stdout("web");
}
