//! Versions: of API servers, kubelets, packages and repositories.

use super::Seen;
use super::report::{Findings, Severity};
use crate::kube::{Repository, Version, check_kubelet};

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    api_versions(seen, findings);
    kubelets(seen, findings);
    packages(seen, findings);
    repositories(seen, findings);
}

fn api_versions(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let versions = seen.api_servers();
    let (Some(oldest), Some(newest)) = (versions.iter().min(), versions.iter().max()) else {
        return;
    };
    if oldest == newest {
        return;
    }
    let text = format!("The API servers have different versions, from {oldest} to {newest}");
    let is_begun = seen.hops.first().is_some_and(|hop| hop.version == *newest);
    if newest.minor > oldest.minor + 1 {
        findings.block(
            "api-versions",
            None,
            format!("{text}; Kubernetes allows one minor version between them"),
            format!("bring the oldest to {}.{} first", oldest.major, oldest.minor + 1),
        );
    } else if is_begun {
        findings.note(
            "api-versions",
            None,
            format!("{text}: an upgrade that was begun is finished first"),
            "",
        );
    } else {
        findings.warn(
            "api-versions",
            None,
            text,
            "this run brings all of them to the same version",
        );
    }
}

fn kubelets(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let servers = seen.api_servers();
    // The oldest API server now, and the new ones after the first hop, before the kubelets follow.
    let next = seen.hops.first().map(|hop| &hop.version);
    for (node, host) in &seen.pairs {
        let Ok(kubelet) = node.kubelet.parse::<Version>() else {
            continue;
        };
        let broken = servers
            .iter()
            .min()
            .into_iter()
            .chain(next)
            .find_map(|server| check_kubelet(&kubelet, server).err());
        if let Some(error) = broken {
            let place = host.map_or(node.name.as_str(), |host| host.host.as_str());
            findings.block("kubelet-skew", Some(place), error.message, error.help);
        }
    }
}

fn packages(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    if seen.question.offered.is_none() || !seen.is_planned {
        return;
    }
    for hop in seen.hops.iter().filter(|hop| hop.package.is_none()) {
        // What is installed everywhere needs no repository.
        let is_there = |node: &crate::kube::NodeSurvey| {
            let version = node
                .kubeadm
                .as_deref()
                .and_then(|version| version.parse::<Version>().ok());
            version.as_ref() == Some(&hop.version)
        };
        if !seen.question.nodes.iter().all(is_there) {
            findings.block(
                "packages",
                None,
                format!("No repository of the nodes serves kubeadm {}", hop.version),
                "set repository_baseurl (repository_apt_url for apt) to one that does, or kubernetes_version to a version that is served",
            );
        }
    }
}

fn repositories(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let Some(last) = seen.last() else { return };
    for node in &seen.question.nodes {
        let Some(repository) = Repository::of_node(node) else {
            continue;
        };
        if !repository.lacks(last) {
            continue;
        }
        let host = Some(node.host.as_str());
        // The frozen one is a known problem of its own.
        let Some(minor) = &repository.minor else { continue };
        let text = format!("{} serves {minor} only; {last} is not in it", repository.url);
        let (severity, remedy) = if seen.question.settings.switches_repository {
            (
                Severity::Note,
                "krun writes the repository of each hop, as repository_baseurl or repository_apt_url says".to_owned(),
            )
        } else {
            let switch = repository.switch();
            (
                Severity::Block,
                format!("let krun write the repository of each minor version, in group_vars/all.yml:\n{switch}"),
            )
        };
        findings.add(severity, "repository", host, text, remedy);
    }
}
