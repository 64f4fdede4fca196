//! The step to the next minor version on lab nodes, with the package repository of that version; and what is
//! refused.
use crate::support::lab::Lab;

/// Settings of a run, on top of the usual ones: the version, and the repository of its minor version.
fn settings(version: &str) -> String {
    let settings = serde_json::json!({
        "kubernetes_version": version,
        "repository_baseurl": "file:///srv/repo/v{{ kubernetes_minor }}/rpm/",
        "repository_gpgcheck": false,
        "repository_gpgkey": ["https://packages.example/one.key", "https://packages.example/two.key"],
        // This needs a drain only because the minor version changes.
        "drain_policy": "minor",
    });
    settings.to_string()
}

#[test]
fn the_nodes_go_over_to_the_repository_of_the_next_minor_and_steps_that_cannot_be_are_refused() {
    let Some(lab) = Lab::up("minor-upgrade", 1, 1, "1.28.2") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    let file = "cat /etc/yum.repos.d/kubernetes.repo";
    let legacy = lab.on("w1", file);
    assert!(legacy.contains("/srv/repo/legacy"), "{legacy}");
    lab.changes();

    let unchanged = || {
        assert_eq!(lab.changes(), Vec::<String>::new());
        assert_eq!(lab.on("w1", file), legacy);
        assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    };
    // Without a repository of krun's the nodes' own is looked into by the preflight: it ends before these versions.
    lab.upgrade(&["-e", "kubernetes_version=1.30.5"])
        .expect_status(2)
        .expect_stdout("hop: no repository offers a version of 1.29, which is on the way");
    unchanged();
    lab.upgrade(&["-e", "kubernetes_version=1.29.9"])
        .expect_status(2)
        .expect_stdout("packages: No repository of the nodes serves kubeadm 1.29.9");
    unchanged();
    lab.upgrade(&["-e", &settings("1.28.0")])
        .expect_status(2)
        .expect_stdout(
            "hop: the control plane is at 1.28.2, and the target 1.28.0 is older: Kubernetes has no way back",
        );
    unchanged();
    // What needs somebody at a terminal, and a window that is never open for so long.
    lab.upgrade(&["-e", &settings("1.29.9"), "-e", r#"{"confirm_before": ["batch"]}"#])
        .expect_status(2)
        .expect_stdout("there is no terminal to ask on");
    unchanged();
    let window = r#"{"maintenance_window": {"start": "00:00", "end": "23:59"}, "maintenance_window_needs": 90000}"#;
    lab.upgrade(&["-e", &settings("1.29.9"), "-e", window])
        .expect_status(2)
        .expect_stdout("(00:00 to 23:59)")
        .expect_stdout("it is never open for so long");
    unchanged();
    // A version that is nowhere, also not in the repository that the nodes do not have yet.
    lab.upgrade(&["-e", &settings("1.29.8")])
        .expect_status(2)
        .expect_stdout("packages: No repository of the nodes serves kubeadm 1.29.8");
    unchanged();

    // Where images come from is read out of the cluster's configuration.
    let config = "kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system get cm kubeadm-config -o yaml";
    let change = "sed 's|imageRepository: .*|imageRepository: registry.example|'";
    lab.on(
        "m1",
        &format!("{config} | {change} | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -"),
    );

    // With an ordinary user that may use sudo: everything that needs root becomes it.
    lab.upgrade(&["-e", &settings("1.29.9"), "-e", "ansible_user=ops"])
        .expect_status(0);
    let trace = lab.trace();
    for part in ["w1 dnf -q clean expire-cache", "makecache"] {
        assert!(trace.iter().any(|line| line.contains(part)), "no {part}: {trace:#?}");
    }
    let kubelet = ["cordon", "drain", "kubelet package", "restart kubelet", "uncordon"];
    let steps = |node: &str, first: &str| -> Vec<String> {
        let steps = ["kubeadm package", first].into_iter().chain(kubelet);
        steps.map(|step| format!("{node}: {step}")).collect()
    };
    let expected = [
        vec!["m1: snapshot".to_owned()],
        steps("m1", "kubeadm upgrade apply"),
        steps("w1", "kubeadm upgrade node"),
    ];
    assert_eq!(lab.changes(), expected.concat());
    assert_eq!(lab.nodes(), ["m1 Ready v1.29.9", "w1 Ready v1.29.9"]);
    let image = lab.on("m1", "grep image: /etc/kubernetes/manifests/kube-apiserver.yaml");
    assert!(image.contains("registry.example/kube-apiserver:v1.29.9"), "{image}");
    let written = lab.on("w1", file);
    for line in [
        "baseurl=file:///srv/repo/v1.29/rpm/",
        "gpgcheck=0",
        "exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni",
    ] {
        assert!(written.lines().any(|found| found == line), "no {line}:\n{written}");
    }
    assert!(written.contains("https://packages.example/two.key"), "{written}");
    assert_eq!(
        lab.on("w1", "rpm -q kubeadm kubelet kubectl")
            .matches("-1.29.9-150500.1.1.")
            .count(),
        3
    );
}
