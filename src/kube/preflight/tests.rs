use rstest::rstest;
use serde_json::json;

use super::*;
use crate::kube::{
    Addon, BlockedBudget, Certificate, ClusterNode, ComponentPod, DeprecatedApi, Disk, EtcdMember, EtcdSurvey, Lock,
    Manifest, PodAtRisk, RepositoryEntry, Webhook,
};

const DAY: i64 = 24 * 3600;
const NOW: i64 = 1_790_000_000;

/// A cluster of three masters and a worker in which nothing is wrong.
pub(in crate::kube) fn well(version: &str, target: &str) -> Question {
    let hosts = ["m1", "m2", "m3", "w1"];
    let masters = &hosts[..3];
    let offered = |version: &str| Offered {
        version: version.parse().unwrap(),
        package: format!("{version}-150500.1.1"),
        source: "https://pkgs.k8s.io/core:/stable:/v1.29/rpm/".to_owned(),
    };
    let members: Vec<_> = masters
        .iter()
        .enumerate()
        .map(|(index, name)| EtcdMember {
            id: (index + 1).to_string(),
            name: (*name).to_owned(),
            peer_urls: vec![format!("https://10.0.0.{index}:2380")],
            ..EtcdMember::default()
        })
        .collect();
    let survey = |index: usize, host: &str| {
        let is_master = index < 3;
        let manifest = |image: String| Manifest {
            image,
            lines: vec!["- --a=b".to_owned()],
        };
        NodeSurvey {
            host: host.to_owned(),
            identities: vec![host.to_owned()],
            clock_margin: 0.01,
            time: NOW,
            os: "Rocky Linux 9".to_owned(),
            package_manager: "dnf".to_owned(),
            cgroup_version: Some(2),
            kubelet_state: "active".to_owned(),
            kubeadm: Some(format!("v{version}")),
            kubelet: Some(format!("v{version}")),
            kubectl: Some(format!("v{version}")),
            package: Some(format!("{version}-150500.1.1")),
            disks: ["var", "kubernetes", "etcd", "images"]
                .map(|purpose| Disk {
                    purpose: purpose.to_owned(),
                    path: format!("/{purpose}"),
                    free_kib: 9 << 20,
                })
                .to_vec(),
            etcd_data_kib: is_master.then_some(1 << 20),
            repositories: vec![RepositoryEntry {
                file: "/etc/yum.repos.d/kubernetes.repo".to_owned(),
                url: "http://packages.intern/kubernetes/".to_owned(),
                is_signed: true,
            }],
            has_admin_conf: is_master,
            manifests: if is_master {
                ["kube-apiserver", "etcd"]
                    .map(|name| (name.to_owned(), manifest(format!("x/{name}:v{version}"))))
                    .into()
            } else {
                indexmap::IndexMap::new()
            },
            certificates: vec![Certificate {
                name: "apiserver".to_owned(),
                expires: NOW + 300 * DAY,
                is_authority: false,
            }],
            etcd: is_master.then(|| EtcdSurvey {
                version: "3.5.26".to_owned(),
                id: (index + 1).to_string(),
                leader: "1".to_owned(),
                members: members.clone(),
                ..EtcdSurvey::default()
            }),
            ..NodeSurvey::default()
        }
    };
    let node = |index: usize, name: &str| ClusterNode {
        name: name.to_owned(),
        is_ready: true,
        kubelet: format!("v{version}"),
        runtime: "containerd://2.0.1".to_owned(),
        labels: if index < 3 {
            [("node-role.kubernetes.io/control-plane".to_owned(), String::new())].into()
        } else {
            indexmap::IndexMap::new()
        },
        ..ClusterNode::default()
    };
    Question {
        target: target.to_owned(),
        offered: Some(vec![offered(version), offered("1.29.9"), offered("1.30.5")]),
        masters: masters.iter().map(|host| (*host).to_owned()).collect(),
        nodes: hosts
            .iter()
            .enumerate()
            .map(|(index, host)| survey(index, host))
            .collect(),
        cluster: ClusterSurvey {
            time: NOW,
            nodes: hosts
                .iter()
                .enumerate()
                .map(|(index, host)| node(index, host))
                .collect(),
            control_plane: masters
                .iter()
                .map(|host| ComponentPod {
                    component: "kube-apiserver".to_owned(),
                    node: (*host).to_owned(),
                    image: format!("registry.k8s.io/kube-apiserver:v{version}"),
                    is_ready: true,
                })
                .collect(),
            kubeadm_config: json!({"apiVersion": "kubeadm.k8s.io/v1beta3", "imageRepository": "registry.k8s.io"}),
            addons: vec![Addon {
                object: "deployment/coredns".to_owned(),
                image: "registry.k8s.io/coredns/coredns:v1.10.1".to_owned(),
                edited_by: Vec::new(),
            }],
            ..ClusterSurvey::default()
        },
        ..Question::default()
    }
}

