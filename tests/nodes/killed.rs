//! krun killed in the middle of a detached command on lab nodes: that goes on, and the next run finds it and finishes.
use crate::support::lab::Lab;

fn count(lab: &Lab, parts: &[&str]) -> usize {
    let is_meant = |line: &&String| {
        parts.iter().all(|part| line.contains(part)) && !line.contains("--dry-run") && !line.contains("--help")
    };
    lab.trace().iter().filter(is_meant).count()
}

#[test]
fn what_a_killed_krun_began_is_found_and_never_doubled() {
    let Some(lab) = Lab::up("killed", 1, 1, "1.28.0") else {
        return;
    };
    // kubeadm takes its time, longer than it takes to start krun again.
    lab.on("m1", "echo '{\"step_seconds\": 1}' >/srv/lab/standin.json");
    let apply = [" kubeadm ", "upgrade apply"];
    let upgrade = [
        "playbooks/upgrade.yml",
        "-e",
        "kubernetes_version=1.28.2 drain_delete_emptydir_data=true drain_timeout=60 wait_timeout=60",
    ];
    let mut krun = lab.start_krun(&upgrade);
    krun.wait_for("[upgrade/staticpods]");
    krun.kill();

    // The lock of the one that was killed is still warm: only its own run may go on.
    lab.krun(&upgrade)
        .expect_status(2)
        .expect_stdout("another krun is at work on this cluster");
    let mut krun = lab.start_krun_alone(&["resume"]);
    krun.wait_for("kubeadm-apply of an earlier run is still at work");
    lab.on("m1", "rm /srv/lab/standin.json");
    // There is one worker only, and no other place for its pods: the budget of `web` holds its drain.
    krun.wait_for("still on w1");
    krun.kill();
    assert_eq!(count(&lab, &apply), 1, "a second kubeadm");
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready,SchedulingDisabled v1.28.0"]);

    let mut krun = lab.start_krun_alone(&["resume"]);
    krun.wait_for("found this command still running");
    lab.kubectl("delete pdb web");
    krun.end().expect_status(0);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    assert_eq!(count(&lab, &apply), 1, "a second kubeadm");
    assert_eq!(count(&lab, &[" kubectl ", " drain w1"]), 1, "a second drain");
    assert!(!lab.on("m1", "ls /var/lib/krun/jobs").contains("drain"));
    let node = lab.kubectl("get node w1 -o yaml");
    assert!(!node.contains("krun.dev/cordoned-by"), "{node}");
}
