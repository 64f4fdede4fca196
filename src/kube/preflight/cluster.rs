//! How the cluster as a whole is: kubeadm's configuration, locks, add-ons, webhooks, deprecated APIs.

use super::Seen;
use super::report::Findings;
use crate::kube::versions::image_tag;

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let cluster = &seen.question.cluster;
    if let Some(error) = &cluster.kubeadm_config_error {
        findings.block(
            "kubeadm-config",
            None,
            format!("The ConfigMap kubeadm-config in kube-system cannot be read: {error}"),
            "kubectl -n kube-system get configmap kubeadm-config -o yaml",
        );
    }
    lock(seen, findings);
    addons(seen, findings);
    for webhook in cluster.webhooks.iter().filter(|webhook| webhook.endpoints == 0) {
        let text = format!(
            "Nobody answers for the service {} of the webhook {}",
            webhook.service, webhook.configuration
        );
        let remedy = format!(
            "kubectl -n {} get pods,endpoints; mend the service or delete the webhook's configuration",
            webhook.service.split('/').next().unwrap_or_default()
        );
        if webhook.is_fatal {
            findings.block(
                "webhooks",
                None,
                format!("{text}, and requests fail without an answer"),
                remedy,
            );
        } else {
            findings.warn("webhooks", None, text, remedy);
        }
    }
    deprecated(seen, findings);
    for missing in &cluster.unknown {
        findings.note(
            "survey",
            None,
            format!("The cluster was not asked for everything: {missing}"),
            "",
        );
    }
}

fn lock(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let cluster = &seen.question.cluster;
    let Some(lock) = &cluster.lock else { return };
    let own = &seen.question.settings.run;
    if lock.holder.is_empty() || (!own.is_empty() && lock.holder.split_whitespace().next_back() == Some(own)) {
        return;
    }
    let age = cluster.time - lock.renewed;
    if age <= lock.duration {
        findings.block(
            "lock",
            None,
            format!(
                "Another run of krun works on this cluster: {} (seen {age} seconds ago)",
                lock.holder
            ),
            "wait for its end",
        );
    } else {
        findings.warn(
            "lock",
            None,
            format!(
                "A run of krun left its lock on the cluster: {} (seen {age} seconds ago, which is too long)",
                lock.holder
            ),
            "krun resume RUN goes on with that run; kubectl -n kube-system delete lease krun removes the lock",
        );
    }
}

fn addons(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let cluster = &seen.question.cluster;
    let config = &cluster.kubeadm_config;
    for addon in &cluster.addons {
        if !addon.edited_by.is_empty() {
            findings.warn(
                "coredns",
                None,
                format!(
                    "{} was changed by {}; kubeadm writes it anew",
                    addon.object,
                    addon.edited_by.join(", ")
                ),
                format!(
                    "kubectl -n kube-system get {} -o yaml --show-managed-fields > kept.yaml, and apply what is yours \
                     again afterwards",
                    addon.object
                ),
            );
        }
        let Some(wanted) = config["imageRepository"].as_str() else {
            continue;
        };
        let dns = config["dns"]["imageRepository"]
            .as_str()
            .filter(|repository| !repository.is_empty());
        let wanted = match (addon.object.as_str(), dns) {
            ("deployment/coredns", Some(dns)) => dns,
            ("deployment/coredns" | "daemonset/kube-proxy", _) => wanted,
            _ => continue,
        };
        let tag_length = image_tag(&addon.image).map_or(0, |tag| tag.len() + 1);
        let name = addon.image.split('@').next().unwrap_or_default();
        let name = &name[..name.len().saturating_sub(tag_length)];
        if !addon.image.is_empty() && !name.starts_with(&format!("{wanted}/")) {
            findings.warn(
                "coredns",
                None,
                format!(
                    "{} runs from {}; kubeadm will take it from {wanted} instead, as kubeadm-config says",
                    addon.object, addon.image
                ),
                "kubectl -n kube-system edit configmap kubeadm-config: imageRepository, or dns.imageRepository for CoreDNS",
            );
        }
    }
}

fn deprecated(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let Some(last) = seen.last() else { return };
    for api in &seen.question.cluster.deprecated_apis {
        let minor = api
            .removed_in
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse::<u64>().ok());
        if minor.is_some_and(|minor| minor <= last.minor) {
            findings.warn(
                "deprecated-apis",
                None,
                format!(
                    "Somebody uses {}, which Kubernetes {} no longer has (asked for since the API server's start)",
                    api.name, api.removed_in
                ),
                "https://kubernetes.io/docs/reference/using-api/deprecation-guide/ names the new form; the audit log names who asks",
            );
        }
    }
}
