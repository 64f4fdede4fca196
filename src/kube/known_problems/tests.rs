use serde_json::json;

use super::super::preflight::{Question, Severity, is_check, preflight, tests::well};
use super::super::{EtcdSurvey, KubeletFlag};
use super::{DATA, KnownProblem, all, page};

/// A cluster that has the problem: from, to, what makes it so, and what the finding names.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    fn(&mut Question),
    &'static str,
);

fn flag(question: &mut Question, flag: &str) {
    question.nodes[3].kubelet_flags = vec![KubeletFlag {
        flag: flag.to_owned(),
        file: "/etc/sysconfig/kubelet".to_owned(),
    }];
}

fn etcd(question: &mut Question) -> &mut EtcdSurvey {
    question.nodes[0].etcd.as_mut().unwrap()
}

fn config(question: &mut Question, key: &str, value: serde_json::Value) {
    question.cluster.kubeadm_config[key] = value;
}

fn cases() -> Vec<Case> {
    vec![
        (
            "kubeadm-config-v1beta1",
            "1.21.14",
            "1.22.17",
            |q| config(q, "apiVersion", json!("kubeadm.k8s.io/v1beta1")),
            "kubeadm.k8s.io/v1beta1",
        ),
        (
            "dockershim",
            "1.23.17",
            "1.24.17",
            |q| q.cluster.nodes[3].runtime = "docker://20.10.7".to_owned(),
            "docker 20.10.7",
        ),
        (
            "network-plugin-flag",
            "1.23.17",
            "1.24.17",
            |q| flag(q, "--network-plugin=cni"),
            "--network-plugin=cni in /etc/",
        ),
        (
            "master-label",
            "1.23.17",
            "1.24.17",
            |q| {
                drop(
                    q.cluster.nodes[0]
                        .labels
                        .insert("node-role.kubernetes.io/master".to_owned(), String::new()),
                )
            },
            "m1",
        ),
        (
            "master-taint",
            "1.24.17",
            "1.25.16",
            |q| q.cluster.nodes[0].taints = vec!["node-role.kubernetes.io/master".to_owned()],
            "m1",
        ),
        (
            "k8s-gcr-io",
            "1.24.17",
            "1.25.16",
            |q| config(q, "imageRepository", json!("k8s.gcr.io")),
            "k8s.gcr.io",
        ),
        (
            "container-runtime-flag",
            "1.26.9",
            "1.27.6",
            |q| flag(q, "--container-runtime=remote"),
            "--container-runtime=remote",
        ),
        (
            "kubeadm-config-v1beta2",
            "1.26.9",
            "1.27.6",
            |q| config(q, "apiVersion", json!("kubeadm.k8s.io/v1beta2")),
            "v1beta2",
        ),
        (
            "legacy-repository",
            "1.28.2",
            "1.28.11",
            |q| {
                q.nodes[3].repositories[0].url =
                    "http://mirrors.aliyun.com/kubernetes/yum/repos/kubernetes-el7-x86_64".to_owned();
            },
            "repository_baseurl: \"https://mirrors.aliyun.com/kubernetes-new/core/stable/v{{ kubernetes_minor }}/rpm/\"",
        ),
        (
            "etcd-manifest-of-1.28",
            "1.28.2",
            "1.28.11",
            |q| {
                q.nodes[0].manifests["etcd"]
                    .lines
                    .push("schedulerName: default-scheduler".to_owned())
            },
            "etcd.yaml has `schedulerName: default-scheduler`",
        ),
        ("super-admin-conf", "1.28.11", "1.29.9", |_| (), "super-admin.conf"),
        (
            "create-job-of-1.30.0",
            "1.29.9",
            "1.30.0",
            |q| q.settings.drains_before_kubeadm = true,
            "1.30.1",
        ),
        (
            "kubelet-1.31-old-api-server",
            "1.30.5",
            "1.31.1",
            |q| q.settings.per_node = true,
            "upgrade_order: phases",
        ),
        (
            "config-file-ignored",
            "1.30.5",
            "1.31.1",
            |q| q.settings.has_config_file = true,
            "kubeadm_config",
        ),
        ("etcd-image-without-shell", "1.32.9", "1.33.5", |_| (), "no shell"),
        (
            "etcd-3.6",
            "1.33.5",
            "1.34.1",
            |q| etcd(q).version = "3.5.21".to_owned(),
            "etcd 3.5.21",
        ),
        (
            "cgroup-v1",
            "1.34.1",
            "1.35.0",
            |q| q.nodes[3].cgroup_version = Some(1),
            "cgroup v1",
        ),
        (
            "pod-infra-container-image-flag",
            "1.34.1",
            "1.35.0",
            |q| flag(q, "--pod-infra-container-image=x"),
            "--pod-infra-container-image=x",
        ),
        (
            "containerd-1",
            "1.35.0",
            "1.36.0",
            |q| q.cluster.nodes[3].runtime = "containerd://1.7.24".to_owned(),
            "1.7.24",
        ),
        (
            "local-mode-gate",
            "1.35.0",
            "1.36.0",
            |q| config(q, "featureGates", json!({"ControlPlaneKubeletLocalMode": true})),
            "ControlPlaneKubeletLocalMode",
        ),
        (
            "etcd-service",
            "1.28.2",
            "1.28.11",
            |q| q.nodes[0].has_etcd_service = true,
            "systemctl disable",
        ),
        (
            "old-etcdctl",
            "1.28.2",
            "1.28.11",
            |q| q.nodes[0].etcdctl = Some("3.4.23".to_owned()),
            "etcdctl 3.4.23, etcd 3.5.26",
        ),
        (
            "local-peer-url",
            "1.28.2",
            "1.28.11",
            |q| etcd(q).members[1].peer_urls = vec!["http://localhost:2380".to_owned()],
            "member m2 has http://localhost:2380",
        ),
        (
            "unsigned-packages",
            "1.28.2",
            "1.28.11",
            |q| q.nodes[3].repositories[0].is_signed = false,
            "http://packages.intern/",
        ),
    ]
}

