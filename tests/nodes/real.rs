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

/// The slowest of these: kubeadm waits five minutes for a control plane that does not come up.
#[test]
fn an_upgrade_that_kubeadm_took_back_is_resumed_when_the_cause_is_mended_and_rolled_back_by_hand() {
    // kubeadm alone waits five minutes for the API server that does not come.
    if !Lab::is_long_wanted() {
        return;
    }
    let Some(lab) = Lab::up_real("real-fails", 1, 1, "1.20.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    lab.lab(&["trace", "--clear"]);
    let api_server = || {
        let image = lab.on("m1", "grep image: /etc/kubernetes/manifests/kube-apiserver.yaml");
        let version = lab.kubectl("get --raw /version");
        let place = version.find("v1.20.").unwrap();
        (
            image.trim().rsplit_once(":v").unwrap().1.to_owned(),
            version[place + 1..place + 7].to_owned(),
        )
    };
    let both = |version: &str| (version.to_owned(), version.to_owned());

    // The new API server gets a flag that it does not know.
    let config = |edit: &str| {
        let read = format!("{KUBECTL} -n kube-system get cm kubeadm-config -o yaml");
        lab.on("m1", &format!("{read} | sed '{edit}' | {KUBECTL} replace -f -"));
    };
    config("s/^\\( *\\)authorization-mode: .*/&\\n\\1no-such-flag: \"true\"/");
    lab.krun(&UPGRADE)
        .expect_status(2)
        .expect_stdout("rolled the state back")
        .expect_stdout("STOPPED: m1 failed");
    assert_eq!(api_server(), both("1.20.0"));
    assert_eq!(lab.nodes(), ["m1 Ready v1.20.0", "w1 Ready v1.20.0"]);
    assert_eq!(changes(&lab.trace()), ["m1: kubeadm upgrade apply"]);

    config("/no-such-flag/d");
    lab.krun_alone(&["resume"]).expect_status(0);
    assert_eq!(api_server(), both("1.20.2"));
    assert_eq!(lab.nodes(), ["m1 Ready v1.20.2", "w1 Ready v1.20.2"]);
    let node = |name: &str, kubeadm: &str| {
        [kubeadm, "cordon", "drain", "restart kubelet", "uncordon"].map(|what| format!("{name}: {what}"))
    };
    let done = [node("m1", "kubeadm upgrade apply"), node("w1", "kubeadm upgrade node")].concat();
    assert_eq!(changes(&lab.trace())[1..], done);

    // What kubeadm kept of the old control plane can be put back.
    let settings = "rollback_confirm=false";
    lab.krun(&["playbooks/rollback.yml", "-l", "m1", "-e", settings])
        .expect_status(0)
        .expect_stdout("put back kube-apiserver.yaml");
    assert_eq!(api_server(), both("1.20.0"));
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
