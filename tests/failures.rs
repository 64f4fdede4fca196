//! What fails in an upgrade, on lab nodes: each time the cluster is left well, nothing further is begun, and the same
//! command finishes once the cause is gone.
#![allow(missing_docs)]

mod support;

use support::changes::changes;
use support::lab::Lab;

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    "kubernetes_version=1.28.2 drain_delete_emptydir_data=true preflight_free_mib=64",
];
const DONE: [&str; 3] = ["m1 Ready v1.28.2", "w1 Ready v1.28.2", "w2 Ready v1.28.2"];
const UNTOUCHED: [&str; 3] = ["m1 Ready v1.28.0", "w1 Ready v1.28.0", "w2 Ready v1.28.0"];

fn with(more: &str) -> Vec<&str> {
    [&UPGRADE[..], &["-e", more]].concat()
}

#[test]
fn kubeadm_fails_in_every_way_and_the_same_command_finishes() {
    let Some(lab) = Lab::up("kubeadm", 1, 2, "1.28.0") else {
        return;
    };
    // kubeadm rolls its own change back: the old version goes on.
    lab.fault(&[
        "--program",
        "kubeadm",
        "--match",
        "^upgrade apply",
        "--action",
        "rollback",
    ]);
    let ran = lab.krun(&UPGRADE).expect_status(2);
    ran.expect_stdout("rolled the state back")
        .expect_stdout("plays not started: Upgrade the kubelets of the masters");
    assert_eq!(lab.nodes(), UNTOUCHED);
    assert_eq!(changes(&lab.trace()), ["m1: kubeadm upgrade apply"]);

    // It says that it succeeded, and did nothing.
    lab.fault(&[
        "--program",
        "kubeadm",
        "--match",
        "^upgrade apply",
        "--action",
        "lie",
        "--stdout",
        "[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v1.28.2\". Enjoy!",
    ]);
    lab.lab(&["trace", "--clear"]);
    lab.krun(&UPGRADE).expect_status(2);
    assert_eq!(lab.nodes(), UNTOUCHED);
    assert_eq!(changes(&lab.trace()), ["m1: kubeadm upgrade apply"]);

    // A worker's kubeadm fails: the master is done, the worker before its drain, the next one untouched.
    lab.fault(&[
        "--node",
        "w1",
        "--program",
        "kubeadm",
        "--match",
        "^upgrade node",
        "--action",
        "fail",
        "--stderr",
        "error execution phase preflight: etcd is on fire",
    ]);
    lab.lab(&["trace", "--clear"]);
    let ran = lab.krun(&UPGRADE).expect_status(2);
    ran.expect_stdout("etcd is on fire").expect_stdout("w2");
    assert_eq!(
        lab.nodes(),
        ["m1 Ready v1.28.2", "w1 Ready v1.28.0", "w2 Ready v1.28.0"]
    );
    assert!(!changes(&lab.trace()).iter().any(|change| change.starts_with("w2")));

    // The causes are gone (each fault strikes once): what is done stays done.
    lab.lab(&["trace", "--clear"]);
    lab.krun(&UPGRADE).expect_status(0);
    assert_eq!(lab.nodes(), DONE);
    let done = changes(&lab.trace());
    assert!(!done.iter().any(|change| change.starts_with("m1")), "{done:?}");
}

#[test]
fn a_kubelet_that_does_not_come_back_keeps_its_node_cordoned_until_a_later_run_mends_it() {
    let Some(lab) = Lab::up("kubelet", 1, 2, "1.28.0") else {
        return;
    };
    lab.fault(&[
        "--node",
        "w1",
        "--program",
        "systemctl",
        "--match",
        "restart kubelet",
        "--action",
        "fail",
        "--stderr",
        "Job for kubelet.service failed.",
    ]);
    let ran = lab.krun(&UPGRADE).expect_status(2);
    ran.expect_stdout("Job for kubelet.service failed.");
    // The package is new and the old kubelet still runs: the node stays cordoned, and the next one is not begun.
    assert_eq!(
        lab.nodes(),
        [
            "m1 Ready v1.28.2",
            "w1 Ready,SchedulingDisabled v1.28.0",
            "w2 Ready v1.28.0"
        ]
    );
    lab.lab(&["trace", "--clear"]);
    lab.krun(&UPGRADE).expect_status(0);
    assert_eq!(lab.nodes(), DONE);
    let done = changes(&lab.trace());
    assert_eq!(done.iter().filter(|change| *change == "w1: restart kubelet").count(), 1);
    assert_eq!(done.iter().filter(|change| *change == "w1: uncordon").count(), 1);
}

#[test]
fn check_mode_and_a_preflight_that_refuses_change_nothing() {
    let Some(lab) = Lab::up("refused", 1, 2, "1.28.0") else {
        return;
    };
    lab.lab(&["trace", "--clear"]);
    lab.krun(&[&UPGRADE[..], &["-C"]].concat()).expect_status(0);
    let refusals = [
        ("kubernetes_version=1.30.5", "one minor version at"),
        ("kubernetes_version=1.27.4", "never down"),
        ("kubernetes_version=1.28.9", "1.28.9"),
        ("kubernetes_version=v1.28", "kubernetes_version is"),
        ("upgrade_order=backwards", "upgrade_order is backwards"),
    ];
    for (setting, message) in refusals {
        lab.krun(&with(setting)).expect_status(2).expect_stdout(message);
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

#[test]
fn a_backup_that_fails_or_lies_ends_the_run_before_anything_is_changed() {
    let Some(lab) = Lab::up("nobackup", 1, 2, "1.28.0") else {
        return;
    };
    let save = ["--program", "etcdctl", "--match", "snapshot save"];
    lab.fault(
        &[
            &save[..],
            &["--action", "fail", "--stderr", "context deadline exceeded"],
        ]
        .concat(),
    );
    lab.krun(&UPGRADE)
        .expect_status(2)
        .expect_stdout("context deadline exceeded");
    lab.fault(&[&save[..], &["--action", "lie", "--stdout", "Snapshot saved"]].concat());
    lab.krun(&UPGRADE).expect_status(2);
    assert_eq!(changes(&lab.trace()), [""; 0]);
    assert_eq!(lab.on("m1", "ls /var/lib/krun/backups").trim(), "");

    // What is kept, what is fetched, and what counts as fresh.
    let folder = tempfile::tempdir().unwrap();
    let fetch = format!(
        "backup_max_age=0 backup_keep=2 backup_fetch_to={}",
        folder.path().display()
    );
    for _ in 0..3 {
        lab.krun(&["playbooks/backup.yml", "-e", &fetch]).expect_status(0);
        // Snapshots are named after the second.
        lab.on(
            "m1",
            "now=$(date +%s); while [ \"$(date +%s)\" = \"$now\" ]; do sleep 0.1; done",
        );
    }
    let kept = lab.on("m1", "cd /var/lib/krun/backups && sha256sum *.db");
    assert_eq!(kept.lines().count(), 2, "{kept}");
    for line in kept.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let found = std::process::Command::new("find")
            .arg(folder.path())
            .args(["-name", name, "-exec", "sha256sum", "{}", ";"])
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&found.stdout).starts_with(sum), "{name}");
    }
    let fresh = lab.krun(&["playbooks/backup.yml"]).expect_status(0);
    assert!(fresh.stdout.contains("changed=0"), "{}", fresh.stdout);
}
