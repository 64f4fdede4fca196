#!/bin/sh
# Puts manifests of static pods back. The kubelet must never see half a file: each is copied beside the folder that it
# watches, then renamed into it.
# $1: folder with the manifests, $2: folder in which those that are replaced are kept, $3: folder to put them into
set -eu
live=$3
umask 077
mkdir -p "$2"
for manifest in "$1"/*.yaml; do
    name=${manifest##*/}
    if cmp -s "$manifest" "$live/$name"; then
        continue
    fi
    if [ -e "$live/$name" ]; then
        cp -p "$live/$name" "$2/$name"
    fi
    cp -p "$manifest" "/etc/kubernetes/.krun-$name"
    mv "/etc/kubernetes/.krun-$name" "$live/$name"
    printf 'put back %s\n' "$name"
done
