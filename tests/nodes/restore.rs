//! A snapshot that krun took brings the cluster's objects back; one that is damaged is refused.
use crate::support::lab::Lab;

const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf";

#[test]
fn a_snapshot_is_restored_and_the_old_objects_are_back() {
    let Some(lab) = Lab::up("restore", 1, 1, "1.28.0") else {
        return;
    };
    let manifest =
        "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: before, namespace: default}\\ndata: {key: value}\\n";
    lab.on("m1", &format!("printf '{manifest}' | {KUBECTL} apply -f -"));
    lab.krun(&["playbooks/backup.yml", "-e", "backup_max_age=0"])
        .expect_status(0);
    let snapshot = lab.on("m1", "ls /var/lib/krun/backups/*.db").trim().to_owned();
    lab.on("m1", &format!("{KUBECTL} delete configmap before"));

    let named =
        format!("restore_snapshot={snapshot} restore_confirm=false restore_timeout=150 kubernetes_version=1.28.0");
    lab.lab(&["trace", "--clear"]);
    lab.krun(&["playbooks/restore.yml", "-e", &named]).expect_status(0);
    let trace = lab.trace();
    let data = lab.on(
        "m1",
        &format!("{KUBECTL} get configmap before -o 'jsonpath={{.data.key}}'"),
    );
    assert_eq!(data.trim(), "value");
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);

    // The whole control plane was stopped before the restore, and the kubelets of all nodes were restarted after it.
    let place = |part: &str| {
        let found = trace.iter().position(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("no {part:?} in {trace:#?}"))
    };
    let restore = place("snapshot restore /");
    for part in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        assert!(place(&format!("m1 systemctl stop static-pod-{part}")) < restore);
    }
    for node in ["m1", "w1"] {
        let mut after = trace[restore..].iter();
        let is_restart = |line: &String| line.starts_with(node) && line.contains("restart kubelet");
        assert!(after.any(is_restart), "{node}");
    }
    // The member has its own name and address, not those of a toy; the old data lies beside, no manifest is left aside.
    assert!(trace[restore].contains("--name=m1"), "{}", trace[restore]);
    assert!(trace[restore].contains("--initial-advertise-peer-urls=https://10.77.0.11:2380"));
    lab.on("m1", "test -d /var/lib/etcd.krun-before-*/member && test -z \"$(ls -d /etc/kubernetes/manifests.krun-* 2>/dev/null)\"");
}

#[test]
fn a_damaged_snapshot_is_refused_and_nothing_is_touched() {
    let Some(lab) = Lab::up("damaged", 1, 1, "1.28.0") else {
        return;
    };
    lab.krun(&["playbooks/backup.yml", "-e", "backup_max_age=0"])
        .expect_status(0);
    let snapshot = lab.on("m1", "ls /var/lib/krun/backups/*.db").trim().to_owned();
    lab.on(
        "m1",
        &format!("printf x | dd of={snapshot} bs=1 seek=5000 conv=notrunc status=none"),
    );
    lab.krun(&[
        "playbooks/restore.yml",
        "-e",
        "restore_confirm=false",
        "-e",
        &format!("restore_snapshot={snapshot}"),
    ])
    .expect_status(2);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
}
