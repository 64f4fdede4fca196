use rstest::rstest;
use serde_json::{Value, json};

use crate::kube::NodeSurvey;
use crate::modules::testing::{FakeTools, check_module};

/// A master with a good deal of what a survey looks for.
fn master(tools: &FakeTools) {
    let write = |path: &str, text: &str| {
        let path = std::path::PathBuf::from(tools.path(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("k/admin.conf", "x");
    write(
        "k/manifests/kube-apiserver.yaml",
        "spec:\n  containers:\n  - command:\n    - --a=b\n    image: registry.k8s.io/kube-apiserver:v1.28.2\n",
    );
    write(
        "k/manifests/etcd.yaml",
        &format!(
            "    - --data-dir={}\n    - --listen-client-urls=https://127.0.0.1:2379\n    image: \"x/etcd:3.5.9-0\"\n",
            tools.path("etcd")
        ),
    );
    write("etcd/db", "x");
    write("kubelet/config.yaml", "failSwapOn: false\n");
    write(
        "kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--network-plugin=cni --node-ip=10.0.0.1\"\n",
    );
    write("etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS=--v=2\n");
    write("etc/os-release", "NAME=x\nPRETTY_NAME=\"Rocky Linux 9\"\n");
    write(
        "etc/yum.repos.d/kubernetes.repo",
        "[kubernetes]\nname=Kubernetes\nbaseurl=http://x/kubernetes-el7-x86_64\nenabled=1\ngpgcheck=0\n\n\
         [k8s-old]\nbaseurl=http://y/\nenabled=0\n\n[base]\nbaseurl=http://z/\n",
    );
    write(
        "etc/apt/sources.list.d/kubernetes.list",
        "deb [signed-by=/etc/apt/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.28/deb/ /\n# deb http://k8s/ x\n",
    );
    write(
        "etc/apt/sources.list.d/k.sources",
        "Types: deb\nURIs: https://apt.kubernetes.io/\nSuites: x\nTrusted: yes\n\nTypes: deb\nURIs: http://debian/\n",
    );
    tools.add("dnf5", "");
    tools.add(
        "systemctl",
        "case \"$*\" in 'is-active kubelet') echo active ;; 'is-enabled etcd') echo enabled ;; esac",
    );
    tools.add(
        "kubeadm",
        "case \"$*\" in
        'version -o short') echo v1.28.2 ;;
        'certs check-expiration')
            echo 'CERTIFICATE   EXPIRES   RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED'
            echo 'apiserver   Nov 27, 2027 15:18 UTC   364d   ca   no'
            echo
            echo 'CERTIFICATE AUTHORITY   EXPIRES   RESIDUAL TIME   EXTERNALLY MANAGED'
            echo 'ca   Nov 25, 2036 15:18 UTC   9y   no' ;;
        'upgrade diff v1.28.2')
            printf '%s\\n' '[upgrade/diff] FYI' '--- /etc/kubernetes/manifests/kube-apiserver.yaml' '+++ new manifest' '@@ -1 +1 @@' \\
                '     - --a=b' '-    - --v=9' ;;
        'config images list --kubernetes-version=v1.28.2') echo registry.k8s.io/pause:3.9 ;;
        esac",
    );
    tools.add("kubelet", "echo 'Kubernetes v1.28.2'");
    tools.add("kubectl", "echo '  \"gitVersion\": \"v1.28.1\",'");
    tools.add("rpm", "printf 1.28.2-0");
    tools.add(
        "etcdctl",
        r#"case "$*" in
        *'endpoint status'*) echo '[{"Endpoint":"x","Status":{"header":{"member_id":13803658152347727308},"version":"3.5.9","leader":13803658152347727308}}]' ;;
        *'member list'*) echo '{"members":[{"ID":13803658152347727308,"name":"m1","peerURLs":["https://10.0.0.1:2380"]},{"ID":2,"name":"m2","isLearner":true}]}' ;;
        *'alarm list'*) echo 'memberID:13803658152347727308 alarm:NOSPACE ' ;;
        version) printf 'etcdctl version: 3.5.9\nAPI version: 3.5\n' ;;
        esac"#,
    );
}

fn look(tools: &FakeTools, shell: &str, more: &Value) -> NodeSurvey {
    let mut node = tools.node(shell);
    let mut options = json!({
        "kubernetes": tools.path("k"), "kubelet": tools.path("kubelet"), "etc": tools.path("etc"),
    });
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let outcome = check_module("node-survey", options, node.connection()).unwrap();
    assert!(!outcome.changed);
    serde_json::from_value(outcome.result["survey"].clone()).unwrap()
}