fn spoilt(spoil: fn(&mut Question)) -> Question {
    let mut question = well("1.28.11", "1.29.9");
    spoil(&mut question);
    question
}

#[test]
fn a_cluster_in_which_nothing_is_wrong() {
    let report = preflight(&well("1.28.11", "1.29"));
    let names: Vec<_> = report.findings.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(names, ["super-admin-conf"]);
    assert!(report.may_start);
    assert_eq!(report.target, "1.29.9");
    assert_eq!(report.control_plane_order, ["m2", "m3", "m1"]);
    let shown = serde_json::to_value(&report).unwrap();
    assert_eq!(shown["nodes"][0]["etcd_leader"], true);
    assert_eq!(shown["nodes"][3]["role"], "worker");
    assert_eq!(shown["nodes"][0]["repository"]["kind"], "other");
    assert_eq!(shown["hops"][0]["package"], "1.29.9-150500.1.1");
    assert_eq!(shown["findings"][0]["severity"], "note");
}

/// Each thing that can be wrong, and what is said of it.
type Case = (
    &'static str,
    fn(&mut Question),
    Severity,
    Option<&'static str>,
    &'static str,
);

fn cases() -> Vec<Case> {
    use Severity::{Block, Note, Warn};
    vec![
        (
            "os",
            |q| q.nodes[3].package_manager = "zypper".to_owned(),
            Block,
            Some("w1"),
            "No package manager",
        ),
        (
            "clock",
            |q| q.nodes[1].clock_offset = 5.0,
            Warn,
            None,
            "m1 and m2 are 5 seconds apart",
        ),
        (
            "clock",
            |q| q.nodes[1].clock_offset = -60.0,
            Block,
            None,
            "60 seconds apart",
        ),
        (
            "swap",
            |q| q.nodes[3].swaps = vec!["/dev/sdb2".to_owned()],
            Block,
            Some("w1"),
            "/dev/sdb2",
        ),
        (
            "swap",
            |q| {
                q.nodes[3].swaps = vec!["/dev/sdb2".to_owned()];
                q.nodes[3].swap_allowed = true;
            },
            Note,
            Some("w1"),
            "put up with it",
        ),
        (
            "kubelet",
            |q| q.nodes[3].kubelet_state = "failed".to_owned(),
            Block,
            Some("w1"),
            "The kubelet is failed",
        ),
        (
            "disk",
            |q| q.nodes[3].disks[0].free_kib = 1 << 10,
            Block,
            Some("w1"),
            "/var has 1 MiB free; for packages",
        ),
        ("disk", |q| q.nodes[0].disks[1].free_kib = 2 << 20, Note, None, ""),
        (
            "disk",
            |q| q.nodes[0].disks[1].free_kib = (2 << 20) - 1,
            Block,
            Some("m1"),
            "/kubernetes has 2047 MiB free; for kubeadm's copy of etcd's data 2048 are wanted",
        ),
        (
            "disk",
            |q| q.nodes[0].disks[2].free_kib = (3 << 20) - 1,
            Block,
            Some("m1"),
            "etcd's own copies",
        ),
        (
            "disk",
            |q| q.nodes[0].disks[3].free_kib = 9,
            Block,
            Some("m1"),
            "for images 1024 are wanted",
        ),
        (
            "manifests",
            |q| q.nodes[1].manifests.clear(),
            Block,
            Some("m2"),
            "kube-apiserver.yaml is not there",
        ),
        (
            "admin-conf",
            |q| q.nodes[0].has_admin_conf = false,
            Block,
            Some("m1"),
            "admin.conf is not there",
        ),
        ("admin-conf", |q| q.nodes[1].has_admin_conf = false, Note, None, ""),
        (
            "inventory",
            |q| drop(q.nodes.pop()),
            Block,
            None,
            "not in the inventory: w1",
        ),
        (
            "inventory",
            |q| q.nodes[3].identities = vec!["x".to_owned(), "10.0.0.9".to_owned()],
            Block,
            Some("w1"),
            "called like this host (x, 10.0.0.9)",
        ),
        (
            "inventory",
            |q| q.cluster.nodes[3].addresses = vec!["m1".to_owned()],
            Block,
            Some("m1"),
            "called like",
        ),
        (
            "inventory",
            |q| drop(q.masters.pop()),
            Block,
            Some("m3"),
            "put the host into the group `masters`",
        ),
        (
            "ready",
            |q| q.cluster.nodes[3].is_ready = false,
            Block,
            Some("w1"),
            "Not Ready: w1",
        ),
        (
            "cordons",
            |q| q.cluster.nodes[3].is_cordoned = true,
            Note,
            Some("w1"),
            "cordoned already",
        ),
        (
            "cordons",
            |q| {
                q.cluster.nodes[3].is_cordoned = true;
                q.cluster.nodes[3].cordoned_by = Some("run-7".to_owned());
            },
            Warn,
            Some("w1"),
            "by an earlier run of krun (run-7)",
        ),
        (
            "lock",
            |q| q.cluster.lock = Some(lock("ops@pc run-7", 20)),
            Block,
            None,
            "ops@pc run-7 (seen 20 seconds ago)",
        ),
        (
            "lock",
            |q| q.cluster.lock = Some(lock("ops@pc run-7", 90)),
            Warn,
            None,
            "left its lock",
        ),
        (
            "lock",
            |q| {
                q.cluster.lock = Some(lock("ops@pc run-7", 1));
                q.settings.run = "run-7".to_owned();
            },
            Note,
            None,
            "",
        ),
        (
            "kubeadm-config",
            |q| q.cluster.kubeadm_config_error = Some("not found".to_owned()),
            Block,
            None,
            "cannot be read: not found",
        ),
        ("hop", |q| q.target = "1.27.1".to_owned(), Block, None, "no way back"),
        (
            "hop",
            |q| q.target = "1.32".to_owned(),
            Block,
            None,
            "no repository offers a version of 1.31",
        ),
        (
            "hop",
            |q| q.target = "soon".to_owned(),
            Block,
            None,
            "`soon` is no Kubernetes version",
        ),
        (
            "packages",
            |q| q.target = "1.29.50".to_owned(),
            Block,
            None,
            "serves kubeadm 1.29.50",
        ),
        (
            "packages",
            |q| {
                q.target = "1.29.50".to_owned();
                q.offered = None;
            },
            Note,
            None,
            "",
        ),
        (
            "repository",
            |q| q.nodes[3].repositories[0].url = "https://pkgs.k8s.io/core:/stable:/v1.28/rpm/".to_owned(),
            Block,
            Some("w1"),
            "serves 1.28 only; 1.29.9 is not in it",
        ),
        (
            "repository",
            |q| {
                q.nodes[3].repositories[0].url = "https://pkgs.k8s.io/core:/stable:/v1.28/rpm/".to_owned();
                q.settings.switches_repository = true;
            },
            Note,
            Some("w1"),
            "serves 1.28 only",
        ),
        (
            "api-versions",
            |q| q.cluster.control_plane[1].image = "x/kube-apiserver:v1.28.2".to_owned(),
            Warn,
            None,
            "from 1.28.2 to 1.28.11",
        ),
        (
            "api-versions",
            |q| q.cluster.control_plane[0].image = "x/kube-apiserver:v1.29.9".to_owned(),
            Note,
            None,
            "an upgrade that was begun is finished first",
        ),
        (
            "api-versions",
            |q| q.cluster.control_plane[0].image = "x/kube-apiserver:v1.26.9".to_owned(),
            Block,
            None,
            "one minor version between them",
        ),
        (
            "kubelet-skew",
            |q| q.cluster.nodes[3].kubelet = "v1.29.9".to_owned(),
            Block,
            Some("w1"),
            "newer than the API",
        ),
        (
            "kubelet-skew",
            |q| q.cluster.nodes[3].kubelet = "v1.24.9".to_owned(),
            Block,
            Some("w1"),
            "minor versions older",
        ),
        (
            "etcd",
            |q| etcd(q, 1).error = Some("refused".to_owned()),
            Block,
            Some("m2"),
            "does not answer: refused",
        ),
        (
            "etcd",
            |q| etcd(q, 1).alarms = vec!["NOSPACE".to_owned()],
            Block,
            Some("m2"),
            "alarm: NOSPACE",
        ),
        ("etcd", |q| etcd(q, 1).leader = "0".to_owned(), Block, None, "no leader"),
        (
            "etcd",
            |q| etcd(q, 1).leader = "2".to_owned(),
            Block,
            None,
            "do not agree on a leader",
        ),
        (
            "etcd",
            |q| etcd(q, 0).members[2].is_learner = true,
            Block,
            None,
            "member m3 of etcd is a learner",
        ),
        (
            "etcd",
            |q| {
                q.nodes.remove(2);
            },
            Block,
            None,
            "a member m3 that no host",
        ),
        (
            "etcd",
            |q| {
                etcd(q, 1).error = Some("x".to_owned());
                etcd(q, 2).error = Some("x".to_owned());
            },
            Block,
            None,
            "1 of 3 members of etcd answer, which is no majority",
        ),
        (
            "etcd",
            |q| {
                q.nodes.iter_mut().for_each(|node| node.etcd = None);
                q.cluster.kubeadm_config["etcd"] = json!({"external": {"endpoints": []}});
            },
            Note,
            None,
            "outside of the cluster",
        ),
        (
            "images",
            |q| q.nodes[0].images_error = Some("no".to_owned()),
            Warn,
            Some("m1"),
            "images: no",
        ),
        (
            "certificates",
            |q| q.nodes[3].certificates[0].expires = NOW - 2 * DAY,
            Block,
            Some("w1"),
            "apiserver has ended 2 days ago",
        ),
        (
            "certificates",
            |q| {
                q.nodes[0].certificates[0].expires = NOW + 9 * DAY;
                q.settings.renews_certificates = false;
            },
            Warn,
            Some("m1"),
            "ends in 9 days",
        ),
        (
            "certificates",
            |q| q.nodes[0].certificates[0].expires = NOW + 9 * DAY,
            Note,
            None,
            "",
        ),
        (
            "certificates",
            |q| {
                q.nodes[0].certificates[0].expires = NOW + 90 * DAY;
                q.nodes[0].certificates[0].is_authority = true;
            },
            Warn,
            Some("m1"),
            "kubeadm does not renew it",
        ),
        (
            "drift",
            |q| q.nodes[0].drift = vec!["- --v=9".to_owned()],
            Warn,
            Some("m1"),
            "- --v=9",
        ),
        (
            "drift",
            |q| {
                q.nodes[0].drift = vec!["- --v=9".to_owned()];
                q.settings.has_patches = true;
            },
            Note,
            Some("m1"),
            "- --v=9",
        ),
        (
            "drift",
            |q| q.nodes[0].drift_error = Some("x".to_owned()),
            Note,
            Some("m1"),
            "could not be found out: x",
        ),
        (
            "coredns",
            |q| q.cluster.addons[0].edited_by = vec!["kubectl-edit".to_owned()],
            Warn,
            None,
            "deployment/coredns was changed by kubectl-edit",
        ),
        (
            "coredns",
            |q| q.cluster.addons[0].image = "intern/coredns:1".to_owned(),
            Warn,
            None,
            "instead",
        ),
        (
            "coredns",
            |q| {
                q.cluster.addons[0].image = "intern/coredns:1".to_owned();
                q.cluster.kubeadm_config["dns"] = json!({"imageRepository": "intern"});
            },
            Note,
            None,
            "",
        ),
        (
            "budgets",
            |q| {
                q.cluster.budgets = vec![BlockedBudget {
                    namespace: "shop".to_owned(),
                    name: "web".to_owned(),
                    needs: 2,
                    has: 2,
                    allowed: 0,
                    pods: vec!["web-1".to_owned()],
                    nodes: vec!["w1".to_owned()],
                }];
            },
            Warn,
            None,
            "PodDisruptionBudget shop/web needs 2 healthy, has 2, and lets no pod go: web-1 on w1",
        ),
        (
            "pods",
            |q| q.cluster.pods_at_risk = vec![at_risk(true, false)],
            Warn,
            Some("w1"),
            "make anew hold the drain",
        ),
        (
            "pods",
            |q| {
                q.cluster.pods_at_risk = vec![at_risk(false, true)];
                q.settings.delete_emptydir_data = true;
            },
            Note,
            Some("w1"),
            "emptyDir goes with them will be lost: shop/p",
        ),
        (
            "webhooks",
            |q| q.cluster.webhooks = vec![webhook(true)],
            Block,
            None,
            "Nobody answers for the service shop/hook",
        ),
        (
            "webhooks",
            |q| q.cluster.webhooks = vec![webhook(false)],
            Warn,
            None,
            "Nobody answers",
        ),
        (
            "deprecated-apis",
            |q| q.cluster.deprecated_apis = vec![api("1.29")],
            Warn,
            None,
            "1.29 no longer has",
        ),
        (
            "deprecated-apis",
            |q| q.cluster.deprecated_apis = vec![api("1.32")],
            Note,
            None,
            "",
        ),
        (
            "survey",
            |q| q.cluster.unknown = vec!["webhooks".to_owned()],
            Note,
            None,
            "webhooks",
        ),
    ]
}

