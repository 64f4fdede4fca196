//! What the script printed, read and reduced to what matters.

use indexmap::IndexMap;
use serde_json::Value;

use crate::kube::{
    Addon, BlockedBudget, Budget, ClusterNode, ClusterSurvey, ComponentPod, DeprecatedApi, Lock, Owner, Pod, PodAtRisk,
    Webhook,
};

type Sections = IndexMap<String, String>;

/// Who writes to kubeadm's add-ons without changing what kubeadm means by them.
const NO_EDITORS: [&str; 5] = [
    "kubeadm",
    "kube-controller-manager",
    "kube-apiserver",
    "kubelet",
    "kubectl-rollout",
];

fn text<'a>(sections: &'a Sections, name: &str) -> &'a str {
    sections.get(name).map_or("", String::as_str)
}

fn rows<'a, const N: usize>(sections: &'a Sections, name: &str) -> impl Iterator<Item = [&'a str; N]> {
    text(sections, name)
        .lines()
        .filter_map(|line| <[&str; N]>::try_from(line.split('\t').collect::<Vec<_>>()).ok())
}

pub(super) fn survey(sections: &Sections) -> ClusterSurvey {
    let pods: Vec<Pod> = rows(sections, "pods").map(pod).collect();
    let (kubeadm_config, kubeadm_config_error) = kubeadm_config(sections);
    ClusterSurvey {
        time: text(sections, "time").trim().parse().unwrap_or_default(),
        nodes: rows(sections, "nodes").map(node).collect(),
        control_plane: pods.iter().filter_map(component).collect(),
        budgets: budgets(text(sections, "budgets"), &pods),
        pods_at_risk: pods.iter().filter_map(at_risk).collect(),
        kubeadm_config,
        kubeadm_config_error,
        addons: ["deployment/coredns", "daemonset/kube-proxy"]
            .iter()
            .filter_map(|object| addon(sections, object))
            .collect(),
        lock: lock(text(sections, "lock")),
        webhooks: webhooks(sections),
        deprecated_apis: text(sections, "deprecated").lines().filter_map(deprecated).collect(),
        unknown: unknown(sections),
    }
}

/// `name=value,…`
fn labels(text: &str) -> IndexMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(ToOwned::to_owned).collect()
}

fn node(row: [&str; 11]) -> ClusterNode {
    let [
        name,
        unschedulable,
        cordoned_by,
        ready,
        kubelet,
        os,
        kernel,
        runtime,
        addresses,
        label_text,
        taints,
    ] = row;
    let (status, reason) = ready.split_once(' ').unwrap_or((ready, ""));
    let is_ready = status == "True";
    ClusterNode {
        name: name.to_owned(),
        is_ready,
        reason: if is_ready { String::new() } else { reason.to_owned() },
        is_cordoned: unschedulable == "true",
        cordoned_by: Some(cordoned_by.to_owned()).filter(|run| !run.is_empty()),
        kubelet: kubelet.to_owned(),
        os: os.to_owned(),
        kernel: kernel.to_owned(),
        runtime: runtime.to_owned(),
        addresses: words(addresses),
        labels: labels(label_text),
        taints: words(taints),
    }
}

fn pod(row: [&str; 10]) -> Pod {
    let [
        namespace,
        name,
        node,
        phase,
        owner,
        mirror,
        volumes,
        ready,
        image,
        label_text,
    ] = row;
    Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        labels: labels(label_text).into_iter().collect(),
        workload: None,
        owner: match (mirror, owner) {
            ("yes", _) => Owner::Manifest,
            (_, "") => Owner::Nobody,
            (_, "DaemonSet") => Owner::DaemonSet,
            _ => Owner::Controller,
        },
        has_local_data: !volumes.is_empty(),
        is_finished: matches!(phase, "Succeeded" | "Failed"),
        is_ready: ready == "True",
        node: node.to_owned(),
        images: vec![image.to_owned()],
    }
}

fn component(pod: &Pod) -> Option<ComponentPod> {
    let component = pod.label("component")?;
    let is_it = pod.namespace == "kube-system" && pod.label("tier") == Some("control-plane");
    is_it.then(|| ComponentPod {
        component: component.to_owned(),
        node: pod.node.clone(),
        image: pod.images.first().cloned().unwrap_or_default(),
        is_ready: pod.is_ready,
    })
}

fn at_risk(pod: &Pod) -> Option<PodAtRisk> {
    let (is_bare, has_local_data) = (pod.is_lost_by_drain(), pod.loses_data_by_drain());
    (!pod.node.is_empty() && (is_bare || has_local_data)).then(|| PodAtRisk {
        name: pod.full_name(),
        node: pod.node.clone(),
        is_bare,
        has_local_data,
    })
}

