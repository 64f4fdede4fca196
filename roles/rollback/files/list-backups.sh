#!/bin/sh
# Prints the folders in which kubeadm kept what it replaced, newest last; folders without a file are left out.
# $1: kind (manifests, etcd)
set -u
for folder in /etc/kubernetes/tmp/kubeadm-backup-"$1"-*; do
    if [ -n "$(find "$folder" -type f -print 2>/dev/null | head -n 1)" ]; then
        printf '%s\n' "$folder"
    fi
done
