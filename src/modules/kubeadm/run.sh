# Runs kubeadm; before that writes down what is begun, so that a later run knows that it was not finished.
# $1 krun's record (empty: none), $2 what is begun, $3… kubeadm's arguments; on standard input a configuration for it
# (empty: none)
set -u
LC_ALL=C
export LC_ALL
record=$1 begun=$2
shift 2

# Prints an upgrade by kubeadm that is at work already, whoever began it; not one in a container.
another() {
	namespace=$(readlink "/proc/$$/ns/pid")
	grep -l kubeadm /proc/[0-9]*/cmdline 2>/dev/null | while read -r found; do
		process=${found%/cmdline}
		[ "$(readlink "$process/ns/pid")" = "$namespace" ] || continue
		words=$(tr '\0' ' ' <"$found" 2>/dev/null)
		case $words in
		*--dry-run*) ;;
		*"kubeadm upgrade apply "* | *"kubeadm upgrade node "*) echo "process ${process#/proc/}: $words" ;;
		esac
	done
}

if [ -n "$record" ]; then
	running=$(another)
	if [ -n "$running" ]; then
		echo "another upgrade is at work on this node ($running); nothing was begun beside it" >&2
		exit 1
	fi
	umask 077
	if ! { mkdir -p "${record%/*}" && printf '%s started\n' "$begun" >"$record.new" && mv -f "$record.new" "$record"; }; then
		echo "krun cannot write its record $record" >&2
		exit 1
	fi
	umask 022
fi
configuration=$(cat)
if [ -n "$configuration" ]; then
	umask 077
	file=$(mktemp) || exit 1
	trap 'rm -f "$file"' EXIT
	printf '%s\n' "$configuration" >"$file" || exit 1
	umask 022
	set -- "$@" "--config=$file"
fi
kubeadm "$@" </dev/null
