use rstest::rstest;

use super::*;

fn task(options: Value) -> Kubeadm {
    serde_json::from_value(options).unwrap()
}

fn kinds(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Everything that flags say, on its way through the versions.
#[rstest]
#[case("1.18.20", "apply", "--certificate-renewal=false --etcd-upgrade=false")]
#[case("1.18.20", "node", "--certificate-renewal=false --etcd-upgrade=false")]
#[case(
    "1.19.16",
    "apply",
    "--certificate-renewal=false --etcd-upgrade=false --experimental-patches=/p"
)]
#[case(
    "1.21.14",
    "node",
    "--certificate-renewal=false --etcd-upgrade=false --experimental-patches=/p"
)]
#[case("1.22.17", "apply", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.26.15", "node", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.30.5", "apply", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.31.1", "apply", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.31.1", "node", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.36.0", "apply", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
#[case("1.36.0", "node", "--certificate-renewal=false --etcd-upgrade=false --patches=/p")]
fn what_flags_say(#[case] version: &str, #[case] verb: &str, #[case] expected: &str) {
    let kubeadm: Version = version.parse().unwrap();
    let mut options = json!({
        "action": verb, "version": version, "certificate_renewal": false, "etcd_upgrade": false,
        "ignore_preflight_errors": ["Swap"], "kubeconfig": "/k",
    });
    if kubeadm.minor > 18 {
        options["patches"] = json!("/p");
    }
    let task = task(options);
    let (call, begin) = match verb {
        "apply" => (
            task.apply_call(&kubeadm, &kubeadm, &[]),
            format!("upgrade apply v{version} -y"),
        ),
        _ => (task.node_call(&kubeadm, &[]), "upgrade node".to_owned()),
    };
    let call = call.unwrap();
    assert_eq!(
        call.arguments.join(" "),
        format!("{begin} {expected} --ignore-preflight-errors=Swap --kubeconfig=/k")
    );
    assert_eq!(call.configuration, "");
}

/// Options that a version does not know, or would ignore, and a configuration of a kind.
#[rstest]
#[case("1.18.20", "apply", json!({"patches": "/p"}), "", Some("came with 1.19"))]
#[case("1.31.1", "apply", json!({"skip_phases": "addon"}), "", Some("came with 1.32"))]
#[case("1.32.0", "apply", json!({"skip_phases": "addon"}), "", None)]
#[case("1.18.20", "node", json!({"skip_phases": "kubelet-config"}), "", None)]
#[case("1.17.0", "node", json!({"ignore_preflight_errors": "all"}), "", Some("came with 1.18"))]
#[case("1.30.5", "apply", json!({"timeouts": {"upgrade_manifests": 600}}), "", Some("UpgradeConfiguration of 1.31"))]
#[case("1.30.5", "apply", json!({"image_pull_serial": false}), "", Some("UpgradeConfiguration of 1.31"))]
#[case("1.28.2", "apply", json!({"config": "/c"}), "ClusterConfiguration", None)]
#[case("1.28.2", "apply", json!({"config": "/c", "force": true, "patches": "/p"}), "ClusterConfiguration", None)]
#[case("1.30.5", "apply", json!({"config": "/c"}), "UpgradeConfiguration", Some("knows no UpgradeConfiguration"))]
#[case("1.30.5", "node", json!({"config": "/c"}), "ClusterConfiguration", Some("that came with 1.31"))]
#[case("1.31.1", "apply", json!({"config": "/c"}), "ClusterConfiguration", Some("which it would ignore"))]
#[case("1.36.0", "apply", json!({"config": "/c"}), "InitConfiguration ClusterConfiguration", Some("which it would ignore"))]
#[case("1.31.1", "apply", json!({"config": "/c"}), "UpgradeConfiguration", None)]
#[case("1.31.1", "node", json!({"config": "/c"}), "UpgradeConfiguration", None)]
#[case("1.31.1", "apply", json!({"config": "/c", "etcd_upgrade": false}), "UpgradeConfiguration", Some("takes no `etcd_upgrade`"))]
#[case("1.31.1", "apply", json!({"config": "/c", "force": true}), "UpgradeConfiguration", Some("takes no `force`"))]
#[case("1.31.1", "apply", json!({"config": "/c", "etcd_upgrade": true, "certificate_renewal": true}), "UpgradeConfiguration", None)]
#[case("1.31.1", "apply", json!({"config": "/c", "image_pull_serial": true}), "UpgradeConfiguration", Some("one configuration only"))]
fn what_a_version_takes(
    #[case] version: &str,
    #[case] verb: &str,
    #[case] more: Value,
    #[case] file: &str,
    #[case] refused: Option<&str>,
) {
    let kubeadm: Version = version.parse().unwrap();
    let mut options = json!({"action": verb, "version": version});
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let task = task(options);
    let call = match verb {
        "apply" => task.apply_call(&kubeadm, &kubeadm, &kinds(file)),
        _ => task.node_call(&kubeadm, &kinds(file)),
    };
    match (call, refused) {
        (Ok(call), None) => {
            assert_eq!(call.arguments.contains(&"--config=/c".to_owned()), !file.is_empty());
            let has_flags = call.arguments.iter().any(|word| word.starts_with("--etcd-upgrade"));
            assert!(!(has_flags && kubeadm.minor >= 31), "{call:?}");
        }
        (Err(failure), Some(words)) => {
            assert!(failure.message.contains(words), "{}", failure.message);
            assert!(failure.help.is_some());
        }
        (result, _) => panic!("{result:?}"),
    }
}

#[test]
fn what_no_flag_says_goes_into_a_configuration_with_all_the_rest() {
    let kubeadm: Version = "1.31.1".parse().unwrap();
    let options = json!({
        "action": "apply", "version": "1.31.1", "etcd_upgrade": false, "force": true, "patches": "/p",
        "ignore_preflight_errors": ["Swap"], "image_pull_policy": "Never", "image_pull_serial": true,
        "timeouts": {"upgrade_manifests": 600, "etcd_api_call": 90},
    });
    let call = task(options).apply_call(&kubeadm, &kubeadm, &[]).unwrap();
    assert_eq!(call.arguments, ["upgrade", "apply", "v1.31.1", "-y"]);
    let configuration: Value = serde_json::from_str(&call.configuration).unwrap();
    let expected = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "UpgradeConfiguration",
        "apply": {
            "kubernetesVersion": "v1.31.1", "forceUpgrade": true, "etcdUpgrade": false, "ignorePreflightErrors": ["Swap"],
            "patches": {"directory": "/p"}, "imagePullPolicy": "Never", "imagePullSerial": true,
        },
        "timeouts": {"upgradeManifests": "600s", "etcdAPICall": "90s"},
    });
    assert_eq!(configuration, expected);

    let node = json!({"action": "node", "timeouts": {"upgrade_manifests": 600}});
    let call = task(node).node_call(&kubeadm, &[]).unwrap();
    let configuration: Value = serde_json::from_str(&call.configuration).unwrap();
    assert_eq!(configuration["node"], json!({}));
    assert_eq!(call.arguments, ["upgrade", "node"]);
}
