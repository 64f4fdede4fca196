# package/lock: goes before the other scripts. Runs a package manager until it gets its locks, or the patience is over.
# Wants $patience (seconds) and $errors (a file that it may write).

patience_is_over() {
    [ "$(date +%s)" -ge "$1" ]
}

# Another program works on the packages: dnf 5 would wait for it without end, or, when it is rpm, fail without a reason.
dnf5_is_locked() {
    for file in /var/lib/dnf/system-repo.lock "$(rpm -E '%{_dbpath}')/.rpm.lock"; do
        inode=$(stat -c %i "$file" 2>/dev/null) || continue
        if grep -q ":$inode " /proc/locks; then return 0; fi
    done
    return 1
}

# Runs dnf or yum; when another one holds the lock (exit status 200), again until the patience is over.
with_lock() {
    until_time=$(($(date +%s) + patience))
    while :; do
        if [ "$1" = dnf5 ] && dnf5_is_locked; then
            status=200
        else
            "$@" </dev/null
            status=$?
        fi
        if [ "$status" -ne 200 ]; then return "$status"; fi
        if patience_is_over "$until_time"; then
            echo "another package manager held the lock for $patience s" >&2
            return "$status"
        fi
        sleep 1
    done
}

# Runs a program of apt's. Of apt's four locks it waits for dpkg's two by itself; for those of the package lists and of the
# downloads, and for any lock at `apt-mark`, it gives up at once.
apt_with_lock() {
    program=$1
    shift
    until_time=$(($(date +%s) + patience))
    while :; do
        left=$((until_time - $(date +%s)))
        LC_ALL=C "$program" -o "DPkg::Lock::Timeout=$((left > 0 ? left : 0))" "$@" </dev/null 2>"$errors"
        status=$?
        if [ "$status" -eq 0 ] ||
            ! grep -q -e 'Could not get lock' -e 'frontend lock was locked' -e 'Unable to acquire the dpkg frontend lock' \
                -e 'Unable to lock the administration directory' "$errors"; then
            cat "$errors" >&2
            return "$status"
        fi
        if patience_is_over "$until_time"; then
            cat "$errors" >&2
            echo "another package manager held the lock for $patience s" >&2
            return "$status"
        fi
        sleep 1
    done
}
