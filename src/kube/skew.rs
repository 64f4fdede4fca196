use super::Version;

/// Why Kubernetes' version policy forbids a step, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SkewError {
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub help: String,
}

impl SkewError {
    fn new(message: String, help: String) -> Self {
        Self { message, help }
    }
}

/// May kubeadm of this version take the control plane from `cluster` to `target`?
///
/// The rules are kubeadm's own: minors one by one, no way back, and kubeadm of the target's minor that is not older
/// than the target. Asking before kubeadm does keeps a node from being drained for nothing.
///
/// # Errors
/// The first rule that is broken.
pub fn check_upgrade(cluster: &Version, target: &Version, kubeadm: &Version) -> Result<(), SkewError> {
    if target < cluster {
        return Err(SkewError::new(
            format!(
                "the cluster is at {cluster}, and {target} is older: Kubernetes has no way back to an older version"
            ),
            "to undo an upgrade, restore the etcd snapshot and the manifests from before it".to_owned(),
        ));
    }
    if target.major != cluster.major || target.minor > cluster.minor + 1 {
        return Err(SkewError::new(
            format!("from {cluster} to {target} a minor version would be skipped, which Kubernetes does not support"),
            format!(
                "upgrade to {}.{} first, then one minor version after the other",
                cluster.major,
                cluster.minor + 1
            ),
        ));
    }
    if kubeadm < target {
        return Err(SkewError::new(
            format!("kubeadm on this node is {kubeadm}, older than the target {target}"),
            format!("install kubeadm {target} on the node first (module `package`)"),
        ));
    }
    if !kubeadm.is_same_series(target) {
        return Err(SkewError::new(
            format!(
                "kubeadm on this node is {kubeadm}, which can only upgrade to Kubernetes {}, not to {target}",
                kubeadm.series()
            ),
            format!("install kubeadm {target} on the node (module `package` with `allow_downgrade: true`)"),
        ));
    }
    Ok(())
}

/// May a kubelet of this version talk to this API server? It must not be newer, and not too many minors older.
///
/// # Errors
/// The rule that is broken.
pub fn check_kubelet(kubelet: &Version, api_server: &Version) -> Result<(), SkewError> {
    if (kubelet.major, kubelet.minor) > (api_server.major, api_server.minor) {
        return Err(SkewError::new(
            format!("kubelet {kubelet} would be newer than the API server {api_server}"),
            "upgrade the control plane on every master first".to_owned(),
        ));
    }
    // Since 1.25 kubelets may be three minors older; before that two.
    let oldest = if kubelet.minor >= 25 { 3 } else { 2 };
    let distance = api_server.minor - kubelet.minor;
    if kubelet.major != api_server.major || distance > oldest {
        return Err(SkewError::new(
            format!(
                "kubelet {kubelet} is {distance} minor versions older than the API server {api_server}; {oldest} are allowed"
            ),
            "upgrade this node's kubelet before the control plane goes on".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("1.28.0", "1.28.2", "1.28.2", "")]
    #[case("1.28.0", "1.28.2", "1.28.11", "")]
    #[case("1.28.2", "1.28.2", "1.28.2", "")]
    #[case("1.28.2", "1.29.9", "1.29.9", "")]
    #[case("1.28.2", "1.30.5", "1.30.5", "skipped")]
    #[case("1.28.2", "1.28.0", "1.28.2", "no way back")]
    #[case("1.29.0", "1.28.2", "1.29.0", "no way back")]
    #[case("1.28.0", "1.28.2", "1.28.0", "older than the target")]
    #[case("1.28.0", "1.28.2", "1.29.9", "can only upgrade to Kubernetes 1.29")]
    #[case("1.28.0", "2.0.0", "2.0.0", "skipped")]
    fn upgrades(#[case] cluster: &str, #[case] target: &str, #[case] kubeadm: &str, #[case] refusal: &str) {
        let said = check_upgrade(&version(cluster), &version(target), &version(kubeadm))
            .map_or_else(|error| error.message, |()| String::new());
        assert!(
            said.contains(refusal) && said.is_empty() == refusal.is_empty(),
            "{said}"
        );
    }

    #[rstest]
    #[case("1.28.2", "1.28.0", true)]
    #[case("1.28.0", "1.31.1", true)]
    #[case("1.27.6", "1.31.1", false)]
    #[case("1.24.0", "1.26.0", true)]
    #[case("1.24.0", "1.27.0", false)]
    #[case("1.29.0", "1.28.9", false)]
    fn kubelets(#[case] kubelet: &str, #[case] api_server: &str, #[case] allowed: bool) {
        assert_eq!(check_kubelet(&version(kubelet), &version(api_server)).is_ok(), allowed);
    }
}
