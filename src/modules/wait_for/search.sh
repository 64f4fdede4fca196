# wait-for/search: the text that is searched: of a file, or what a service says when it is connected to.
# $1 port|file  $2 host or file  $3 port  $4 seconds
set -u
# More than a mebibyte of a log is not looked through: its end is where news stands.
if [ "$1" = file ]; then
    [ -e "$2" ] || exit 3
    tail -c 1048576 "$2"
    exit
fi
if command -v nc >/dev/null 2>&1; then
    nc -w "$4" "$2" "$3" </dev/null 2>/dev/null | head -c 65536
elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
    # shellcheck disable=SC2016 # bash's own parameters
    timeout "$4" bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat <&3' bash "$2" "$3" 2>/dev/null | head -c 65536
else
    echo "neither nc nor bash with timeout is there to listen to the service with" >&2
    exit 127
fi
exit 0