/// Names of the findings, with their texts.
fn found(question: &Question, id: &str) -> Vec<(Severity, String)> {
    let report = preflight(question);
    let findings = report.findings.iter().filter(|finding| finding.name == id);
    findings
        .map(|finding| (finding.severity, finding.lines().join("\n")))
        .collect()
}

fn question(from: &str, to: &str) -> Question {
    Question {
        offered: None,
        ..well(from, to)
    }
}

#[test]
fn each_problem_is_found_where_it_is_and_not_elsewhere() {
    for (id, from, to, spoil, text) in cases() {
        let problem = all().iter().find(|problem| problem.id == id).unwrap();
        let mut spoilt = question(from, to);
        spoil(&mut spoilt);
        let there = found(&spoilt, id);
        assert_eq!(there.len(), 1, "{id}: {there:?}");
        assert!(
            there[0].0 == problem.severity && there[0].1.contains(text),
            "{id}: {there:?}"
        );
        // The same cluster, on a way on which it does no harm.
        if !problem.from.holds(&"1.17.1".parse().unwrap()) || !problem.to.holds(&"1.17.2".parse().unwrap()) {
            let mut elsewhere = question("1.17.1", "1.17.2");
            spoil(&mut elsewhere);
            assert_eq!(found(&elsewhere, id), [], "{id}");
        }
        // A cluster without it, on the same way.
        let is_always = ["super-admin-conf", "etcd-image-without-shell"].contains(&id);
        assert!(is_always || found(&question(from, to), id).is_empty(), "{id}");
    }
}

#[test]
fn every_problem_has_a_case_and_a_name_of_its_own() {
    let known: Vec<KnownProblem> = serde_yaml::from_str(DATA).unwrap();
    assert_eq!(known.len(), all().len());
    let mut ids: Vec<_> = known.iter().map(|problem| problem.id.as_str()).collect();
    for id in &ids {
        assert!(cases().iter().any(|case| case.0 == *id), "{id} has no case");
        assert!(is_check(id));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), known.len(), "an id stands there twice");
}

#[test]
fn a_problem_on_a_later_step_that_earlier_ones_may_mend_only_warns() {
    let mut spoilt = question("1.32.9", "1.34.1");
    etcd(&mut spoilt).version = "3.5.16".to_owned();
    spoilt.nodes[3].cgroup_version = Some(1);
    let there = found(&spoilt, "etcd-3.6");
    assert_eq!(there[0].0, Severity::Warn, "{there:?}");
    spoilt.target = "1.35.0".to_owned();
    // Nothing on the way changes the machine.
    assert_eq!(found(&spoilt, "cgroup-v1")[0].0, Severity::Block);
}

#[test]
fn what_krun_sees_to_is_a_note() {
    let mut spoilt = question("1.23.17", "1.24.17");
    flag(&mut spoilt, "--network-plugin=cni");
    spoilt.nodes[3].kubelet_flags[0].file = "/var/lib/kubelet/kubeadm-flags.env".to_owned();
    assert_eq!(found(&spoilt, "network-plugin-flag")[0].0, Severity::Note);
    spoilt.settings.removes_flags = false;
    let there = found(&spoilt, "network-plugin-flag");
    assert_eq!(there[0].0, Severity::Block);
    assert!(
        there[0]
            .1
            .contains("sed -i 's| *--network-plugin[= ][^ \"]*||' /var/lib/kubelet/kubeadm-flags.env")
    );
}

/// `KRUN_TEST_RENEW=1 cargo test --lib known_problems` writes it anew.
#[test]
fn the_page_is_that_of_the_data() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/known-problems.md");
    if std::env::var_os("KRUN_TEST_RENEW").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == page(),
        "docs/known-problems.md is not up to date: KRUN_TEST_RENEW=1 cargo test --lib known_problems"
    );
}
