//! Nodes that cannot be used, on lab nodes: each says what is wrong and the way out, and nothing is left half done.
use std::process::{Command, Stdio};

use crate::support::lab::{Lab, wait_until};
use crate::support::{Project, Ran};

/// `krun exec w1 -m ping` with more arguments.
fn ping(lab: &Lab, more: &[&str]) -> Ran {
    lab.krun(&[&["exec", "w1", "-m", "ping"], more].concat())
}

#[test]
fn logins_that_are_refused() {
    let Some(lab) = Lab::up("bad-logins", 1, 1, "1.28.0") else {
        return;
    };
    let project = Project::new("");
    let path = |name: &str| project.path().join(name).display().to_string();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &path("wrong")])
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());

    let key = |file: &str| format!("ansible_ssh_private_key_file={}", path(file));
    ping(&lab, &["-e", &key("wrong")])
        .expect_status(4)
        .expect_stdout("w1 | UNREACHABLE! => cannot log in to w1 (10.77.0.101:22) as root")
        .expect_stdout("wrong: refused by the server")
        .expect_stdout("what to do: give the right key");
    ping(&lab, &["-e", &key("gone")])
        .expect_status(4)
        .expect_stdout("gone: there is no such file");

    let known = |file: &str| {
        let file = path(file);
        format!("ansible_ssh_common_args='-o UserKnownHostsFile={file} -o StrictHostKeyChecking=yes'")
    };
    let public = std::fs::read_to_string(path("wrong.pub")).unwrap();
    std::fs::write(path("known"), format!("10.77.0.101 {public}")).unwrap();
    ping(&lab, &["-e", &known("known")])
        .expect_status(4)
        .expect_stdout("HOST IDENTIFICATION HAS CHANGED")
        .expect_stdout("if the host was installed anew, and only then: ssh-keygen");
    std::fs::write(path("known"), "").unwrap();
    ping(&lab, &["-e", &known("known")])
        .expect_status(4)
        .expect_stdout("No ED25519 host key is known for 10.77.0.101")
        .expect_stdout("compare the fingerprint");

    ping(&lab, &["-e", "ansible_user=nosudo", "-b"])
        .expect_status(2)
        .expect_stdout("w1 | FAILED! => cannot become root by sudo: a password is required and none was given")
        .expect_stdout("-K");
    lab.on(
        "w1",
        "echo 'nosudo:right' | chpasswd; echo 'ops:right' | chpasswd
         echo 'nosudo ALL=(ALL) ALL' > /etc/sudoers.d/nosudo
         echo 'PasswordAuthentication yes' > /etc/ssh/sshd_config.d/00-password.conf; systemctl reload ssh",
    );
    ping(&lab, &["-e", "ansible_user=nosudo ansible_become_password=wrong", "-b"])
        .expect_status(2)
        .expect_stdout("cannot become root by sudo: the password is wrong");
    ping(&lab, &["-e", "ansible_user=nosudo ansible_become_password=right", "-b"]).expect_status(0);

    let no_key = "ansible_user=ops ansible_ssh_extra_args='-o PubkeyAuthentication=no'";
    ping(&lab, &["-e", no_key, "-e", "ansible_password=right"]).expect_status(0);
    let ran = ping(&lab, &["-e", no_key, "-e", "ansible_password=wrong"])
        .expect_status(4)
        .expect_stdout("cannot log in to w1");
    assert!(!ran.stdout.contains("=wrong"), "{}", ran.stdout);
}

#[test]
fn machines_and_disks_that_fail() {
    let Some(lab) = Lab::up("bad-nodes", 1, 1, "1.28.0") else {
        return;
    };
    lab.lab(&["cut", "w1"]);
    let ran = lab.krun(&["exec", "all", "-m", "ping", "-T", "2"]).expect_status(4);
    ran.expect_stdout("m1 | SUCCESS")
        .expect_stdout("w1 | UNREACHABLE! => cannot connect to w1 (10.77.0.101:22): 10.77.0.101 does not answer")
        .expect_stdout("what to do: check that the node is up");
    lab.lab(&["heal", "w1"]);
    lab.lab(&["kill", "w1"]);
    ping(&lab, &[]).expect_status(4).expect_stdout("Connection refused");
    lab.lab(&["boot", "w1"]);
    wait_until("sshd", || ping(&lab, &[]).status == 0);

    lab.on("w1", "mkdir /opt/data");
    lab.lab(&["fill", "w1", "/opt/data"]);
    let large = "x".repeat(300_000);
    let project = Project::new("")
        .file("large", &large)
        .file("text.j2", "{{ inventory_hostname }}\n");
    let file = |name: &str| project.path().join(name).display().to_string();
    for (module, args) in [
        ("copy", format!("src={} dest=/opt/data/large", file("large"))),
        ("copy", "content=text dest=/opt/data/small".to_owned()),
        ("template", format!("src={} dest=/opt/data/template", file("text.j2"))),
    ] {
        lab.krun(&["exec", "w1", "-m", module, "-a", &args])
            .expect_status(2)
            .expect_stdout("No space left on device")
            .expect_stdout("what to do: a disk of the node is full");
    }
    assert_eq!(lab.on("w1", "ls -A /opt/data").trim(), ".lab-fill");

    let package = |version: &str| {
        let args = format!("name=kubeadm version={version} disable_excludes=kubernetes");
        lab.krun(&["exec", "w1", "-m", "package", "-a", &args]).expect_status(2)
    };
    let folder = "/usr/lib/systemd/system/kubelet.service.d";
    lab.lab(&["fill", "w1", folder]);
    package("1.28.2")
        .expect_stdout("more space")
        .expect_stdout("what to do: a disk of the node is full");
    lab.lab(&["unfill", "w1", folder]);
    let state = lab.on("w1", "rpm -q kubeadm; rpm -V kubeadm; kubeadm version -o short");
    assert_eq!(state, "kubeadm-1.28.0-0.noarch\nv1.28.0\n");
    package("1.28.99")
        .expect_stdout("no repository of the node holds kubeadm 1.28.99")
        .expect_stdout("these are there: 1.28.2-0, 1.28.0-0");

    let folder = "/var/lib/krun/backups";
    lab.on("m1", &format!("mkdir -p {folder}"));
    lab.lab(&["fill", "m1", folder]);
    lab.krun(&["playbooks/backup.yml", "-e", "backup_max_age=0"])
        .expect_status(2)
        .expect_stdout("no backup of etcd")
        .expect_stdout("what to do: a disk of the node is full");
    assert_eq!(lab.on("m1", &format!("ls -A {folder}")).trim(), ".lab-fill");
}

#[test]
fn a_version_that_no_repository_has_stops_the_upgrade_before_it_begins() {
    let Some(lab) = Lab::up("no-such-version", 1, 1, "1.28.0") else {
        return;
    };
    lab.changes();
    lab.krun(&["playbooks/upgrade.yml", "-e", "kubernetes_version=1.28.99"])
        .expect_status(2)
        .expect_stdout("packages: No repository of the nodes serves kubeadm 1.28.99")
        .expect_stdout("set repository_baseurl")
        .expect_stdout("plays not started: May the hop begin?; Back up etcd");
    assert!(lab.changes().is_empty());
}