fn lock(holder: &str, age: i64) -> Lock {
    Lock {
        holder: holder.to_owned(),
        renewed: NOW - age,
        duration: 60,
    }
}

fn etcd(question: &mut Question, node: usize) -> &mut EtcdSurvey {
    question.nodes[node].etcd.as_mut().unwrap()
}

fn at_risk(is_bare: bool, has_local_data: bool) -> PodAtRisk {
    PodAtRisk {
        name: "shop/p".to_owned(),
        node: "w1".to_owned(),
        is_bare,
        has_local_data,
    }
}

fn webhook(is_fatal: bool) -> Webhook {
    Webhook {
        configuration: "checks".to_owned(),
        service: "shop/hook".to_owned(),
        is_fatal,
        endpoints: 0,
    }
}

fn api(removed_in: &str) -> DeprecatedApi {
    DeprecatedApi {
        name: "batch/v1beta1 cronjobs".to_owned(),
        removed_in: removed_in.to_owned(),
    }
}

/// A case without a text is one in which nothing is to be said.
#[test]
fn everything_that_can_be_wrong_is_found_and_only_that() {
    for (name, spoil, severity, node, text) in cases() {
        let report = preflight(&spoilt(spoil));
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.name == name).collect();
        if text.is_empty() {
            assert!(found.is_empty(), "{name}: {found:#?}");
            continue;
        }
        let right = found
            .iter()
            .find(|finding| finding.lines().join(" ").contains(text) && finding.severity == severity);
        let right = right.unwrap_or_else(|| panic!("{name}, {text}: {found:#?}"));
        assert_eq!(right.node.as_deref(), node, "{name}");
        assert_eq!(
            report.may_start,
            severity != Severity::Block,
            "{name}: {:#?}",
            report.findings
        );
        assert!(
            severity == Severity::Note || !right.remedy.is_empty(),
            "{name} has no remedy"
        );
    }
}

