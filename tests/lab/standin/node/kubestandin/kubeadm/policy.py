"""Which versions may follow which: kubeadm's version skew policies, in its words."""

from .. import versions
from .failure import Failure


def enforce(cluster: versions.Version, kubeadm: versions.Version, target: versions.Version, kubelets: list, force: bool) -> None:
    mandatory, skippable = judge(cluster, kubeadm, target, kubelets)
    # The flag was an argument by then, but its name stayed in the message until 1.23.
    subject = "the --version argument" if kubeadm.minor <= 23 else "the version argument"
    if mandatory:
        raise Failure(
            f"[upgrade/version] FATAL: {subject} is invalid due to these fatal errors:\n\n{_list(mandatory)}\n"
            "Please fix the misalignments highlighted above and try upgrading again"
        )
    if skippable and not force:
        raise Failure(
            f"[upgrade/version] FATAL: {subject} is invalid due to these errors:\n\n{_list(skippable)}\n"
            "Can be bypassed if you pass the --force flag"
        )
    if skippable:
        print(
            f"[upgrade/version] Found {len(skippable)} potential version compatibility errors but skipping since the --force flag "
            f"is set: \n\n{_list(skippable)}", end=""
        )


def judge(cluster, kubeadm, target, kubelets: list) -> tuple[list, list]:
    """What forbids the upgrade, and what --force may override."""
    mandatory, skippable = [], []
    oldest = f"v{kubeadm.major}.{kubeadm.minor - 1}.0"
    if target < versions.parse(oldest):
        mandatory.append(
            f'Specified version to upgrade to "{target}" is equal to or lower than the minimum supported version "{oldest}". '
            "Please specify a higher version to upgrade to"
        )
    if target.minor > cluster.minor + 1:
        mandatory.append(f'Specified version to upgrade to "{target}" is too high; kubeadm can upgrade only 1 minor version at a time')
    if target.minor < cluster.minor - 1:
        mandatory.append(f'Specified version to downgrade to "{target}" is too low; kubeadm can downgrade only 1 minor version at a time')
    if kubeadm < target:
        if target.minor > kubeadm.minor:
            mandatory.append(
                f'Specified version to upgrade to "{target}" is at least one minor release higher than the kubeadm minor release '
                f"({target.minor} > {kubeadm.minor}). Such an upgrade is not supported"
            )
        else:
            skippable.append(
                f'Specified version to upgrade to "{target}" is higher than the kubeadm version "{kubeadm}". '
                "Upgrade kubeadm first using the tool you used to install kubeadm"
            )
    if kubeadm.minor > target.minor:
        skippable.append(f"Kubeadm version {kubeadm} can only be used to upgrade to Kubernetes version {kubeadm.major}.{kubeadm.minor}")
    # How far kubelets may be behind: three minors since 1.28.
    skew = 3 if target.minor >= 28 else 1
    if old := sorted({version for version in kubelets if versions.parse(version).minor + skew < target.minor}):
        skippable.append(f"There are kubelets in this cluster that are too old that have these versions [{' '.join(old)}]")
    return mandatory, skippable


def _list(problems: list) -> str:
    return "".join(f"\t- {problem}\n" for problem in problems)
