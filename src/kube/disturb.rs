//! Whether a node may be disturbed: quorum of the control plane, and the skew between kubelets and API servers.

use super::{Node, Pod, SkewError, Version, check_kubelet};

/// Why the control plane does not bear that this node of it goes away for a while; `None` when it does.
///
/// `nodes` are the cluster's control-plane nodes, `members` the pods of etcd.
pub fn quorum_objection(own: &str, nodes: &[Node], members: &[Pod]) -> Option<String> {
    let unwell: Vec<&str> = nodes
        .iter()
        .filter(|node| node.name != own && !node.is_ready)
        .map(|node| node.name.as_str())
        .collect();
    if !unwell.is_empty() {
        return Some(format!("{} of the control plane is not Ready", unwell.join(", ")));
    }
    let others = members.iter().filter(|pod| pod.node != own);
    let (well, not): (Vec<&Pod>, Vec<&Pod>) = others.partition(|pod| pod.is_ready);
    // Two members bear the loss of neither: then the other one has to be well, at least.
    let quorum = members.len() / 2 + 1;
    let names = || not.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
    if members.len() == 2 && !not.is_empty() {
        return Some(format!("{} is not ready", names()));
    }
    (members.len() > 2 && well.len() < quorum).then(|| {
        format!(
            "etcd has {} members and needs {quorum}, and without this node {} would be left ({} not ready)",
            members.len(),
            well.len(),
            names()
        )
    })
}

/// May a kubelet of this version talk to all of these API servers?
///
/// # Errors
/// It would be newer than one of them.
pub fn kubelet_objection(kubelet: &Version, servers: &[Version]) -> Result<(), SkewError> {
    // An older kubelet is what is there already.
    let older = servers
        .iter()
        .find(|server| (kubelet.major, kubelet.minor) > (server.major, server.minor));
    older.map_or(Ok(()), |server| check_kubelet(kubelet, server))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn nodes(states: &[(&str, bool)]) -> Vec<Node> {
        let node = |(name, is_ready): &(&str, bool)| {
            let ready = if *is_ready { "True" } else { "False" };
            Node::read(
                &json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}),
            )
        };
        states.iter().filter_map(node).collect()
    }

    fn members(states: &[(&str, bool)]) -> Vec<Pod> {
        let pod = |(node, is_ready): &(&str, bool)| {
            let ready = if *is_ready { "True" } else { "False" };
            json!({"metadata": {"name": format!("etcd-{node}")}, "spec": {"nodeName": node},
                   "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
        };
        let items: Vec<_> = states.iter().map(pod).collect();
        Pod::list(&json!({ "items": items }))
    }

    const WELL: [(&str, bool); 3] = [("m1", true), ("m2", true), ("m3", true)];

    #[rstest]
    #[case::alone(&[("m1", false)], &[("m1", false)], None)]
    #[case::three(&WELL, &WELL, None)]
    #[case::own_is_unwell(&[("m1", false), ("m2", true), ("m3", true)], &WELL, None)]
    #[case::other_node(&[("m1", true), ("m2", true), ("m3", false)], &WELL, Some("m3 of the control plane is not Ready"))]
    #[case::other_member(&WELL, &[("m1", true), ("m2", false), ("m3", true)],
        Some("etcd has 3 members and needs 2, and without this node 1 would be left (etcd-m2 not ready)"))]
    #[case::two(&WELL[..2], &WELL[..2], None)]
    #[case::one_of_two(&WELL[..2], &[("m1", true), ("m2", false)], Some("etcd-m2 is not ready"))]
    #[case::external_etcd(&WELL, &[], None)]
    fn the_others_have_to_be_well(
        #[case] control_plane: &[(&str, bool)],
        #[case] etcd: &[(&str, bool)],
        #[case] expected: Option<&str>,
    ) {
        let objection = quorum_objection("m1", &nodes(control_plane), &members(etcd));
        assert_eq!(objection.as_deref(), expected);
    }

    #[test]
    fn five_members_bear_the_loss_of_two() {
        let etcd = [("m1", true), ("m2", false), ("m3", true), ("m4", true), ("m5", true)];
        assert_eq!(quorum_objection("m1", &[], &members(&etcd)), None);
    }

    #[rstest]
    #[case("1.29.0", &["1.29.9", "1.30.0"], true)]
    #[case("1.29.9", &["1.29.1"], true)]
    #[case("1.30.0", &["1.30.0", "1.29.9"], false)]
    #[case("1.20.0", &["1.30.0"], true)]
    #[case("1.30.0", &[], true)]
    fn a_kubelet_is_newer_than_no_server(#[case] kubelet: &str, #[case] servers: &[&str], #[case] is_well: bool) {
        let servers: Vec<Version> = servers.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(kubelet_objection(&kubelet.parse().unwrap(), &servers).is_ok(), is_well);
    }
}
