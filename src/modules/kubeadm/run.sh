# Runs kubeadm; before that writes down what is begun, so that a later run knows that it was not finished.
# $1 krun's record (empty: none), $2 what is begun, $3… kubeadm's arguments
set -u
LC_ALL=C
export LC_ALL
record=$1 begun=$2
shift 2
if [ -n "$record" ]; then
	umask 077
	if ! { mkdir -p "${record%/*}" && printf '%s started\n' "$begun" >"$record.new" && mv -f "$record.new" "$record"; }; then
		echo "krun cannot write its record $record" >&2
		exit 1
	fi
	umask 022
fi
kubeadm "$@" </dev/null
