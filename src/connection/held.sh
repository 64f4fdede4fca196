# Prints the answers that a chain of another shell has gathered so far: held.sh SESSION.

session=$1
for place in /dev/shm "${XDG_RUNTIME_DIR:-/dev/shm}" "${TMPDIR:-/tmp}" /tmp /var/tmp; do
    if [ -e "$place/krun-${session:?}/held" ]; then
        cat "$place/krun-$session/held"
        exit
    fi
done
exit 1
