# Ends the shell of another session with everything that it started: kill.sh SESSION.
# Prints how many processes were ended.

session=$1
shell=
for place in /dev/shm "${XDG_RUNTIME_DIR:-/dev/shm}" "${TMPDIR:-/tmp}" /tmp /var/tmp; do
    directory=$place/krun-${session:?}
    if [ -s "$directory/pid" ]; then
        read -r shell <"$directory/pid"
        break
    fi
done
if [ -z "$shell" ]; then
    echo 0
    exit 0
fi

# Prints process, parent and process group of every process; the name in parentheses may hold anything.
processes() {
    for stat in /proc/[0-9]*/stat; do
        if { IFS= read -r line <"$stat"; } 2>/dev/null; then
            pid=${stat#/proc/}
            pid=${pid%/stat}
            # shellcheck disable=SC2086 # split into its fields
            set -- ${line##*) }
            echo "$pid $2 $3"
        fi
    done
}

# The shell's descendants, and whatever is left in its process group.
table=$(processes)
group=$(echo "$table" | while read -r pid parent group; do
    [ "$pid" != "$shell" ] || echo "$group"
done)
victims=" $shell "
grew=yes
while [ -n "$grew" ]; do
    grew=
    while read -r pid parent its_group; do
        case $victims in
            *" $pid "*) continue ;;
        esac
        case $victims in
            *" $parent "*) victims="$victims$pid " grew=yes ;;
            *)
                # Never this script's own group.
                if [ "$its_group" = "$group" ] && [ "$pid" != "$$" ]; then
                    victims="$victims$pid " grew=yes
                fi
                ;;
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
