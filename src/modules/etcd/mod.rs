//! What the modules that save and restore etcd share.

/// The prelude of scripts that work on a control plane's own etcd.
macro_rules! with_etcd {
    ($script:literal) => {
        concat!(include_str!("../etcd/common.sh"), include_str!($script))
    };
}
pub(super) use with_etcd;

/// Where kubeadm keeps etcd's manifest.
pub(super) const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
