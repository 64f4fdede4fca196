//! Clusters and machines that cannot be upgraded, on lab nodes: each is refused with a message that says what to do, before
//! anything is changed.
use crate::support::lab::Lab;

#[test]
fn what_stands_in_the_way_of_an_upgrade_is_named_before_anything_is_changed() {
    let Some(lab) = Lab::up("preflight", 1, 1, "1.28.0") else {
        return;
    };
    lab.changes();
    let refused = |more: &[&str], messages: &[&str]| {
        let mut ran = lab.upgrade(more).expect_status(2).expect_stdout("STOPPED:");
        for message in messages {
            ran = ran.expect_stdout(message);
        }
        assert_eq!(lab.changes(), Vec::<String>::new(), "{messages:?}");
    };

    refused(&["-e", "kubernetes_version="], &["kubernetes_version is \"\". Set it"]);

    // Two machines at once: both say what is wrong with them.
    lab.on(
        "w1",
        "printf 'Filename Type Size Used Priority\\n/dev/sdb2 partition 1 0 -2\\n' >/run/swaps",
    );
    lab.on("w1", "mount --bind /run/swaps /proc/swaps");
    lab.on("m1", "mv /etc/kubernetes/admin.conf /root/");
    refused(
        &[],
        &[
            "Swap is on, which the kubelet does not accept: /dev/sdb2 partition 1 0 -2",
            "/etc/kubernetes/admin.conf is not there.",
        ],
    );
    lab.on("w1", "umount /proc/swaps");
    lab.on("m1", "mv /root/admin.conf /etc/kubernetes/");

    // A full disk, and a kubelet that does not run.
    lab.lab(&["fill", "m1", "/etc/kubernetes", "--free", "10240"]);
    lab.on("w1", "systemctl stop kubelet");
    refused(
        &[],
        &[
            "/etc/kubernetes has 10 MiB free. kubeadm copies etcd's data",
            "The kubelet is inactive",
        ],
    );
    lab.lab(&["unfill", "m1", "/etc/kubernetes"]);

    // Its node is soon not Ready.
    lab.kubectl("wait --for=condition=Ready=Unknown node/w1 --timeout=30s");
    refused(
        &["-e", "{\"preflight_skip\": [\"kubelet\"]}"],
        &["Not Ready: w1. Mend these nodes first"],
    );
    lab.on("w1", "systemctl start kubelet");
    lab.kubectl("wait --for=condition=Ready node/w1 --timeout=30s");

    // An inventory that does not fit the cluster.
    lab.edit_inventory("[workers]\n", "");
    lab.edit_inventory("[all:vars]", "[workers]\n[all:vars]");
    refused(
        &[],
        &["if this host is no control-plane node, take it out of the group `masters`"],
    );
    lab.edit_inventory("\nw1 ", "\n#w1 ");
    refused(
        &[],
        &["The cluster has 2 nodes (m1, w1), the groups `masters` and `workers` 1."],
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
}
