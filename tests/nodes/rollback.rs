//! `playbooks/rollback.yml` on lab nodes: what kubeadm kept of a control plane is put back, and the way up is still open.
use crate::support::lab::Lab;

/// The version of the API server: in its manifest, and in its own words.
fn api_server(lab: &Lab) -> (String, String) {
    let image = lab.on(
        "m1",
        "grep -o 'kube-apiserver:v.*' /etc/kubernetes/manifests/kube-apiserver.yaml",
    );
    let version = lab.kubectl("get --raw /version | grep -o 'v1[.0-9]*'");
    (
        image.trim().trim_start_matches("kube-apiserver:").to_owned(),
        version.lines().next().unwrap_or_default().to_owned(),
    )
}

fn versions(version: &str) -> (String, String) {
    (version.to_owned(), version.to_owned())
}

#[test]
fn a_control_plane_goes_back_to_what_kubeadm_kept_with_or_without_the_data_of_etcd() {
    let Some(lab) = Lab::up("rollback", 1, 1, "1.28.0") else {
        return;
    };
    let rollback = |more: &str| {
        let settings = format!("rollback_confirm=false wait_timeout=60 {more}");
        lab.krun(&["playbooks/rollback.yml", "-l", "m1", "-e", &settings])
    };
    let data = "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: later, namespace: default}\\ndata: {key: value}\\n";
    let apply = format!("printf '{data}' | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -");

    // kubeadm has replaced nothing yet.
    rollback("")
        .expect_status(2)
        .expect_stdout("There is no /etc/kubernetes/tmp/kubeadm-backup-manifests-*");

    lab.upgrade(&["--tags", "control_plane"]).expect_status(0);
    assert_eq!(api_server(&lab), versions("v1.28.2"));
    lab.on("m1", &apply);
    rollback("")
        .expect_status(0)
        .expect_stdout("put back kube-apiserver.yaml");
    assert_eq!(api_server(&lab), versions("v1.28.0"));
    // What is replaced is kept, and etcd's data is as it was.
    let kept = lab.on(
        "m1",
        "grep -h image: /etc/kubernetes/tmp/krun-before-rollback-*/kube-apiserver.yaml",
    );
    assert!(kept.contains(":v1.28.2"), "{kept}");
    assert_eq!(lab.kubectl("get cm later -o 'jsonpath={.data.key}'").trim(), "value");

    // The way up is open again, and the way down with the data too: what was written since is gone.
    lab.kubectl("delete cm later");
    lab.upgrade(&["--tags", "control_plane"]).expect_status(0);
    assert_eq!(api_server(&lab), versions("v1.28.2"));
    lab.on("m1", &apply);
    rollback("rollback_etcd=true").expect_status(0);
    assert_eq!(api_server(&lab), versions("v1.28.0"));
    assert_eq!(lab.kubectl("get cm later --ignore-not-found").trim(), "");
    lab.on(
        "m1",
        "test -d /var/lib/etcd.before-rollback-*/member && test ! -e /etc/kubernetes/manifests.krun-stopped",
    );
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
}
