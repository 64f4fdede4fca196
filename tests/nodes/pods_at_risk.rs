//! Pods that a drain would lose something of, on lab nodes: it refuses before it touches the node, and tells what is lost
//! when that is allowed.
use crate::support::lab::Lab;

#[test]
fn pods_with_data_or_without_a_controller_are_given_up_only_with_permission() {
    let Some(lab) = Lab::up("pods-at-risk", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    let pod = "apiVersion: v1\\nkind: Pod\\nmetadata: {name: bare, namespace: default}\\nspec: {containers: [{name: bare, image: bare}]}\\n";
    lab.on(
        "m1",
        &format!("printf '{pod}' | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -"),
    );
    lab.kubectl("wait --for=condition=Ready pod/bare --timeout=30s");
    lab.changes();

    // The master has no such pods; the worker has both kinds.
    lab.upgrade(&["-e", "drain_delete_emptydir_data=false"])
        .expect_status(2)
        .expect_stdout("node w1 cannot be drained")
        .expect_stdout("default/bare")
        .expect_stdout("default/scratch-")
        .expect_stdout("nothing was changed");
    let changes = lab.changes();
    assert_eq!(
        changes[changes.len() - 2..],
        ["w1: kubeadm package", "w1: kubeadm upgrade node"]
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.0"]);
    assert!(lab.kubectl("get pods").contains("bare "));

    lab.upgrade(&["-e", "drain_force=true"])
        .expect_status(0)
        .expect_stdout("lost for good, as nothing makes them anew: default/bare")
        .expect_stdout("emptyDir data lost: default/scratch-");
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    assert!(!lab.kubectl("get pods").contains("bare "));
}
