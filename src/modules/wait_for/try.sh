# wait-for/try: looks until the condition holds or the time is up; exit status 0 when it holds, 3 when it does not yet.
# $1 port|file  $2 state  $3 host or file  $4 port  $5 seconds between two looks  $6 looks at most  $7 seconds for a connection
set -u
kind=$1 state=$2 target=$3 port=$4 pause=$5 looks=$6 limit=$7

limited() {
    if command -v timeout >/dev/null 2>&1; then timeout "$limit" "$@"; else "$@"; fi
}

# The port in the form of /proc/net/tcp.
hexadecimal=
if [ "$kind" = port ]; then hexadecimal=$(printf '%04X' "$port"); fi

# True when somebody listens on the port of this machine.
listens() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q "^ *[0-9]*: [0-9A-F]*:$hexadecimal [0-9A-F]*:[0-9A-F]* 0A "
}

# True when a connection is open or being closed on the port of this machine (TIME_WAIT aside).
is_used() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        grep -q "^ *[0-9]*: [0-9A-F]*:$hexadecimal [0-9A-F]*:[0-9A-F]* 0[1234589AB] "
}

# True when a connection can be made. The programs that are there decide the way.
connects() {
    case $target in
        127.0.0.1 | localhost | ::1 | 0.0.0.0) if [ -r /proc/net/tcp ]; then listens; return; fi ;;
    esac
    if command -v bash >/dev/null 2>&1; then
        # shellcheck disable=SC2016 # bash's own parameters
        limited bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$target" "$port" 2>/dev/null
    elif command -v nc >/dev/null 2>&1; then
        limited nc -z -w "$limit" "$target" "$port" </dev/null >/dev/null 2>&1
    elif command -v busybox >/dev/null 2>&1 && busybox nc --help >/dev/null 2>&1; then
        limited busybox nc -w "$limit" "$target" "$port" </dev/null >/dev/null 2>&1
    else
        echo "neither bash nor nc is there to try a connection with" >&2
        exit 127
    fi
}

holds() {
    case $kind-$state in
        port-started) connects ;;
        port-stopped) ! connects ;;
        port-drained) ! is_used ;;
        file-started) [ -e "$target" ] ;;
        file-stopped) [ ! -e "$target" ] ;;
    esac
}

while :; do
    if holds; then exit 0; fi
    looks=$((looks - 1))
    if [ "$looks" -le 0 ]; then exit 3; fi
    sleep "$pause"
done