fn budgets(text: &str, pods: &[Pod]) -> Vec<BlockedBudget> {
    let list: Value = serde_json::from_str(text).unwrap_or_default();
    Budget::list(&list)
        .into_iter()
        .filter(|budget| budget.allowed <= 0)
        .filter_map(|budget| {
            let held: Vec<&Pod> = pods
                .iter()
                .filter(|pod| budget.covers(pod) && !pod.stays() && !pod.is_finished && !pod.node.is_empty())
                .collect();
            let mut nodes: Vec<String> = held.iter().map(|pod| pod.node.clone()).collect();
            nodes.sort();
            nodes.dedup();
            (!held.is_empty()).then(|| BlockedBudget {
                pods: held.iter().map(|pod| pod.name.clone()).collect(),
                nodes,
                namespace: budget.namespace,
                name: budget.name,
                needs: budget.needed,
                has: budget.healthy,
                allowed: budget.allowed,
            })
        })
        .collect()
}

fn kubeadm_config(sections: &Sections) -> (Value, Option<String>) {
    let failed = |error: String| (Value::Null, Some(error));
    if let Some(error) = sections.get("kubeadm-config error") {
        return failed(error.lines().next().unwrap_or_default().to_owned());
    }
    match serde_yaml::from_str::<Value>(text(sections, "kubeadm-config")) {
        Ok(config) if config.is_object() => (config, None),
        Ok(_) => failed("it holds no ClusterConfiguration".to_owned()),
        Err(error) => failed(format!("its ClusterConfiguration is no YAML: {error}")),
    }
}

/// The object's name, its image, and `MANAGER/SUBRESOURCE` of each who changed it.
fn addon(sections: &Sections, object: &str) -> Option<Addon> {
    let [_, image, managers] = rows(sections, &format!("addon {object}")).next()?;
    let mut edited_by: Vec<String> = managers
        .split_whitespace()
        .filter_map(|entry| entry.split_once('/'))
        .filter(|(manager, subresource)| subresource.is_empty() && !NO_EDITORS.contains(manager))
        .map(|(manager, _)| manager.to_owned())
        .collect();
    edited_by.dedup();
    Some(Addon {
        object: object.to_owned(),
        image: image.to_owned(),
        edited_by,
    })
}

/// The holder, the time of the last renewal, and how many seconds that counts.
fn lock(text: &str) -> Option<Lock> {
    let fields: Vec<&str> = text.trim_end_matches('\n').split('\t').collect();
    let [holder, renewed, duration] = fields.as_slice() else {
        return None;
    };
    Some(Lock {
        holder: (*holder).to_owned(),
        renewed: renewed.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second),
        duration: duration.parse().unwrap_or_default(),
    })
}

fn webhooks(sections: &Sections) -> Vec<Webhook> {
    let endpoints: IndexMap<&str, usize> = rows(sections, "endpoints")
        .filter_map(|[service, number]| Some((service, number.parse().ok()?)))
        .collect();
    let mut webhooks: Vec<Webhook> = Vec::new();
    for [configuration, service, policy] in rows(sections, "webhooks") {
        // Whose endpoints could not be looked up is taken to be well.
        let Some(number) = endpoints.get(service) else { continue };
        let webhook = Webhook {
            configuration: configuration.to_owned(),
            service: service.to_owned(),
            is_fatal: policy != "Ignore",
            endpoints: *number,
        };
        if !webhooks.contains(&webhook) {
            webhooks.push(webhook);
        }
    }
    webhooks
}

/// `apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="…",subresource="",version="v1beta1"} 1`
fn deprecated(line: &str) -> Option<DeprecatedApi> {
    let label = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split('"').next()
    };
    let (group, version) = (label("{group").or_else(|| label(",group"))?, label("version")?);
    let api = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Some(DeprecatedApi {
        name: format!("{api} {}", label(",resource")?),
        removed_in: label("removed_release").unwrap_or_default().to_owned(),
    })
}

/// The questions that were not answered. What the cluster has no kind of object for is not missing.
fn unknown(sections: &Sections) -> Vec<String> {
    sections
        .iter()
        .filter_map(|(name, text)| {
            let question = name.strip_suffix(" error")?;
            let reason = text.lines().next().unwrap_or_default();
            let is_there = question != "kubeadm-config" && !reason.contains("the server doesn't have a resource type");
            is_there.then(|| format!("{question} ({reason})"))
        })
        .collect()
}