#[test]
fn every_check_has_a_case() {
    let tested: Vec<_> = cases().iter().map(|(name, ..)| *name).collect();
    for (name, what) in CHECKS {
        // The old kubeadm's own word is asked for by the role.
        assert!(tested.contains(name) || *name == "plan", "{name}: {what}");
    }
    for (name, ..) in cases() {
        assert!(is_check(name), "{name}");
    }
}

#[test]
fn a_waived_finding_is_shown_and_does_not_block() {
    let mut question = spoilt(|question| question.nodes[3].swaps = vec!["/dev/sdb2".to_owned()]);
    question.waivers = vec!["swap".to_owned()];
    let report = preflight(&question);
    assert!(report.may_start);
    let finding = &report.findings[0];
    assert!(finding.waived && finding.severity == Severity::Block);
    assert!(finding.lines()[0].starts_with("swap (w1) [waived]: Swap is on"));
}

#[test]
fn blocking_findings_come_first_and_waived_ones_behind_them() {
    let mut question = spoilt(|question| {
        question.cluster.nodes[3].is_cordoned = true;
        question.nodes[3].swaps = vec!["x".to_owned()];
        question.nodes[3].kubelet_state = "failed".to_owned();
    });
    question.waivers = vec!["swap".to_owned()];
    let names: Vec<_> = preflight(&question)
        .findings
        .iter()
        .map(|finding| finding.name.clone())
        .collect();
    assert_eq!(names, ["kubelet", "swap", "cordons", "super-admin-conf"]);
}

#[rstest]
#[case(&["1.28.11", "1.28.11", "1.28.11"], "1", &["m2", "m3", "m1"])]
#[case(&["1.28.11", "1.28.11", "1.28.11"], "2", &["m1", "m3", "m2"])]
#[case(&["1.28.11", "1.28.11", "1.29.9"], "2", &["m3", "m1", "m2"])]
#[case(&["1.29.9", "1.28.11", "1.28.11"], "1", &["m1", "m2", "m3"])]
fn the_order_of_the_masters(#[case] versions: &[&str], #[case] leader: &str, #[case] order: &[&str]) {
    let mut question = well("1.28.11", "1.29.9");
    for (index, version) in versions.iter().enumerate() {
        question.cluster.control_plane[index].image = format!("x/kube-apiserver:v{version}");
        etcd(&mut question, index).leader = leader.to_owned();
    }
    assert_eq!(preflight(&question).control_plane_order, order);
}

#[test]
fn nothing_to_do_is_no_finding() {
    let report = preflight(&well("1.29.9", "1.29.9"));
    assert!(report.may_start && report.hops.is_empty());
    assert_eq!(report.findings, []);
}
