//! Every known problem is put onto lab nodes, and the preflight finds it.
use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Ran;
use crate::support::lab::{Lab, wait_until};

#[test]
fn every_known_problem_is_found_on_a_node_that_has_it() {
    let Some(lab) = Lab::up("known-problems", 2, 1, "1.21.14") else {
        return;
    };
    lab.changes();
    lab.on(
        "m1",
        "echo '{\"container_runtime\": \"containerd://1.6.20\"}' >/srv/lab/standin.json; systemctl restart kubelet",
    );
    on_machines(&lab);
    in_the_cluster(&lab);
    lab.kubectl("wait --for=condition=Ready=Unknown node/w1 --timeout=30s");
    // Its kubelet is stopped, so this stays.
    lab.kubectl(
        "patch node w1 --subresource=status --type=merge \
         -p '{\"status\":{\"nodeInfo\":{\"containerRuntimeVersion\":\"docker://20.10.7\"}}}'",
    );

    // A way over all versions, which no repository of the lab serves.
    let mut found = look(
        &lab,
        &[
            "-e",
            "kubernetes_version=1.36.0 upgrade_order=per_node kubeadm_config=/root/c.yaml",
        ],
    );
    // What cannot stand together with the others: another form of the configuration, another target.
    set_config(&lab, "s,^apiVersion:.*,apiVersion: kubeadm.k8s.io/v1beta2,");
    let more = "kubernetes_version=1.30.0 upgrade_order=per_node drain_order=before_kubeadm";
    found.extend(look(&lab, &["-e", more]));

    for problem in krun::kube::all_known_problems() {
        assert!(
            found.contains(&problem.id),
            "{} was not found, but {found:?}",
            problem.id
        );
    }
    assert_eq!(lab.changes(), Vec::<String>::new());
}

/// The names of what the preflight finds.
fn look(lab: &Lab, more: &[&str]) -> BTreeSet<String> {
    let Ran { status, stdout, stderr } =
        lab.krun(&[&["playbooks/preflight.yml", "--output", "json", "-vv"], more].concat());
    assert_eq!(status, 2, "{stdout}{stderr}");
    let reports = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let findings = reports
        .filter(|report| report["module"] == "preflight")
        .find_map(|report| report["result"]["findings"].as_array().cloned());
    let findings = findings.unwrap_or_else(|| panic!("no findings in {stdout}{stderr}"));
    findings
        .iter()
        .map(|finding| finding["name"].as_str().unwrap().to_owned())
        .collect()
}

fn on_machines(lab: &Lab) {
    lab.on(
        "w1",
        "mkdir -p /etc/sysconfig
         echo 'KUBELET_EXTRA_ARGS=--network-plugin=cni --container-runtime=remote --pod-infra-container-image=x' >/etc/sysconfig/kubelet
         cat >/etc/yum.repos.d/kubernetes.repo <<END
[kubernetes]
name=Kubernetes
baseurl=http://mirrors.aliyun.com/kubernetes/yum/repos/kubernetes-el7-x86_64
gpgcheck=0
END
         systemctl stop kubelet",
    );
    // What stat says where control groups are of version 1. With them really hidden sshd lets nobody in.
    lab.on(
        "w1",
        "printf '#!/bin/sh\\ncase $* in *cgroup*) echo tmpfs ;; *) exec /usr/bin/stat \"$@\" ;; esac\\n' >/usr/local/bin/stat
         chmod +x /usr/local/bin/stat",
    );
    lab.on("m2", "systemctl unmask etcd; systemctl enable etcd");
    lab.fault(&serde_json::json!({
        "node": "m2", "program": "etcdctl", "match": "^version", "times": -1, "action": "lie",
        "stdout": "etcdctl version: 3.3.11\n",
    }));
    // As kubeadm 1.28.0 wrote it.
    lab.on(
        "m1",
        "sed -i 's/^spec:$/spec:\\n  dnsPolicy: ClusterFirst/' /etc/kubernetes/manifests/etcd.yaml",
    );
    let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
    wait_until("m1's etcd to be back", || {
        let is_new = "get pod etcd-m1 -n kube-system -o jsonpath='{.spec.dnsPolicy} {.status.conditions[?(@.type==\"Ready\")].status}'";
        lab.on("m1", &format!("{kubectl} {is_new} || true")) == "ClusterFirst True"
    });
}

fn in_the_cluster(lab: &Lab) {
    let pki = "/etc/kubernetes/pki/etcd";
    lab.on(
        "m1",
        &format!(
            "etcdctl() {{ ETCDCTL_API=3 command etcdctl --endpoints=https://127.0.0.1:2379 --cacert={pki}/ca.crt \
             --cert={pki}/server.crt --key={pki}/server.key \"$@\"; }}
             line=$(etcdctl member list | grep ', m2, ')
             etcdctl member update \"${{line%%,*}}\" --peer-urls=\"$(echo \"$line\" | cut -d, -f4 | tr -d ' '),http://localhost:2380\""
        ),
    );
    set_config(
        lab,
        "s,^apiVersion:.*,apiVersion: kubeadm.k8s.io/v1beta1,; $ a featureGates: {ControlPlaneKubeletLocalMode: true}",
    );
}

/// Edits kubeadm's configuration in the cluster with sed.
fn set_config(lab: &Lab, edit: &str) {
    let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system";
    lab.on(
        "m1",
        &format!(
            "{kubectl} get configmap kubeadm-config -o 'jsonpath={{.data.ClusterConfiguration}}' | sed '{edit}' >/root/config
             {kubectl} patch configmap kubeadm-config --type=merge -p \"$(python3 -c '
import json
print(json.dumps({{\"data\": {{\"ClusterConfiguration\": open(\"/root/config\").read()}}}}))')\""
        ),
    );
}
