"""Who may do what: the groups of the client certificate decide, as kubeadm sets them up."""

from typing import NamedTuple

ADMINISTRATORS = {"system:masters", "kubeadm:cluster-admins"}
CONTROL_PLANE = {"system:kube-controller-manager", "system:kube-scheduler"}
READ = {"get", "list", "watch"}
# What the node authorizer lets a kubelet write.
KUBELET_WRITES = {"nodes", "pods", "leases", "events"}


class User(NamedTuple):
    name: str
    groups: tuple


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def user_of(certificate) -> User:
    """From the subject of a verified certificate: CN is the name, O the groups."""
    if not certificate:
        return ANONYMOUS
    pairs = [pair for group in certificate.get("subject", ()) for pair in group]
    names = [value for key, value in pairs if key == "commonName"]
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return User(names[0] if names else "", groups + ("system:authenticated",))


def allowed(user: User, verb: str, plural: str, name: str) -> bool:
    if ADMINISTRATORS & set(user.groups) or user.name in CONTROL_PLANE:
        return True
    if "system:nodes" in user.groups:
        if verb in READ:
            return plural != "secrets"
        node = user.name.removeprefix("system:node:")
        # NodeRestriction: a kubelet changes no other node than its own.
        return plural in KUBELET_WRITES and (plural != "nodes" or name in ("", node))
    return False
