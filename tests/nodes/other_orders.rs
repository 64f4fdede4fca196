//! The choices about order and names on lab nodes: one node after the other, drained before kubeadm, under other names than
//! the cluster's, administered from elsewhere; and patch upgrades without a drain.
use crate::support::lab::Lab;

const KUBELET: [&str; 2] = ["kubelet package", "restart kubelet"];

fn steps(node: &str, steps: &[&str]) -> Vec<String> {
    steps.iter().map(|step| format!("{node}: {step}")).collect()
}

#[test]
fn each_node_is_finished_before_the_next_and_a_node_that_was_cordoned_stays_so() {
    let Some(lab) = Lab::up("per-node", 3, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    lab.kubectl("cordon m3");
    // One host is found by its address, the other by the name of its node; kubectl runs on that one.
    lab.rename("m1", "alpha");
    lab.rename("w1", "zulu node_name=w1");
    lab.on("m1", "cp /etc/kubernetes/admin.conf /srv/lab/admin.conf");
    lab.on(
        "w1",
        "mv /srv/lab/admin.conf /root/elsewhere.conf; chmod 600 /root/elsewhere.conf",
    );
    lab.changes();

    let choice = "upgrade_order=per_node drain_order=before_kubeadm kubectl_host=zulu kubeconfig=/root/elsewhere.conf";
    // Left alone, etcd's leader would come last, whichever that is.
    let order = "{\"control_plane_order\": [\"alpha\", \"m2\", \"m3\"]}";
    lab.upgrade(&["-e", choice, "-e", order])
        .expect_status(0)
        .expect_stdout("m3 is cordoned already; what krun did not cordon stays cordoned");
    let trace = lab.trace();
    let drained = ["kubeadm package", "cordon", "drain"];
    let node = [&drained[..], &["kubeadm upgrade node"], &KUBELET, &["uncordon"]].concat();
    let first = [
        &["snapshot"],
        &drained[..],
        &["kubeadm upgrade apply"],
        &KUBELET,
        &["uncordon"],
    ]
    .concat();
    // m3's cordon is somebody else's: it is neither made nor ended, and it has no pods to evict.
    let third = [&["kubeadm package", "kubeadm upgrade node"], &KUBELET[..]].concat();
    let expected = [
        steps("m1", &first),
        steps("m2", &node),
        steps("m3", &third),
        steps("w1", &node),
    ];
    assert_eq!(lab.changes(), expected.concat());
    assert_eq!(
        lab.nodes(),
        [
            "m1 Ready v1.28.2",
            "m2 Ready v1.28.2",
            "m3 Ready,SchedulingDisabled v1.28.2",
            "w1 Ready v1.28.2"
        ]
    );
    let mut drains = trace
        .iter()
        .filter(|line| line.contains(" drain ") && !line.contains("--help"));
    assert!(
        drains.all(|line| line.starts_with("w1 kubectl --kubeconfig=/root/elsewhere.conf")),
        "{trace:?}"
    );
}

#[test]
fn a_patch_upgrade_needs_no_drain_and_may_leave_the_certificates_and_kubelets_where_they_are() {
    let Some(lab) = Lab::up("no-drain", 1, 1, "1.28.0") else {
        return;
    };
    let certificate = "sha256sum /etc/kubernetes/pki/apiserver.crt";
    let before = lab.on("m1", certificate);
    lab.changes();

    // The control plane alone, as for a look in between; etcd and the certificates stay as they are.
    let settings = "drain_policy=minor kubeadm_certificate_renewal=false kubeadm_etcd_upgrade=false";
    lab.upgrade(&["-e", settings, "--tags", "control_plane"])
        .expect_status(0);
    assert_eq!(
        lab.changes(),
        steps("m1", &["snapshot", "kubeadm package", "kubeadm upgrade apply"])
    );
    assert_eq!(lab.on("m1", certificate), before);

    lab.upgrade(&["-e", settings]).expect_status(0);
    let worker = [&["kubeadm package", "kubeadm upgrade node"], &KUBELET[..]].concat();
    assert_eq!(lab.changes(), [steps("m1", &KUBELET), steps("w1", &worker)].concat());
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    assert_eq!(lab.on("m1", certificate), before);

    // By force the same version is applied once more, also with a configuration from a file.
    lab.kubectl("-n kube-system get cm kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}' >/root/config.yaml");
    lab.upgrade(&["-e", "kubeadm_force=true kubeadm_config=/root/config.yaml"])
        .expect_status(0);
    let trace = lab.trace();
    assert_eq!(lab.changes(), steps("m1", &["kubeadm upgrade apply"]));
    let apply = trace.iter().find(|line| line.contains(" upgrade apply ")).unwrap();
    assert!(
        apply.contains("--force") && apply.contains("--config=/root/config.yaml"),
        "{apply}"
    );
}
