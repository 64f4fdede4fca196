"""kubeadm certs check-expiration."""

import datetime

from . import certs, context
from .failure import Failure
from .flags import parse
from .tabular import tabwriter


def main(words: list) -> None:
    flags, _ = parse(words, {"kubeconfig": str})
    print("[check-expiration] Reading configuration from the cluster...")
    try:
        context.cluster_configuration(context.connect(flags.get("kubeconfig", context.ADMIN_CONF)))
        print("[check-expiration] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'\n")
    except Failure:
        print("[check-expiration] Error reading configuration from the Cluster. Falling back to default configuration\n")
    older = context.own_version().minor < 29
    names = [name for name in certs.CERTIFICATES if not (older and name == "super-admin.conf")]
    rows = [["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"]]
    for name in names:
        ends = certs.expiry(name)
        rows.append([name, _date(ends), _left(ends), certs.CERTIFICATES[name], "no"] if ends else [f"!MISSING! {name}", "", "", "", ""])
    print(tabwriter(rows, trailing=True))
    rows = [["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"]]
    for name in certs.AUTHORITIES:
        ends = certs.expiry(name)
        rows.append([name, _date(ends), _left(ends), "no"] if ends else [f"!MISSING! {name}", "", "", ""])
    print(tabwriter(rows, trailing=True), end="")


def _date(moment: datetime.datetime) -> str:
    return moment.strftime("%b %d, %Y %H:%M UTC")


def _left(moment: datetime.datetime) -> str:
    days = (moment - datetime.datetime.now(datetime.timezone.utc)).days
    if days < 0:
        return "<invalid>"
    return f"{days // 365}y" if days >= 730 else f"{days}d"
