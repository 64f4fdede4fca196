"""The configuration objects of kubeadm: ClusterConfiguration and KubeletConfiguration."""

from . import versions


def cluster_configuration(version: versions.Version, endpoint: str) -> dict:
    return {
        "apiServer": {"timeoutForControlPlane": "4m0s"}, "apiVersion": f"kubeadm.k8s.io/{versions.config_api(version)}",
        "certificatesDir": "/etc/kubernetes/pki", "clusterName": "kubernetes", "controlPlaneEndpoint": endpoint,
        "controllerManager": {}, "dns": {}, "etcd": {"local": {"dataDir": "/var/lib/etcd"}},
        "imageRepository": versions.image_repository(version), "kind": "ClusterConfiguration", "kubernetesVersion": str(version),
        "networking": {"dnsDomain": "cluster.local", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"}, "scheduler": {},
    }


def kubelet_configuration() -> dict:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"cacheTTL": "0s", "enabled": True},
                           "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
        "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"}},
        "cgroupDriver": "systemd", "clusterDNS": ["10.96.0.10"], "clusterDomain": "cluster.local",
        "healthzBindAddress": "127.0.0.1", "healthzPort": 10248, "rotateCertificates": True,
        "staticPodPath": "/etc/kubernetes/manifests",
    }


def kubelet_flags(version: versions.Version) -> str:
    """What `kubeadm init` of this version writes to /var/lib/kubelet/kubeadm-flags.env, and no upgrade ever changes."""
    pause = f"--pod-infra-container-image={versions.image_repository(version)}/pause:{versions.pause_tag(version)}"
    if version.minor <= 23:
        return f"--network-plugin=cni {pause}"
    socket = "--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock"
    # Dropped when the dockershim's flags went for good.
    if version.minor <= 26:
        return f"--container-runtime=remote {socket} {pause}"
    # The container runtime alone knows the pause image since 1.35.
    return f"{socket} {pause}" if version.minor <= 34 else socket
