//! A kubelet that does not come back in its new version on lab nodes: its node takes no pods until it does, and the same
//! command makes up for what is missing.
use crate::support::lab::Lab;
use serde_json::json;

#[test]
fn a_restart_that_was_missed_is_made_up_for_and_until_then_the_node_stays_cordoned() {
    let Some(lab) = Lab::up("kubelet-restart", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    lab.changes();

    // systemd says that it restarted the kubelet, which goes on as it was.
    let restart = json!({"program": "systemctl", "node": "m1", "match": "restart kubelet", "action": "lie"});
    lab.fault(&restart);
    lab.upgrade(&["-e", "wait_timeout=8"])
        .expect_status(2)
        .expect_stdout("STOPPED: m1 failed")
        .expect_stdout("v1.28.0");
    assert_eq!(lab.nodes(), ["m1 Ready,SchedulingDisabled v1.28.0", "w1 Ready v1.28.0"]);
    assert_eq!(
        lab.changes(),
        [
            "m1: snapshot",
            "m1: kubeadm package",
            "m1: kubeadm upgrade apply",
            "m1: cordon",
            "m1: drain",
            "m1: kubelet package",
            "m1: restart kubelet",
        ]
    );

    // The rerun restarts that kubelet, and ends krun's own cordon; then systemd fails on the worker.
    let reload = json!({"program": "systemctl", "node": "w1", "match": "daemon-reload", "action": "fail", "stderr": "bus error\n"});
    lab.fault(&reload);
    lab.upgrade(&[])
        .expect_status(2)
        .expect_stdout("bus error")
        .expect_stdout("STOPPED: w1 failed");
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready,SchedulingDisabled v1.28.0"]);
    assert_eq!(
        lab.changes(),
        [
            "m1: restart kubelet",
            "m1: uncordon",
            "w1: kubeadm package",
            "w1: kubeadm upgrade node",
            "w1: cordon",
            "w1: drain",
            "w1: kubelet package",
        ]
    );

    lab.upgrade(&[]).expect_status(0);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    assert_eq!(lab.changes(), ["w1: restart kubelet", "w1: uncordon"]);
}
