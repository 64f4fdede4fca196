"""kubeadm config images list and pull; config view, which is gone since 1.22."""

import time

import yaml

from .. import settings, versions
from . import context
from .failure import Failure
from .flags import parse

FLAGS = {"kubernetes-version": str, "image-repository": str, "config": str, "kubeconfig": str}


def main(words: list) -> None:
    own = context.own_version()
    if words[:1] == ["view"] and own.minor < 22:
        return _view(words[1:])
    if words[:1] != ["images"]:
        raise Failure(f'invalid subcommand: "{words[0]}"' if words else 'missing subcommand; "config" is not meant to be run on its own')
    command, flags = words[1] if len(words) > 1 else "", parse(words[2:], FLAGS)[0]
    names = images(*_wanted(flags, own))
    if command == "list":
        print("\n".join(names))
    elif command == "pull":
        for name in names:
            time.sleep(settings.get("step_seconds"))
            print(f"[config/images] Pulled {name}")
    else:
        raise Failure(f'invalid subcommand: "{command}"')


def images(version: versions.Version, repository: str) -> list:
    default = repository in ("k8s.gcr.io", "registry.k8s.io") and version.minor >= 21
    tail = [f"{repository}/pause:{versions.pause_tag(version)}", f"{repository}/etcd:{versions.etcd_tag(version)}"]
    dns = f"{repository}/{'coredns/' if default else ''}coredns:{versions.coredns_tag(version)}"
    programs = [f"{repository}/{name}:{version}" for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")]
    # The order is that of the version.
    return programs + ([dns] + tail if version.minor >= 29 else tail + [dns])


def _wanted(flags: dict, own: versions.Version) -> tuple:
    chosen, repository = flags.get("kubernetes-version", str(own)), flags.get("image-repository", "")
    if path := flags.get("config"):
        try:
            with open(path, encoding="utf-8") as file:
                documents = [d for d in yaml.safe_load_all(file) if d and d.get("kind") == "ClusterConfiguration"]
        except OSError as error:
            raise Failure(f'unable to read config from "{path}" : open {path}: {error.strerror.lower()}') from error
        if documents:
            chosen = documents[0].get("kubernetesVersion", chosen)
            repository = documents[0].get("imageRepository", repository)
    try:
        version = versions.parse(chosen)
    except ValueError as error:
        raise Failure(str(error)) from error
    return version, repository or versions.image_repository(version)


def _view(words: list) -> None:
    flags, _ = parse(words, {"kubeconfig": str})
    print('Command "view" is deprecated, This command is deprecated and will be removed in a future release, please use '
          "'kubectl get cm -o yaml -n kube-system kubeadm-config' to get the kubeadm config directly.")
    client = context.connect(flags.get("kubeconfig", context.ADMIN_CONF))
    print(yaml.safe_dump(context.cluster_configuration(client)))
