//! What the hosts of the control plane have to be like.

use super::Seen;
use super::report::{Findings, Severity};
use crate::kube::{Certificate, NodeSurvey};

const DAY: i64 = 24 * 3600;
/// Certificates that end sooner are worth a word, when kubeadm does not renew them.
const CERTIFICATE_DAYS: i64 = 30;
/// kubeadm does not renew authorities, and a new one takes preparation.
const AUTHORITY_DAYS: i64 = 180;
/// The lines of a diff that are shown.
const SHOWN: usize = 12;

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let question = seen.question;
    if let Some(first) = seen.masters().find(|node| Some(&node.host) == question.masters.first())
        && !first.has_admin_conf
    {
        findings.block(
            "admin-conf",
            Some(&first.host),
            "/etc/kubernetes/admin.conf is not there, and `kubeadm upgrade apply` needs it on the first host of the group \
             `masters`",
            "put a master that has it first, or copy it there: install -m 0600 admin.conf /etc/kubernetes/admin.conf",
        );
    }
    for node in seen.masters() {
        let host = Some(node.host.as_str());
        if !node.manifests.contains_key("kube-apiserver") {
            findings.block(
                "manifests",
                host,
                "/etc/kubernetes/manifests/kube-apiserver.yaml is not there. kubeadm upgrades control planes that run as \
                 static pods",
                "if this host is no control-plane node, take it out of the group `masters`",
            );
            continue;
        }
        drift(seen, node, findings);
        if let Some(error) = &node.images_error {
            findings.warn(
                "images",
                host,
                format!("kubeadm does not name the control plane's images: {error}"),
                "kubeadm config images list",
            );
        }
    }
    for node in &question.nodes {
        for certificate in &node.certificates {
            check_certificate(seen, node, certificate, findings);
        }
    }
}

fn drift(seen: &Seen<'_>, node: &NodeSurvey, findings: &mut Findings<'_>) {
    let host = Some(node.host.as_str());
    if let Some(error) = &node.drift_error {
        findings.note(
            "drift",
            host,
            format!("Whether the manifests were edited by hand could not be found out: {error}"),
            "kubeadm upgrade diff",
        );
    }
    if node.drift.is_empty() {
        return;
    }
    let mut lines: Vec<&str> = node.drift.iter().take(SHOWN).map(String::as_str).collect();
    if node.drift.len() > SHOWN {
        lines.push("…");
    }
    let (severity, end) = if seen.question.settings.has_patches {
        (Severity::Note, "Look whether kubeadm_patches brings all of it back")
    } else {
        (
            Severity::Warn,
            "Keep it in the ConfigMap kubeadm-config (extraArgs, extraVolumes), or as patches: kubeadm_patches",
        )
    };
    findings.add(
        severity,
        "drift",
        host,
        format!(
            "Manifests in /etc/kubernetes/manifests differ from what kubeadm writes, and kubeadm will undo that (- is now, \
             + is kubeadm's): {}",
            lines.join("  ")
        ),
        format!("{end}. All of it: kubeadm upgrade diff"),
    );
}

fn check_certificate(seen: &Seen<'_>, node: &NodeSurvey, certificate: &Certificate, findings: &mut Findings<'_>) {
    let host = Some(node.host.as_str());
    let days = (certificate.expires - node.time).div_euclid(DAY);
    let name = &certificate.name;
    if days < 0 {
        findings.block(
            "certificates",
            host,
            format!("The certificate {name} has ended {} days ago", -days),
            if certificate.is_authority {
                "make a new authority: https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/"
            } else if name == "kubelet-client" {
                "kubeadm kubeconfig user --org system:nodes --client-name system:node:NODE, as kubeadm's troubleshooting page says"
            } else {
                "kubeadm certs renew all, then restart the control plane's pods"
            },
        );
    } else if certificate.is_authority && days < AUTHORITY_DAYS {
        findings.warn(
            "certificates",
            host,
            format!("The authority {name} ends in {days} days, and kubeadm does not renew it"),
            "plan a new one: https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
        );
    } else if !certificate.is_authority
        && name != "kubelet-client"
        && days < CERTIFICATE_DAYS
        && !seen.question.settings.renews_certificates
    {
        findings.warn(
            "certificates",
            host,
            format!("The certificate {name} ends in {days} days, and kubeadm_certificate_renewal is off"),
            "kubeadm certs renew all, or set kubeadm_certificate_renewal: true",
        );
    }
}
