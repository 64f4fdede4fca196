//! What every host has to be like.

use super::Seen;
use super::report::Findings;

/// Seconds by which clocks may differ: certificates and leases count on them.
const CLOCKS_MAY_DIFFER: f64 = 2.0;
/// From here on tokens and leases break.
const CLOCKS_MUST_NOT_DIFFER: f64 = 30.0;

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    clocks(seen, findings);
    let wanted = seen.question.settings.free_mib;
    for node in &seen.question.nodes {
        let host = Some(node.host.as_str());
        if !["dnf", "dnf5", "yum", "apt"].contains(&node.package_manager.as_str()) {
            findings.block(
                "os",
                host,
                format!("No package manager that krun knows is on this node ({})", or(&node.os, "of unknown kind")),
                "krun installs packages with dnf, yum or apt. Install one of them, or take the host out of the inventory.",
            );
        }
        if !node.swaps.is_empty() {
            let areas = node.swaps.join("; ");
            if node.swap_allowed {
                findings.note(
                    "swap",
                    host,
                    format!("Swap is on, and the kubelet is told to put up with it: {areas}"),
                    "",
                );
            } else {
                findings.block(
                    "swap",
                    host,
                    format!("Swap is on, which the kubelet does not accept: {areas}"),
                    "swapoff -a, and take it out of /etc/fstab",
                );
            }
        }
        if !matches!(node.kubelet_state.as_str(), "active" | "") {
            findings.block(
                "kubelet",
                host,
                format!(
                    "The kubelet is {}. A node that is broken now is not mended by an upgrade",
                    node.kubelet_state
                ),
                "journalctl -u kubelet -n 50",
            );
        }
        for disk in &node.disks {
            let (what, more, remedy) = match disk.purpose.as_str() {
                "var" => (
                    "packages and images",
                    0,
                    "crictl rmi --prune; journalctl --vacuum-size=200M; or set preflight_free_mib",
                ),
                "images" => ("images", 0, "crictl rmi --prune; or set preflight_free_mib"),
                // kubeadm copies etcd's data beside its manifests before it upgrades etcd.
                "kubernetes" => (
                    "kubeadm's copy of etcd's data",
                    node.etcd_data_kib.unwrap_or(0),
                    "rm -r /etc/kubernetes/tmp/kubeadm-backup-* (of earlier upgrades); or set preflight_free_mib",
                ),
                "etcd" => (
                    "etcd's own copies of its data",
                    node.etcd_data_kib.unwrap_or(0).saturating_mul(2),
                    "make room on that file system, or defragment: etcdctl defrag; or set preflight_free_mib",
                ),
                _ => continue,
            };
            // kubeadm's copy and etcd's own are not made in all of the room that packages need.
            let needed = if more > 0 || matches!(disk.purpose.as_str(), "etcd" | "kubernetes") {
                more + wanted * 1024
            } else {
                wanted * 1024
            };
            if disk.free_kib < needed {
                findings.block(
                    "disk",
                    host,
                    format!(
                        "{} has {} MiB free; for {what} {} are wanted",
                        disk.path,
                        disk.free_kib / 1024,
                        needed.div_ceil(1024)
                    ),
                    remedy,
                );
            }
        }
    }
}

fn clocks(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let nodes = || seen.question.nodes.iter();
    let by_clock =
        |one: &&super::NodeSurvey, other: &&super::NodeSurvey| one.clock_offset.total_cmp(&other.clock_offset);
    let (Some(first), Some(last)) = (nodes().min_by(by_clock), nodes().max_by(by_clock)) else {
        return;
    };
    let apart = last.clock_offset - first.clock_offset;
    // The time that asking took is in doubt.
    let surely = apart - last.clock_margin - first.clock_margin;
    if surely < CLOCKS_MAY_DIFFER {
        return;
    }
    let text = format!(
        "The clocks of {} and {} are {apart:.0} seconds apart",
        first.host, last.host
    );
    let remedy = "timedatectl set-ntp true, and see `timedatectl timesync-status` or `chronyc tracking` on both";
    if surely < CLOCKS_MUST_NOT_DIFFER {
        findings.warn("clock", None, text, remedy);
    } else {
        findings.block("clock", None, text, remedy);
    }
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}
