# uri/ask: asks a web server: ask.sh URL METHOD TIMEOUT FOLLOW INSECURE CA CERTIFICATE KEY
# FOLLOW and INSECURE: yes or no. CA, CERTIFICATE and KEY: files, or empty. On standard input: curl's options for headers,
# passwords and the body, which no list of processes shows.
# Prints `status=`, `url=`, `redirects=`, `size=` of the headers, an empty line, the headers and the body.
# Ends with 0 whatever the server said; where it said nothing, with curl's status.
# shellcheck shell=sh
set -u
if ! command -v curl >/dev/null 2>&1; then
    echo "curl is not there: install it, or use delegate_to with a host that has it" >&2
    exit 127
fi
url=$1
method=$2
limit=$3
follow=$4
insecure=$5
authority=$6
certificate=$7
key=$8
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
set --
[ "$follow" = no ] || set -- "$@" -L
[ "$insecure" = no ] || set -- "$@" --insecure
if [ -d "$authority" ]; then
    set -- "$@" --capath "$authority"
elif [ -n "$authority" ]; then
    set -- "$@" --cacert "$authority"
fi
[ -z "$certificate" ] || set -- "$@" --cert "$certificate"
[ -z "$key" ] || set -- "$@" --key "$key"
# With -X HEAD curl would wait for a body.
if [ "$method" = HEAD ]; then set -- "$@" --head; else set -- "$@" -X "$method"; fi
: >"$folder/headers"
: >"$folder/body"
curl -sS --connect-timeout "$limit" --speed-limit 1 --speed-time "$limit" "$@" -K - -D "$folder/headers" -o "$folder/body" \
    -w 'status=%{http_code}\nurl=%{url_effective}\nredirects=%{num_redirects}\n' -- "$url" >"$folder/said" || exit
cat "$folder/said"
printf 'size=%s\n\n' "$(wc -c <"$folder/headers" | tr -d ' ')"
cat "$folder/headers"
[ "$method" = HEAD ] || cat "$folder/body"
