//! The upgrade of a cluster with three masters on lab nodes, in the order that keeps the version rules behind a load
//! balancer.
use crate::support::lab::Lab;

const HOOKS: [&str; 13] = [
    "before_upgrade",
    "before_hop",
    "before_control_plane",
    "after_control_plane",
    "before_masters",
    "after_masters",
    "before_workers",
    "after_workers",
    "before_node",
    "after_node",
    "cni_upgrade",
    "after_hop",
    "after_upgrade",
];

#[test]
fn control_planes_come_first_then_kubelets_one_by_one_with_hooks_at_their_places() {
    let Some(lab) = Lab::up("three-masters", 3, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    let certificate = "sha256sum /etc/kubernetes/pki/apiserver.crt";
    let before = ["m1", "m3"].map(|node| lab.on(node, certificate));
    let folder = tempfile::tempdir().unwrap();
    let mut settings = String::new();
    for hook in HOOKS {
        let path = folder.path().join(format!("{hook}.yml"));
        let task = format!("- command: systemctl show hook-{hook}\n  changed_when: false\n");
        std::fs::write(&path, task).unwrap();
        settings += &format!("hook_{hook}={} ", path.display());
    }
    lab.changes();

    // etcd's leader comes last, for example.
    let order = r#"{"control_plane_order": ["m2", "m3", "m1"]}"#;
    let ran = lab.upgrade(&["-v", "-e", &settings, "-e", order]).expect_status(0);
    let trace = lab.trace();
    let steps =
        |node: &str, steps: &[&str]| -> Vec<String> { steps.iter().map(|step| format!("{node}: {step}")).collect() };
    let kubelet = [
        "cordon",
        "drain",
        "kubelet package",
        "restart kubelet",
        "uncordon",
        "hook after_node",
    ];
    let node = ["hook before_node", "kubeadm package", "kubeadm upgrade node"];
    let first = [
        "snapshot",
        "hook before_upgrade",
        "hook before_hop",
        "hook before_control_plane",
    ];
    let apply = [
        "hook before_node",
        "kubeadm package",
        "kubeadm upgrade apply",
        "hook cni_upgrade",
    ];
    let expected = [
        steps("m1", &first),
        steps("m2", &apply),
        steps("m3", &node),
        steps("m1", &node),
        steps("m1", &["hook after_control_plane", "hook before_masters"]),
        steps("m2", &kubelet),
        steps("m3", &kubelet),
        steps("m1", &kubelet),
        steps("m1", &["hook after_masters", "hook before_workers"]),
        steps("w1", &[&node[..], &kubelet].concat()),
        steps("m1", &["hook after_workers", "hook after_hop", "hook after_upgrade"]),
    ];
    assert_eq!(lab.changes(), expected.concat());
    assert_eq!(
        lab.nodes(),
        [
            "m1 Ready v1.28.2",
            "m2 Ready v1.28.2",
            "m3 Ready v1.28.2",
            "w1 Ready v1.28.2"
        ]
    );

    // A plan is asked for in the preflight, and by the new kubeadm of the master that applies it.
    let plans: Vec<_> = trace.iter().filter(|line| line.contains("upgrade plan")).collect();
    assert!(
        plans.len() == 2 && plans[0].starts_with("m1 ") && plans[1].starts_with("m2 "),
        "{plans:?}"
    );
    // kubeadm renewed the certificates, on every master.
    assert!(
        ["m1", "m3"]
            .map(|node| lab.on(node, certificate))
            .iter()
            .zip(&before)
            .all(|(now, before)| now != before)
    );
    // The version is in the cluster's configuration, and kubeadm's copies of what it replaced are named.
    let configuration = lab.kubectl("-n kube-system get cm kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'");
    assert!(configuration.contains("kubernetesVersion: v1.28.2"), "{configuration}");
    ran.expect_stdout("/etc/kubernetes/tmp/kubeadm-backup-manifests-")
        .expect_stdout("/etc/kubernetes/tmp/kubeadm-kubelet-config");
}
