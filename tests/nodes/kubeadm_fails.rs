//! kubeadm fails in its different ways on lab nodes: krun says so, touches nothing more, and the same command finishes the
//! upgrade when the cause is gone.
use crate::support::lab::Lab;
use serde_json::json;

#[test]
fn whatever_kubeadm_does_wrong_stops_the_upgrade_and_the_same_command_finishes_it() {
    let Some(lab) = Lab::up("kubeadm-fails", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    lab.changes();
    let enjoy = "[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v1.28.2\". Enjoy!\n";
    let apply = "m1: kubeadm upgrade apply";
    let cases = [
        // The package is new, the program is not.
        (
            json!({"action": "lie-version", "match": "^version", "version": "v1.28.0", "times": -1}),
            "kubeadm on this node is 1.28.0, older than the target 1.28.2",
            vec!["m1: snapshot", "m1: kubeadm package"],
        ),
        (
            json!({"action": "lie", "match": "upgrade apply"}),
            "kubeadm upgrade apply v1.28.2 ended without saying that it succeeded",
            vec![apply],
        ),
        (
            json!({"action": "lie", "match": "upgrade apply", "stdout": enjoy}),
            "says that it succeeded, but kube-apiserver is at v1.28.0",
            vec![apply],
        ),
        (
            json!({"action": "rollback", "match": "upgrade apply"}),
            "kubeadm upgrade apply v1.28.2 failed and rolled the state back",
            vec![apply],
        ),
    ];
    for (mut fault, message, changes) in cases {
        fault["program"] = "kubeadm".into();
        lab.fault(&fault);
        lab.upgrade(&[])
            .expect_status(2)
            .expect_stdout(message)
            .expect_stdout("STOPPED: m1 failed");
        assert_eq!(lab.changes(), changes, "{fault}");
        let image = lab.on("m1", "grep image: /etc/kubernetes/manifests/kube-apiserver.yaml");
        assert!(image.contains(":v1.28.0"), "{fault}: {image}");
        assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"], "{fault}");
    }

    // The same command gets through on the master; then kubeadm fails on the worker, before the drain.
    lab.fault(
        &json!({"program": "kubeadm", "node": "w1", "match": "upgrade node", "action": "fail", "stderr": "no\n"}),
    );
    lab.upgrade(&[])
        .expect_status(2)
        .expect_stdout("kubeadm upgrade node v1.28.2 failed with exit status 1: no");
    let master = [
        apply,
        "m1: cordon",
        "m1: drain",
        "m1: kubelet package",
        "m1: restart kubelet",
        "m1: uncordon",
    ];
    assert_eq!(
        lab.changes(),
        [&master[..], &["w1: kubeadm package", "w1: kubeadm upgrade node"]].concat()
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.0"]);

    lab.upgrade(&[]).expect_status(0);
    assert_eq!(
        lab.changes(),
        [
            "w1: kubeadm upgrade node",
            "w1: cordon",
            "w1: drain",
            "w1: kubelet package",
            "w1: restart kubelet",
            "w1: uncordon"
        ]
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
}
