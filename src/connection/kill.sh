# Ends the shell of another session with everything that it started: kill.sh SESSION.
# Prints how many processes were ended.

session=$1
directory=
for place in /dev/shm "${XDG_RUNTIME_DIR:-/dev/shm}" "${TMPDIR:-/tmp}" /tmp /var/tmp; do
    if [ -s "$place/krun-${session:?}/pid" ]; then
        directory=$place/krun-$session
        read -r shell group started <"$directory/pid"
        break
    fi
done
if [ -z "$directory" ]; then
    echo 0
    exit 0
fi

# Prints process, parent, process group and starting time of every process; the name in parentheses may hold anything.
processes() {
    for stat in /proc/[0-9]*/stat; do
        if { IFS= read -r line <"$stat"; } 2>/dev/null; then
            pid=${stat#/proc/}
            pid=${pid%/stat}
            # shellcheck disable=SC2086 # split into its fields
            set -- ${line##*) }
            echo "$pid $2 $3 ${20}"
        fi
    done
}

# The shell, if this is still it, and whatever is left in its process group.
table=$(processes)
victims=' '
while read -r pid parent its_group start; do
    if [ "$pid $start" = "$shell $started" ] || [ "$its_group" = "$group" ]; then
        victims="$victims$pid "
    fi
done <<PROCESSES
$table
PROCESSES
# And the descendants of all these.
grew=yes
while [ -n "$grew" ]; do
    grew=
    while read -r pid parent its_group start; do
        case $victims in
            *" $pid "*) ;;
            *" $parent "*) victims="$victims$pid " grew=yes ;;
        esac
    done <<PROCESSES
$table
PROCESSES
done

count=0
for pid in $victims; do
    if kill -KILL "$pid" 2>/dev/null; then
        count=$((count + 1))
    fi
done
rm -rf "$directory"
echo "$count"
