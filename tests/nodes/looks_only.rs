//! Looking changes nothing on lab nodes: the whole upgrade in check mode, and the actions of `kubeadm` that only look.
use crate::support::lab::Lab;

/// What the programs under trace may be called with when nothing is to change.
const LOOKS: [&str; 22] = [
    " --help",
    " etcdctl version",
    " etcdutl version",
    " member list",
    " systemctl is-enabled ",
    " kubeadm certs check-expiration",
    " config view",
    " alarm list",
    " kubectl version --client",
    " kubeadm config images list",
    " --request-timeout=",
    " kubeadm version",
    " kubeadm upgrade plan",
    " kubeadm upgrade diff",
    " --dry-run",
    " dnf -q -y repoquery ",
    " systemctl is-active ",
    " systemctl --system show ",
    " get node ",
    " etcdctl snapshot status ",
    " endpoint health",
    " endpoint status",
];

/// Every file that an upgrade could change, with its checksum.
const FILES: &str = "find /etc /var/lib/krun /var/lib/kubelet -type f -not -path '*/tmp/*' -exec sha256sum {} + 2>/dev/null; \
                     rpm -q kubeadm kubelet kubectl";

#[track_caller]
fn expect_looks_only(trace: &[String]) {
    assert!(!trace.is_empty());
    for line in trace {
        let is_look = LOOKS.iter().any(|look| line.contains(look)) && !line.contains(" patch ");
        assert!(is_look, "{line}");
    }
}

#[test]
fn check_mode_changes_nothing_and_lets_a_new_kubeadm_rehearse() {
    let Some(lab) = Lab::up("looks-only", 1, 1, "1.28.0") else {
        return;
    };
    let files = || ["m1", "w1"].map(|node| lab.on(node, FILES));
    let before = files();
    lab.lab(&["trace", "--clear"]);
    let ran = lab.upgrade(&["-C"]).expect_status(0);
    expect_looks_only(&lab.trace());
    assert_eq!(files(), before);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
    // It says what it would do.
    ran.expect_stdout("kube-apiserver v1.28.0 → v1.28.2")
        .expect_stdout("All containers restart. Manual edits of static-pod manifests, of the CoreDNS Deployment")
        .expect_stdout("CHANGELOG/CHANGELOG-1.28.md");

    // A kubeadm that is new already rehearses its part.
    lab.on("m1", "dnf -q -y --disableexcludes=kubernetes install kubeadm-1.28.2-0");
    let before = files();
    lab.lab(&["trace", "--clear"]);
    lab.upgrade(&["-C", "-D"])
        .expect_status(0)
        .expect_stdout("+kube-apiserver registry.k8s.io/kube-apiserver:v1.28.2");
    let trace = lab.trace();
    expect_looks_only(&trace);
    let is_rehearsal = |line: &&String| line.contains(" kubeadm upgrade apply v1.28.2") && line.contains("--dry-run");
    assert_eq!(trace.iter().filter(is_rehearsal).count(), 1, "{trace:?}");
    assert_eq!(files(), before);

    // The actions that only look.
    let folder = tempfile::tempdir().unwrap();
    let playbook = folder.path().join("looks.yml");
    std::fs::write(&playbook, include_str!("../data/kubeadm_looks.yml")).unwrap();
    lab.lab(&["trace", "--clear"]);
    lab.krun(&[playbook.to_str().unwrap()])
        .expect_status(0)
        .expect_stdout("images come from registry.k8s.io, the cluster is at v1.28.0")
        .expect_stdout("+    image: registry.k8s.io/kube-apiserver:v1.28.2")
        .expect_stdout("plan: v1.28.0 to v1.28.2");
    expect_looks_only(&lab.trace());
}