#[rstest]
fn a_master_under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = FakeTools::new();
    master(&tools);
    let found = look(&tools, shell, &json!({}));
    assert_eq!(found.host, "n1");
    assert_eq!(found.identities[0], "n1");
    assert!(found.clock_offset.abs() < 2.0 && found.clock_margin < 10.0, "{found:?}");
    assert_eq!(found.os, "Rocky Linux 9");
    assert_eq!(found.package_manager, "dnf5");
    assert!(found.swap_allowed && found.has_admin_conf && found.has_etcd_service);
    assert_eq!(found.kubelet_state, "active");
    let versions = [&found.kubeadm, &found.kubelet, &found.kubectl].map(|version| version.as_deref().unwrap());
    assert_eq!(versions, ["v1.28.2", "v1.28.2", "v1.28.1"]);
    assert_eq!(found.package.as_deref(), Some("1.28.2-0"));
    let flags: Vec<_> = found.kubelet_flags.iter().map(|flag| flag.flag.as_str()).collect();
    assert_eq!(flags, ["--network-plugin=cni", "--node-ip=10.0.0.1", "--v=2"]);
    let repositories: Vec<_> = found
        .repositories
        .iter()
        .map(|entry| (entry.url.as_str(), entry.is_signed))
        .collect();
    assert_eq!(
        repositories,
        [
            ("http://x/kubernetes-el7-x86_64", false),
            ("https://pkgs.k8s.io/core:/stable:/v1.28/deb/", true),
            ("https://apt.kubernetes.io/", false),
        ]
    );
    let purposes: Vec<_> = found.disks.iter().map(|disk| disk.purpose.as_str()).collect();
    assert_eq!(purposes[0], "var");
    assert!(purposes.ends_with(&["kubernetes", "etcd"]) && found.etcd_data_kib.is_some());
    assert_eq!(
        found.manifests["kube-apiserver"].image,
        "registry.k8s.io/kube-apiserver:v1.28.2"
    );
    assert_eq!(found.manifests["etcd"].image, "x/etcd:3.5.9-0");
    assert!(found.manifests["kube-apiserver"].lines.contains(&"- --a=b".to_owned()));
    let certificates: Vec<_> = found
        .certificates
        .iter()
        .map(|found| (found.name.as_str(), found.is_authority))
        .collect();
    assert_eq!(certificates, [("apiserver", false), ("ca", true)]);
    assert_eq!(found.drift, ["- - --v=9"]);
    assert_eq!(found.images, ["registry.k8s.io/pause:3.9"]);
    assert_eq!(found.etcdctl.as_deref(), Some("3.5.9"));
    let etcd = found.etcd.unwrap();
    assert_eq!((etcd.version.as_str(), etcd.leads()), ("3.5.9", true));
    assert_eq!(etcd.alarms, ["NOSPACE"]);
    assert_eq!(etcd.members[0].id, "13803658152347727308");
    assert!(etcd.members[1].is_learner);
}

#[rstest]
fn what_fails_is_told_and_the_rest_goes_on(#[values("dash", "busybox sh")] shell: &str) {
    let tools = FakeTools::new();
    master(&tools);
    tools.add(
        "kubeadm",
        "case \"$*\" in 'version -o short') echo v1.28.2 ;; *) echo 'no API' >&2; exit 1 ;; esac",
    );
    tools.add("etcdctl", "echo 'context deadline exceeded' >&2; exit 1");
    let found = look(&tools, shell, &json!({"node": "cp-1"}));
    assert_eq!(found.identities, ["cp-1"]);
    assert_eq!(found.drift_error.as_deref(), Some("no API"));
    assert_eq!(found.images_error.as_deref(), Some("no API"));
    assert_eq!(found.etcd.unwrap().error.as_deref(), Some("context deadline exceeded"));
    // openssl finds no certificates here.
    assert_eq!(found.certificates, []);
}

#[rstest]
fn a_newer_kubeadm_is_not_asked_what_was_edited(#[values("dash", "busybox sh")] shell: &str) {
    let tools = FakeTools::new();
    master(&tools);
    tools.add(
        "kubeadm",
        "case \"$*\" in 'version -o short') echo v1.29.9 ;; *) exit 1 ;; esac",
    );
    let found = look(&tools, shell, &json!({}));
    assert_eq!(
        found.drift_error.as_deref(),
        Some("kubeadm is v1.29.9, the control plane at v1.28.2")
    );
    assert!(!tools.calls().iter().any(|call| call.contains("upgrade diff")));
}

#[test]
fn a_worker() {
    let tools = FakeTools::new();
    tools.add("apt-get", "");
    let found = look(&tools, "dash", &json!({}));
    assert!(found.manifests.is_empty() && found.etcd.is_none() && !found.has_admin_conf);
    assert_eq!(
        (found.drift, found.drift_error, found.images_error),
        (vec![], None, None)
    );
}
