#!/bin/sh
# Runs one node for as long as it is switched on. In the environment:
#   CGROUP     the node's control group          LOWER    its read-only layers, as overlayfs wants them
#   NODE_DIR   its folder in the lab's state     NETNS    path of its network namespace
#   NODE_NAME  its name                          MACHINE  a name for nspawn, unique on this machine
# The arguments are further options for systemd-nspawn.
#
# All mounts are made in a mount namespace of its own, so that they go away with the node however it ends; all
# processes are in one control group, so that they can be found and ended, also when this script is dead.
set -eu

if [ "${IN_NAMESPACE:-}" != yes ]; then
    echo $$ >"$CGROUP/cgroup.procs"
    export IN_NAMESPACE=yes
    if unshare --mount --propagation private true 2>/dev/null; then
        exec unshare --mount --propagation private sh "$0" "$@"
    fi
    # The root is not a mount point, as in a plain chroot: make it one, which nspawn needs too.
    export NEEDS_ROOT=yes
    exec unshare --mount --propagation unchanged sh "$0" "$@"
fi

if [ "${NEEDS_ROOT:-}" = yes ]; then
    unset NEEDS_ROOT
    mkdir -p "$NODE_DIR/machine-root"
    mount --rbind / "$NODE_DIR/machine-root"
    mount --make-rprivate "$NODE_DIR/machine-root"
    exec chroot "$NODE_DIR/machine-root" sh "$0" "$@"
fi

mount -t overlay "krun-lab-$MACHINE" -o "lowerdir=$LOWER,upperdir=$NODE_DIR/upper,workdir=$NODE_DIR/work,index=off,metacopy=off" "$NODE_DIR/root"

# nspawn finds the plain version 2 hierarchy here, whatever the machine itself uses.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# nspawn's own notes; private, so that nodes of the same name in two labs do not meet.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn

RESTART=133 # what nspawn ends with when the node reboots
while :; do
    status=0
    systemd-nspawn --quiet --register=no --keep-unit --boot \
        --directory="$NODE_DIR/root" --machine="$MACHINE" --hostname="$NODE_NAME" \
        --network-namespace-path="$NETNS" --resolv-conf=off --timezone=off --link-journal=no --console=pipe \
        "$@" || status=$?
    [ "$status" = "$RESTART" ] || break
done
echo "nspawn ended with $status"
exit "$status"
