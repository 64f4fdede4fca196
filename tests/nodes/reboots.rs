//! Lab nodes that are restarted, lose their power or their sshd in the middle of a run.
use crate::support::Project;
use crate::support::lab::{Lab, Running, wait_until};
use serde_json::json;

fn start(lab: &Lab, hosts: &str, tasks: &str) -> (Running, Project) {
    let project = Project::new(&format!("- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{tasks}"));
    let site = project.path().join("site.yml").display().to_string();
    (lab.start_krun(&[&site, "-T", "2"]), project)
}

/// A power cut, and on again.
fn power_cut(lab: &Lab, node: &str) {
    lab.lab(&["kill", node]);
    lab.lab(&["boot", node]);
}

/// Differs after every boot.
fn boot_of(lab: &Lab, node: &str) -> String {
    lab.on(node, "cut -d ' ' -f 22 /proc/1/stat")
}

fn count(lab: &Lab, parts: &[&str]) -> usize {
    let trace = lab.trace();
    let is_meant = |line: &&String| parts.iter().all(|part| line.contains(part)) && !line.contains("--dry-run");
    trace.iter().filter(is_meant).count()
}

#[test]
fn a_worker_that_is_restarted_in_the_middle_of_a_task() {
    let Some(lab) = Lab::up("reboots", 1, 1, "1.28.0") else {
        return;
    };
    // krun's own reboot.
    let boot = boot_of(&lab, "w1");
    let (krun, _project) = start(&lab, "w1", "    - ping:\n    - reboot:\n    - ping:\n");
    krun.end()
        .expect_status(0)
        .expect_stdout("ok=3    changed=1    unreachable=0    failed=0");
    assert_ne!(boot_of(&lab, "w1"), boot);

    // What only looks goes on looking: after a power cut, and without an sshd for a while.
    let wait = "    - wait-for: {path: /root/there, timeout: 60}\n    - command: rm /root/there\n";
    let (mut krun, _project) = start(&lab, "w1", wait);
    krun.wait_for("waiting for /root/there");
    power_cut(&lab, "w1");
    krun.wait_for("connected again");
    lab.on("w1", "systemctl stop ssh; pkill -KILL sshd; :");
    krun.wait_for("Connection refused");
    lab.on("w1", "systemctl start ssh; touch /root/there");
    krun.end()
        .expect_status(0)
        .expect_stdout("ok=2    changed=1    unreachable=0    failed=0");

    // Of a command nobody knows how it ended.
    let (krun, _project) = start(&lab, "w1", "    - shell: touch /root/begun; sleep 1000\n    - ping:\n");
    wait_until("the command", || lab.on("w1", "ls /root").contains("begun"));
    lab.lab(&["kill", "w1"]);
    krun.end()
        .expect_status(4)
        .expect_stdout("whether it has come to its end on the node is unknown")
        .expect_stdout("ok=0    changed=0    unreachable=1    failed=0");
    lab.lab(&["boot", "w1"]);

    // A detached command is known to have been cut short, and the same run again begins it anew.
    let package = "    - package: {name: kubeadm, version: 1.28.2, disable_excludes: kubernetes}\n";
    let install = ["w1 dnf ", " install kubeadm"];
    lab.fault(&json!({"program": "dnf", "node": "w1", "match": "install kubeadm", "action": "hang"}));
    let (krun, _project) = start(&lab, "w1", package);
    wait_until("dnf", || count(&lab, &install) == 1);
    power_cut(&lab, "w1");
    krun.end()
        .expect_status(2)
        .expect_stdout("its process ended without an exit status, as after a restart of the node")
        .expect_stdout("ok=0    changed=0    unreachable=0    failed=1");
    let (krun, _project) = start(&lab, "w1", package);
    krun.end().expect_status(0);
    assert_eq!(count(&lab, &install), 2);
    assert_eq!(lab.on("w1", "kubeadm version -o short"), "v1.28.2\n");
}

#[test]
fn a_master_that_loses_its_power_under_kubeadm_is_upgraded_by_the_next_run() {
    let Some(lab) = Lab::up("power-cut", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    lab.on("m1", "echo '{\"step_seconds\": 1}' >/srv/lab/standin.json");
    let settings = "kubernetes_version=1.28.2 drain_delete_emptydir_data=true wait_timeout=60";
    let mut krun = lab.start_krun(&["playbooks/upgrade.yml", "-e", settings]);
    krun.wait_for("[upgrade/staticpods]");
    power_cut(&lab, "m1");
    krun.end()
        .expect_status(2)
        .expect_stdout("its process ended without an exit status, as after a restart of the node")
        .expect_stdout("STOPPED: m1 failed");
    lab.on("m1", "rm /srv/lab/standin.json");
    lab.upgrade(&[]).expect_status(0);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.2", "w1 Ready v1.28.2"]);
    assert_eq!(count(&lab, &["m1 kubeadm ", "upgrade apply"]), 2);
    assert_eq!(count(&lab, &["kubectl ", " drain m1"]), 1);
}
