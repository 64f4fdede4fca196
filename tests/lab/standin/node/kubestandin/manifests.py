"""The static pod manifests of a control plane, as kubeadm writes them: same flags, paths, labels and annotations."""

import yaml

from . import versions

MANIFESTS = "/etc/kubernetes/manifests"
PKI = "/etc/kubernetes/pki"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
CONFIG_SECTION = {"kube-apiserver": "apiServer", "kube-controller-manager": "controllerManager", "kube-scheduler": "scheduler"}
ENDPOINT_ANNOTATION = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"


def manifest(component: str, config: dict, node: str, address: str, initial_cluster: str = "") -> dict:
    """The manifest of a component for a ClusterConfiguration.

    `initial_cluster` is given for an etcd member that joins others. kubeadm does not know it any more at an upgrade and
    then writes only the member itself, which etcd ignores because its data directory exists; so does this.
    """
    version = versions.parse(config["kubernetesVersion"])
    repository = config.get("imageRepository") or versions.image_repository(version)
    if component == "etcd":
        flags, mounts = _etcd(config, version, node, address, initial_cluster)
        image = f"{repository}/etcd:{(config['etcd']['local'] or {}).get('imageTag') or versions.etcd_tag(version)}"
        annotation, port = {"kubeadm.kubernetes.io/etcd.advertise-client-urls": f"https://{address}:2379"}, 2381
    else:
        flags, mounts, annotation, port = _CONTROL_PLANE[component](config, version, address)
        image = f"{repository}/{component}:{version}"
    flags.update(_extra_arguments(config, component))
    command = [component] + [f"--{name}={value}" for name, value in sorted(flags.items())]
    if component == "kube-apiserver":
        # kubeadm puts this one first.
        command.insert(1, command.pop(command.index(f"--advertise-address={flags['advertise-address']}")))
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": component, "namespace": "kube-system", "creationTimestamp": None,
            "labels": {"component": component, "tier": "control-plane"}, **({"annotations": annotation} if annotation else {}),
        },
        "spec": {
            "hostNetwork": True, "priority": 2000001000, "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": component, "image": image, "imagePullPolicy": "IfNotPresent", "command": command,
                "livenessProbe": _probe(component, address, port), "resources": {"requests": {"cpu": "100m"}},
                "volumeMounts": [{"name": name, "mountPath": path, "readOnly": component != "etcd"} for name, path, _ in mounts],
            }],
            "volumes": [{"name": name, "hostPath": {"path": path, "type": kind}} for name, path, kind in mounts],
        },
        "status": {},
    }


def text(document: dict) -> str:
    return yaml.safe_dump(document, sort_keys=True, default_flow_style=False, width=1000)


def _extra_arguments(config: dict, component: str) -> dict:
    section = (config["etcd"]["local"] or {}) if component == "etcd" else config.get(CONFIG_SECTION[component]) or {}
    extra = section.get("extraArgs") or {}
    # A map up to v1beta3, a list of name and value from v1beta4.
    return {item["name"]: item["value"] for item in extra} if isinstance(extra, list) else dict(extra)


def _probe(component: str, address: str, port: int) -> dict:
    if component == "etcd":
        check = {"host": "127.0.0.1", "path": "/health?exclude=NOSPACE&serializable=true", "port": port, "scheme": "HTTP"}
    elif component == "kube-apiserver":
        check = {"host": address, "path": "/livez", "port": port, "scheme": "HTTPS"}
    else:
        check = {"host": "127.0.0.1", "path": "/healthz", "port": port, "scheme": "HTTPS"}
    return {"failureThreshold": 8, "httpGet": check, "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 15}


def _etcd(config, version, node, address, initial_cluster):
    data = (config["etcd"]["local"] or {}).get("dataDir", "/var/lib/etcd")
    flags = {
        "advertise-client-urls": f"https://{address}:2379", "cert-file": f"{PKI}/etcd/server.crt", "client-cert-auth": "true",
        "data-dir": data, "initial-advertise-peer-urls": f"https://{address}:2380",
        "initial-cluster": initial_cluster or f"{node}=https://{address}:2380", "key-file": f"{PKI}/etcd/server.key",
        "listen-client-urls": f"https://127.0.0.1:2379,https://{address}:2379", "listen-metrics-urls": "http://127.0.0.1:2381",
        "listen-peer-urls": f"https://{address}:2380", "name": node, "peer-cert-file": f"{PKI}/etcd/peer.crt",
        "peer-client-cert-auth": "true", "peer-key-file": f"{PKI}/etcd/peer.key", "peer-trusted-ca-file": f"{PKI}/etcd/ca.crt",
        "snapshot-count": "10000", "trusted-ca-file": f"{PKI}/etcd/ca.crt",
    }
    if version.minor >= 34:
        # etcd 3.6, which has feature gates.
        flags["feature-gates"] = "InitialCorruptCheck=true"
        flags["watch-progress-notify-interval"] = "5s"
    elif version.minor >= 22:
        flags["experimental-initial-corrupt-check"] = "true"
    return flags, [("etcd-data", data, "DirectoryOrCreate"), ("etcd-certs", f"{PKI}/etcd", "DirectoryOrCreate")]


def _api_server(config, version, address):
    flags = {
        "advertise-address": address, "allow-privileged": "true", "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt", "enable-admission-plugins": "NodeRestriction", "enable-bootstrap-token-auth": "true",
        "etcd-cafile": f"{PKI}/etcd/ca.crt", "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key", "etcd-servers": "https://127.0.0.1:2379",
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt", "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt", "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client", "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-", "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User", "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local", "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": config.get("networking", {}).get("serviceSubnet", "10.96.0.0/12"),
        "tls-cert-file": f"{PKI}/apiserver.crt", "tls-private-key-file": f"{PKI}/apiserver.key",
    }
    if version.minor <= 23:
        flags["insecure-port"] = "0"
    return flags, [("k8s-certs", PKI, "DirectoryOrCreate")], {ENDPOINT_ANNOTATION: f"{address}:6443"}, 6443


def _controller_manager(config, version, _address):
    kubeconfig = "/etc/kubernetes/controller-manager.conf"
    flags = {
        "allocate-node-cidrs": "true", "authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1", "client-ca-file": f"{PKI}/ca.crt", "cluster-cidr": config["networking"]["podSubnet"],
        "cluster-name": config.get("clusterName", "kubernetes"), "cluster-signing-cert-file": f"{PKI}/ca.crt",
        "cluster-signing-key-file": f"{PKI}/ca.key", "controllers": "*,bootstrapsigner,tokencleaner", "kubeconfig": kubeconfig,
        "leader-elect": "true", "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt", "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/sa.key", "use-service-account-credentials": "true",
    }
    if version.minor <= 23:
        flags["port"] = "0"
    return flags, [("k8s-certs", PKI, "DirectoryOrCreate"), ("kubeconfig", kubeconfig, "FileOrCreate")], {}, 10257


def _scheduler(_config, version, _address):
    kubeconfig = "/etc/kubernetes/scheduler.conf"
    flags = {
        "authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig, "bind-address": "127.0.0.1",
        "kubeconfig": kubeconfig, "leader-elect": "true",
    }
    if version.minor <= 22:
        flags["port"] = "0"
    return flags, [("kubeconfig", kubeconfig, "FileOrCreate")], {}, 10259


_CONTROL_PLANE = {"kube-apiserver": _api_server, "kube-controller-manager": _controller_manager, "kube-scheduler": _scheduler}
