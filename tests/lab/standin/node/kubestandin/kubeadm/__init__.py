"""The stand-in kubeadm: version, config, certs and all of upgrade.

Texts, order and exit codes are those of kubeadm 1.28 to 1.36, and of 1.20 where the two differ and the real 1.20 could be run
beside it. What it changes on the node (manifests, backups, certificates, ConfigMaps) is what the real one changes.
"""
