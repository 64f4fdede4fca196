# No two at a time: the lock is this file, and goes with the last process that holds it.
exec 9<"$0"
if ! flock -n 9; then
	logger -t "$tag" "the last run is still at work: nothing was started"
	exit 0
fi
if [ "${1:-}" != now ] && [ "$delay" -gt 0 ]; then
	sleep $(($(od -An -N4 -tu4 /dev/urandom) % (delay + 1)))
fi
mkdir -p "${state%/*}"
began=$(date +%s)
echo "began=$began" >"$state"
if [ "${1:-}" = now ]; then
	run
	status=$?
else
	status=$({ {
		run 3>&-
		echo $? >&3
	} 2>&1 | logger -t "$tag" 9<&-; } 3>&1 >/dev/null)
fi
printf 'began=%s\nended=%s\nstatus=%s\n' "$began" "$(date +%s)" "${status:-1}" >"$state"
if [ "${status:-1}" -ne 0 ]; then
	# Cron sends this to whoever gets its mail.
	echo "$tag failed with exit code ${status:-1}; its output: journalctl -t $tag, or syslog" >&2
	failed
fi
exit "${status:-1}"
