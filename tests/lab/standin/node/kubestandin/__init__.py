"""A stand-in Kubernetes for tests: the programs of a kubeadm cluster, without containers, with a real etcd below.

Each program behaves as the real one does where an upgrade can see it; comments say which behaviour a piece copies.
"""
