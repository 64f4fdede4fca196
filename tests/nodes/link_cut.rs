//! The cable of a lab node unplugged in each phase of a run: plugged in again in time, nobody notices; else the node is
//! unreachable, the other one has done all its tasks, and what is unknown is said to be unknown.
use crate::support::lab::{Lab, Running, wait_until};
use crate::support::{Project, Ran};
use serde_json::json;

/// Starts krun on tasks for both nodes. A silent connection is lost after three seconds.
fn start(lab: &Lab, tasks: &str, more: &[&str]) -> (Running, Project) {
    let project = Project::new(&format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"));
    let site = project.path().join("site.yml").display().to_string();
    let alive = "ansible_ssh_extra_args='-o ServerAliveInterval=1 -o ServerAliveCountMax=2'";
    let fixed = [site.as_str(), "-e", alive];
    (lab.start_krun(&[&fixed, more].concat()), project)
}

/// The node's part of the recap.
#[track_caller]
fn expect_recap(ran: &Ran, host: &str, part: &str) {
    let (_, recap) = ran.stdout.split_once("PLAY RECAP").unwrap();
    let line = recap.lines().find(|line| line.starts_with(host)).unwrap();
    assert!(line.contains(part), "no {part:?}: {}", ran.stdout);
}

fn cut(lab: &Lab) {
    lab.lab(&["cut", "w1"]);
}

fn heal(lab: &Lab) {
    lab.lab(&["heal", "w1"]);
}

fn exists(lab: &Lab, path: &str) -> bool {
    lab.on("w1", &format!("ls -d {path} 2>/dev/null || :")).trim() != ""
}

/// A task that begins on w1, and ends there when the test lets it.
const TASK: &str = "
    - command:
        argv: [sh, -c, '[ $(hostname) = m1 ] || { echo x >>/root/begun; until [ -e /root/go ]; do sleep 0.1; done; }']
    - ping:
";

#[test]
fn a_cable_that_is_plugged_in_again_in_time() {
    let Some(lab) = Lab::up("link-healed", 1, 1, "1.28.0") else {
        return;
    };
    // While it connects.
    cut(&lab);
    let (mut krun, _project) = start(&lab, "    - ping:\n", &[]);
    krun.wait_for("ok: [m1]");
    heal(&lab);
    krun.end().expect_status(0);

    // While it logs in.
    hold_logins(&lab);
    let (krun, _project) = start(&lab, "    - ping:\n", &[]);
    wait_until("the login", || exists(&lab, "/run/login-*"));
    cut(&lab);
    lab.on("w1", "touch /run/go");
    heal(&lab);
    krun.end().expect_status(0);
    free_logins(&lab);

    // While it uploads.
    let content: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    let source = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(source.path(), &content).unwrap();
    let copy = format!(
        "    - copy: {{src: {}, dest: /root/copied/file}}\n",
        source.path().display()
    );
    for node in ["m1", "w1"] {
        lab.on(node, "mkdir /root/copied");
    }
    lab.lab(&["rate", "w1", "16mbit"]);
    let (krun, _project) = start(&lab, &copy, &[]);
    wait_until("a part of the file", || exists(&lab, "/root/copied/.*[0-9a-z]"));
    cut(&lab);
    assert!(!exists(&lab, "/root/copied/file"));
    heal(&lab);
    krun.end().expect_status(0);
    lab.lab(&["norate", "w1"]);
    assert_eq!(
        lab.on("w1", "cat /root/copied/file | sha256sum"),
        lab.on("m1", "cat /root/copied/file | sha256sum")
    );
    assert_eq!(lab.on("w1", "ls -A /root/copied"), "file\n");

    // While a task runs.
    let (krun, _project) = start(&lab, TASK, &[]);
    wait_until("the task", || exists(&lab, "/root/begun"));
    cut(&lab);
    lab.on("w1", "touch /root/go");
    heal(&lab);
    let ran = krun.end().expect_status(0);
    expect_recap(&ran, "w1", "ok=2");
    assert_eq!(lab.on("w1", "cat /root/begun"), "x\n");

    // Between two tasks, so long that the connection is lost: the next one only looks, and is repeated.
    let look = "    - ping:\n    - pause: {seconds: 1}\n    - stat: {path: /root/begun}\n    - ping:\n";
    let (mut krun, _project) = start(&lab, look, &[]);
    krun.wait_for("ok: [w1]");
    cut(&lab);
    krun.wait_for("connection lost");
    heal(&lab);
    let ran = krun.end().expect_status(0).expect_stdout("connected again");
    expect_recap(&ran, "w1", "ok=3");

    // While a detached command runs, so long that the connection is lost: it is found again.
    lab.fault(&slow_dnf());
    let (mut krun, _project) = start(&lab, PACKAGE, &[]);
    wait_until("dnf", || installs(&lab) == 1);
    cut(&lab);
    krun.wait_for("connection lost");
    heal(&lab);
    let ran = krun.end().expect_status(0).expect_stdout("connected again");
    expect_recap(&ran, "w1", "ok=2    changed=1");
    assert_eq!(installs(&lab), 1);
    assert_eq!(lab.on("w1", "kubeadm version -o short"), "v1.28.2\n");
}

#[test]
fn a_cable_that_stays_unplugged() {
    let Some(lab) = Lab::up("link-cut", 1, 1, "1.28.0") else {
        return;
    };
    let gone = |ran: Ran| {
        let ran = ran.expect_status(4).expect_stdout("fatal: [w1]: UNREACHABLE!");
        heal(&lab);
        expect_recap(&ran, "w1", "unreachable=1    failed=0");
        expect_recap(&ran, "m1", "unreachable=0    failed=0");
        ran
    };
    // While it logs in.
    hold_logins(&lab);
    let (krun, _project) = start(&lab, "    - ping:\n    - ping:\n", &["-T", "3"]);
    wait_until("the login", || exists(&lab, "/run/login-*"));
    cut(&lab);
    let ran = gone(krun.end()).expect_stdout("cannot log in to w1");
    expect_recap(&ran, "m1", "ok=2");
    free_logins(&lab);

    // While it uploads: nothing is there afterwards but what was there before.
    let source = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(source.path(), vec![b'x'; 3_000_000]).unwrap();
    let copy = format!(
        "    - copy: {{src: {}, dest: /root/copied/file}}\n",
        source.path().display()
    );
    for node in ["m1", "w1"] {
        lab.on(node, "mkdir /root/copied");
    }
    lab.lab(&["rate", "w1", "16mbit"]);
    let (krun, _project) = start(&lab, &copy, &[]);
    wait_until("a part of the file", || exists(&lab, "/root/copied/.*[0-9a-z]"));
    cut(&lab);
    gone(krun.end()).expect_stdout("upload to /root/copied/");
    lab.lab(&["norate", "w1"]);
    assert!(!exists(&lab, "/root/copied/file"));

    // While a task runs, of which nobody knows how it ends.
    let (krun, _project) = start(&lab, TASK, &[]);
    wait_until("the task", || exists(&lab, "/root/begun"));
    cut(&lab);
    gone(krun.end())
        .expect_stdout("the connection to w1 (10.77.0.101:22) was lost while")
        .expect_stdout("what to do: whether it has come to its end on the node is unknown");
    lab.on("w1", "touch /root/go");

    // The same with tasks behind it that were sent together with it: they are named.
    lab.on("w1", "rm /root/begun /root/go");
    let several = format!("{TASK}    - name: behind it\n      command: touch /root/behind\n");
    let (krun, _project) = start(&lab, &several, &[]);
    wait_until("the task", || exists(&lab, "/root/begun"));
    cut(&lab);
    gone(krun.end()).expect_stdout("how far the node got is unknown: behind it");
    lab.on("w1", "touch /root/go");

    // A task whose time is up on a node that is gone has not failed: the node is unreachable.
    lab.on("w1", "rm /root/begun /root/go");
    let timed = TASK.replacen("    - ping:", "      timeout: 2", 1);
    let alive = "ansible_ssh_extra_args='-o ServerAliveInterval=2 -o ServerAliveCountMax=1'";
    let (krun, _project) = start(&lab, &timed, &["-e", alive, "-T", "2"]);
    wait_until("the task", || exists(&lab, "/root/begun"));
    cut(&lab);
    gone(krun.end()).expect_stdout(" s, and then: cannot connect to w1");
    lab.on("w1", "touch /root/go");

    // While a detached command runs: it goes on, and the next run takes it up.
    lab.fault(&slow_dnf());
    let (krun, _project) = start(&lab, PACKAGE, &["-e", "krun_reconnect_timeout=2"]);
    wait_until("dnf", || installs(&lab) == 1);
    cut(&lab);
    gone(krun.end()).expect_stdout("it goes on on the node, and the next run finds it there");
    let (krun, _project) = start(&lab, PACKAGE, &[]);
    krun.end().expect_status(0);
    assert_eq!(installs(&lab), 1);
    assert_eq!(lab.on("w1", "kubeadm version -o short"), "v1.28.2\n");
}

/// Lets nobody log in on w1 until /run/go is there.
fn hold_logins(lab: &Lab) {
    let program = "#!/bin/sh
touch /run/login-$$
until [ -e /run/go ]; do sleep 0.1; done
cat /root/.ssh/authorized_keys
";
    let config = "AuthorizedKeysFile none
AuthorizedKeysCommand /usr/local/sbin/hold
AuthorizedKeysCommandUser root
";
    let script = format!(
        "printf '%s' '{program}' >/usr/local/sbin/hold; chmod 755 /usr/local/sbin/hold
         printf '%s' '{config}' >/etc/ssh/sshd_config.d/00-hold.conf; systemctl reload ssh"
    );
    lab.on("w1", &script);
}

fn free_logins(lab: &Lab) {
    lab.on(
        "w1",
        "touch /run/go; rm /etc/ssh/sshd_config.d/00-hold.conf; systemctl reload ssh",
    );
}

const PACKAGE: &str = "
    - package: {name: kubeadm, version: 1.28.2, disable_excludes: kubernetes}
      when: inventory_hostname == 'w1'
    - ping:
";

fn slow_dnf() -> serde_json::Value {
    json!({"program": "dnf", "node": "w1", "match": "install kubeadm", "action": "delay", "seconds": 7})
}

fn installs(lab: &Lab) -> usize {
    lab.trace()
        .iter()
        .filter(|line| line.starts_with("w1 dnf ") && line.contains(" install kubeadm"))
        .count()
}
