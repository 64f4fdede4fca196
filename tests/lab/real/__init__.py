"""The lab's cluster kind "real": a kubeadm control plane built from Debian's source package."""
