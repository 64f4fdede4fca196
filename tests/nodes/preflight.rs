//! Clusters and machines that cannot be upgraded, on lab nodes: everything that stands in the way is named at once, with what
//! to do, before anything is changed.
use crate::support::lab::Lab;

#[test]
fn what_stands_in_the_way_of_an_upgrade_is_named_before_anything_is_changed() {
    let Some(lab) = Lab::up("preflight", 1, 1, "1.28.0") else {
        return;
    };
    lab.changes();
    let refused = |more: &[&str], messages: &[&str]| {
        let look = [
            "playbooks/preflight.yml",
            "-e",
            "kubernetes_version=1.28.2 drain_delete_emptydir_data=true",
        ];
        let mut ran = lab
            .krun(&[&look, more].concat())
            .expect_status(2)
            .expect_stdout("STOPPED:");
        for message in messages {
            ran = ran.expect_stdout(message);
        }
        assert_eq!(lab.changes(), Vec::<String>::new(), "{messages:?}");
    };

    refused(&["-e", "kubernetes_version="], &["kubernetes_version is \"\". Set it"]);

    // What is wrong with two machines, and with a cluster that nobody can ask, at once.
    lab.on(
        "w1",
        "printf 'Filename Type Size Used Priority\\n/dev/sdb2 partition 1 0 -2\\n' >/run/swaps",
    );
    lab.on("w1", "mount --bind /run/swaps /proc/swaps");
    lab.on("m1", "mv /etc/kubernetes/admin.conf /root/");
    refused(
        &[],
        &[
            "3 things stand in the way of the upgrade:",
            "swap (w1): Swap is on, which the kubelet does not accept: /dev/sdb2 partition 1 0 -2",
            "→ swapoff -a",
            "admin-conf (m1): /etc/kubernetes/admin.conf is not there",
            "cluster: The cluster does not answer: ",
        ],
    );
    lab.on("m1", "mv /root/admin.conf /etc/kubernetes/");

    // A full disk, a kubelet that does not run, another krun at work; and what only should be known. Swap is waived.
    lab.lab(&["fill", "m1", "/etc/kubernetes", "--free", "10240"]);
    lab.on("w1", "systemctl stop kubelet");
    lab.on(
        "m1",
        "sed -i 's/cpu: 100m/cpu: 150m/' /etc/kubernetes/manifests/kube-scheduler.yaml",
    );
    lab.on("m1", &lease("date -u +%Y-%m-%dT%H:%M:%S.000000Z"));
    lab.kubectl("patch poddisruptionbudget web --type=merge -p '{\"spec\":{\"minAvailable\":2}}'");
    let ready = "'jsonpath={.status.disruptionsAllowed}'=0";
    lab.kubectl(&format!("wait --for={ready} poddisruptionbudget/web --timeout=30s"));
    lab.kubectl("cordon m1");
    lab.kubectl("annotate node m1 krun.dev/cordoned-by=run-6");
    lab.kubectl("wait --for=condition=Ready=Unknown node/w1 --timeout=30s");
    lab.changes();
    refused(
        &["-e", "{\"preflight_skip\": [\"swap\"]}"],
        &[
            "4 things stand in the way of the upgrade:",
            "disk (m1): /etc/kubernetes has 10 MiB free; for kubeadm's copy of etcd's data",
            "kubelet (w1): The kubelet is inactive",
            "lock: Another run of krun works on this cluster: ops@pc run-7",
            "preflight_skip: [disk, kubelet, ready, lock]",
            "swap (w1) [waived]: Swap is on",
            "drift (m1): Manifests in /etc/kubernetes/manifests differ from what kubeadm writes",
            "- cpu: 150m  + cpu: 100m",
            "budgets: PodDisruptionBudget default/web needs 2 healthy, has ",
            "cordons (m1): m1 is cordoned, by an earlier run of krun (run-6)",
        ],
    );
    lab.lab(&["unfill", "m1", "/etc/kubernetes"]);
    lab.on("w1", "umount /proc/swaps");

    // A lock that nobody renews warns only.
    lab.on("m1", &lease("echo 2020-01-01T00:00:00.000000Z"));
    refused(
        &["-e", "{\"preflight_skip\": [\"kubelet\"]}"],
        &[
            "One thing stands in the way of the upgrade:",
            "ready (w1): Not Ready: w1 (NodeStatusUnknown)",
            "lock: A run of krun left its lock on the cluster: ops@pc run-7",
        ],
    );
    lab.on("w1", "systemctl start kubelet");
    lab.kubectl("wait --for=condition=Ready node/w1 --timeout=30s");

    // An inventory that does not fit the cluster.
    lab.edit_inventory("[workers]\n", "");
    lab.edit_inventory("[all:vars]", "[workers]\n[all:vars]");
    refused(
        &[],
        &[
            "manifests (w1): /etc/kubernetes/manifests/kube-apiserver.yaml is not there",
            "put the host into the group `workers`",
        ],
    );
    lab.edit_inventory("\nw1 ", "\n#w1 ");
    refused(
        &[],
        &["inventory: The cluster has nodes that are not in the inventory: w1."],
    );
    refused(
        &["-e", "{\"preflight_skip\": [\"inventori\"]}"],
        &["there is no check `inventori`"],
    );
    assert_eq!(lab.nodes(), ["m1 Ready,SchedulingDisabled v1.28.0", "w1 Ready v1.28.0"]);
}

/// Leaves a lock as krun's, renewed when a command says.
fn lease(time: &str) -> String {
    format!(
        "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<END
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {{name: krun, namespace: kube-system}}
spec: {{holderIdentity: ops@pc run-7, leaseDurationSeconds: 600, renewTime: \"$({time})\"}}
END"
    )
}
