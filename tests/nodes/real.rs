//! The playbooks on a cluster with the real control plane (docs/lab.md): kubeadm, kubectl, API server, controller manager
//! and scheduler are Kubernetes' own. `make test-real` runs these.
use crate::support::changes::changes;
use crate::support::lab::Lab;

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    "kubernetes_version=1.20.2 drain_delete_emptydir_data=true",
];
const KUBECTL: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf";

#[test]
fn a_real_cluster_is_upgraded_node_by_node_and_a_second_run_changes_nothing() {
    let Some(lab) = Lab::up_real("real", 1, 2, "1.20.0") else {
        return;
    };
    lab.lab(&["trace", "--clear"]);
    lab.krun(&UPGRADE).expect_status(0);
    assert_eq!(
        lab.nodes(),
        ["m1 Ready v1.20.2", "w1 Ready v1.20.2", "w2 Ready v1.20.2"]
    );
    let node = |name: &str, kubeadm: &str| {
        [kubeadm, "cordon", "drain", "restart kubelet", "uncordon"].map(|what| format!("{name}: {what}"))
    };
    let expected = [
        node("m1", "kubeadm upgrade apply"),
        node("w1", "kubeadm upgrade node"),
        node("w2", "kubeadm upgrade node"),
    ];
    assert_eq!(changes(&lab.trace()), expected.concat());
    let server = lab.on("m1", &format!("{KUBECTL} version -o json | grep -A9 serverVersion"));
    assert!(server.contains("\"v1.20.2\""), "{server}");

    lab.lab(&["trace", "--clear"]);
    let again = lab
        .krun(&UPGRADE)
        .expect_status(0)
        .expect_stdout("nothing will be changed");
    assert_eq!(again.stdout.matches("changed=0").count(), 3, "{}", again.stdout);
    assert!(changes(&lab.trace()).is_empty());
}

#[test]
fn a_power_cut_during_apply_is_made_good_by_running_the_same_again() {
    let Some(lab) = Lab::up_real("real-cut", 1, 2, "1.20.0") else {
        return;
    };
    // The power goes when the API server's manifest is new and the ConfigMap with the cluster's version still old.
    let run = lab.start_krun(&UPGRADE);
    lab.on(
        "m1",
        "until grep -q :v1.20.2 /etc/kubernetes/manifests/kube-apiserver.yaml; do sleep 0.1; done; sync",
    );
    lab.lab(&["kill", "m1"]);
    lab.lab(&["boot", "m1"]);
    let broken = run.end();
    lab.on("m1", &format!("until {KUBECTL} get --raw=/readyz; do sleep 0.2; done"));
    if broken.status != 0 {
        lab.krun(&UPGRADE).expect_status(0);
    }
    assert_eq!(
        lab.nodes(),
        ["m1 Ready v1.20.2", "w1 Ready v1.20.2", "w2 Ready v1.20.2"]
    );
    let stored = lab.on(
        "m1",
        &format!("{KUBECTL} -n kube-system get cm kubeadm-config -o 'jsonpath={{.data.ClusterConfiguration}}'"),
    );
    assert!(stored.contains("kubernetesVersion: v1.20.2"), "{stored}");
}

#[test]
fn a_restored_snapshot_brings_the_real_api_servers_objects_back() {
    let Some(lab) = Lab::up_real("real-restore", 1, 1, "1.20.0") else {
        return;
    };
    lab.on(
        "m1",
        &format!("{KUBECTL} create configmap before --from-literal=key=value"),
    );
    lab.krun(&["playbooks/backup.yml", "-e", "backup_max_age=0"])
        .expect_status(0);
    let snapshot = lab.on("m1", "ls /var/lib/krun/backups/*.db").trim().to_owned();
    lab.on("m1", &format!("{KUBECTL} delete configmap before"));
    lab.on(
        "m1",
        &format!("{KUBECTL} create configmap after --from-literal=key=value"),
    );

    let named = format!("restore_snapshot={snapshot} restore_confirm=false kubernetes_version=1.20.0");
    lab.krun(&["playbooks/restore.yml", "-e", &named]).expect_status(0);
    let found = lab.on("m1", &format!("{KUBECTL} get configmaps -o name"));
    assert!(
        found.contains("configmap/before") && !found.contains("configmap/after"),
        "{found}"
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.20.0", "w1 Ready v1.20.0"]);
}
