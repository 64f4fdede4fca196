# Writes files, takes others away, and has the timer run, or not.
# $1 scheduler (systemd or cron), $2 the timer, $3 whether it is wanted (yes or no), then for each file: path, mode, content;
# without a mode it goes
set -u
scheduler=$1 timer=$2 wanted=$3
shift 3

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# Before its file goes: systemd forgets the links otherwise.
if [ "$wanted" = no ] && command -v systemctl >/dev/null 2>&1; then
	systemctl disable --now "$timer" >/dev/null 2>&1
	# When it ran last; a timer that is made anew has missed nothing. Older versions keep it.
	systemctl clean --what=state "$timer" >/dev/null 2>&1
fi
umask 022
while [ $# -ge 3 ]; do
	path=$1 mode=$2 content=$3
	shift 3
	if [ -z "$mode" ]; then
		rm -f "$path" || fail "$path cannot be removed"
		continue
	fi
	mkdir -p "${path%/*}" || fail "the folder of $path cannot be made"
	# In cron's folder a name with a dot is passed over while the file is not whole.
	if ! { printf '%s' "$content" >"$path.new" && chmod "$mode" "$path.new" && mv -f "$path.new" "$path"; }; then
		rm -f "$path.new"
		fail "$path cannot be written"
	fi
done
if [ "$scheduler" = systemd ]; then
	systemctl daemon-reload || fail "systemd does not read its units anew"
	if [ "$wanted" = yes ]; then
		systemctl enable "$timer" 2>&1 || fail "the timer cannot be switched on"
		# A timer that is on takes other times only when it is started anew.
		systemctl restart "$timer" || fail "the timer cannot be started"
	else
		systemctl reset-failed "${timer%.timer}.service" 2>/dev/null
	fi
fi
exit 0
