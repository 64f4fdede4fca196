#!/bin/sh
# Puts kubeadm's copy of etcd's data in the place of the data, which is kept under another name. etcd must not run.
# $1: folder with the copy, $2: new name for the data that is there now
set -eu
data=/var/lib/etcd
copy=$1
# kubeadm copies the folder itself, by hand one copies what is in it.
if [ -d "$copy/etcd/member" ]; then
    copy=$copy/etcd
fi
if [ ! -d "$copy/member" ]; then
    echo "$1 holds no etcd data (no folder member); with an external etcd kubeadm copies nothing" >&2
    exit 1
fi
if [ -e "$2" ]; then
    echo "$2 is there already" >&2
    exit 1
fi
# The copy is made whole before anything is moved.
rm -rf "$data.krun-new"
cp -a "$copy" "$data.krun-new"
chmod 0700 "$data.krun-new"
mv "$data" "$2"
mv "$data.krun-new" "$data"
