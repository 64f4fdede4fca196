//! Nodes behind a bastion, on lab nodes: the controller reaches one node only, and the others through it.
use std::fs;

use crate::support::changes::changes;
use crate::support::lab::Lab;

/// What the lab's inventory says after `NAME=`.
fn setting(inventory: &str, name: &str) -> String {
    let (_, rest) = inventory.split_once(&format!("{name}=")).unwrap();
    let value = rest.split_whitespace().next().unwrap();
    value.trim_matches('"').to_owned()
}

#[test]
fn a_cluster_is_upgraded_through_a_bastion_and_through_two_hops() {
    let Some(lab) = Lab::up("bastion", 1, 2, "1.28.0") else {
        return;
    };
    // The controller reaches w1 alone; m1 is reached from there, and w2 from m1 only.
    for node in ["10.77.0.11", "10.77.0.102"] {
        lab.lab(&["ctl", "--", "ip", "route", "add", "unreachable", node]);
    }
    lab.on("w2", "ip route add unreachable 10.77.0.101");
    for node in ["m1", "w2"] {
        lab.krun(&["exec", node, "-m", "ping"])
            .expect_status(4)
            .expect_stdout(&format!("{node} | UNREACHABLE!"))
            .expect_stdout("check that the node is up and the route to it");
    }

    let inventory = lab.lab(&["inventory"]);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ssh_config");
    let text = format!(
        "Host 10.77.0.11\n  ProxyJump bastion\nHost 10.77.0.102\n  ProxyJump bastion,second\n\
         Host bastion\n  HostName 10.77.0.101\nHost second\n  HostName 10.77.0.11\n\
         Host *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n  \
         StrictHostKeyChecking yes\n",
        setting(&inventory, "ansible_ssh_private_key_file"),
        setting(&inventory, "UserKnownHostsFile")
    );
    fs::write(&config, text).unwrap();
    lab.edit_inventory(
        "ansible_ssh_common_args='",
        &format!("ansible_ssh_common_args='-F {} ", config.display()),
    );
    lab.krun(&["exec", "all", "-m", "ping"]).expect_status(0);

    lab.changes();
    lab.upgrade(&[]).expect_status(0);
    assert_eq!(
        lab.nodes(),
        ["m1 Ready v1.28.2", "w1 Ready v1.28.2", "w2 Ready v1.28.2"]
    );
    let steps = changes(&lab.trace());
    assert_eq!(steps.len(), 15, "{steps:?}");
    assert_eq!(steps[0], "m1: kubeadm upgrade apply");
    assert_eq!(steps[14], "w2: uncordon");

    lab.on("w1", "systemctl stop ssh.socket ssh.service; pkill sshd; true");
    lab.krun(&["exec", "w2", "-m", "ping"])
        .expect_status(4)
        .expect_stdout("the proxy or jump host says")
        .expect_stdout("connect to host 10.77.0.101 port 22: Connection refused");
}
