# Compares files with what they should be; changes nothing.
# $1 scheduler (auto, systemd or cron), $2 the timer, then for each file: whose it is (systemd, cron or both), path, mode,
# SHA-256 or `-` when it should not be there
set -u
scheduler=$1 timer=$2
shift 2
if [ "$scheduler" = auto ]; then
	if [ -d /run/systemd/system ]; then scheduler=systemd; else scheduler=cron; fi
fi
echo "scheduler=$scheduler"
wants_timer=no
while [ $# -ge 4 ]; do
	whose=$1 path=$2 mode=$3 sum=$4
	shift 4
	[ "$whose" = both ] || [ "$whose" = "$scheduler" ] || sum=-
	if [ "$sum" != - ] && [ "${path##*/}" = "$timer" ]; then wants_timer=yes; fi
	if [ ! -e "$path" ] && [ ! -L "$path" ]; then
		[ "$sum" = - ] || echo "new=$path"
		continue
	fi
	ours=no
	if [ -f "$path" ] && [ ! -L "$path" ] && head -n 2 "$path" | grep -q '^# Written by krun'; then ours=yes; fi
	if [ "$sum" = - ]; then
		[ "$ours" = no ] || echo "gone=$path"
	elif [ "$ours" = no ]; then
		echo "foreign=$path"
	elif [ "$(sha256sum <"$path" | cut -d' ' -f1)" != "$sum" ] || [ "$(stat -c %a "$path")" != "$mode" ]; then
		echo "changed=$path"
	fi
done
if [ "$wants_timer" = yes ]; then
	if [ "$(systemctl is-enabled "$timer" 2>/dev/null)" != enabled ] ||
		[ "$(systemctl is-active "$timer" 2>/dev/null)" != active ]; then
		echo "off=$timer"
	fi
fi
