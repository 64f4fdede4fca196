# Runs the script that saves, and writes down how it went: for people and programs, also when it failed.
# $1 the script, $2 file for the result (JSON), $3 file for Prometheus' node exporter or empty; the rest is for the script
set -u
script=$1 result=$2 textfile=$3
shift 3
# When it is ended from outside, what it started is ended too, and that is a failure to be written down.
trap : HUP INT TERM
umask 022
began=$(date +%s)
said=$(/bin/sh "$script" "$@" 2>&1)
status=$?
ended=$(date +%s)
printf '%s\n' "$said"

# A value of a JSON text that has one key a line.
value() { printf '%s\n' "$2" | sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | sed 1q; }

before=$(cat "$result" 2>/dev/null)
if [ "$status" -eq 0 ]; then
	success=$ended
	file=$(value file "$said")
	size=$(value size "$said")
	duration=$((ended - began))
	error=
else
	success=$(value last_success "$before")
	file=$(value file "$before")
	size=$(value size "$before")
	duration=$(value duration "$before")
	error=$(printf '%s\n' "$said" | tail -n 1 | tr -d '"\\[:cntrl:]')
fi
mkdir -p "${result%/*}"
cat >"$result.new" <<END && mv "$result.new" "$result"
{
  "began": $began,
  "ended": $ended,
  "status": $status,
  "error": "$error",
  "last_success": ${success:-0},
  "file": "$file",
  "size": ${size:-0},
  "duration": ${duration:-0}
}
END
if [ -n "$textfile" ]; then
	# The exporter reads whole files only: it passes over what does not end with .prom.
	mkdir -p "${textfile%/*}"
	cat >"$textfile.new" <<END && mv "$textfile.new" "$textfile"
# HELP krun_backup_last_run_failed Whether the last backup of etcd failed.
# TYPE krun_backup_last_run_failed gauge
krun_backup_last_run_failed $((status != 0))
# HELP krun_backup_last_success_timestamp_seconds When a backup of etcd was verified last.
# TYPE krun_backup_last_success_timestamp_seconds gauge
krun_backup_last_success_timestamp_seconds ${success:-0}
# HELP krun_backup_last_size_bytes Size of that backup.
# TYPE krun_backup_last_size_bytes gauge
krun_backup_last_size_bytes ${size:-0}
# HELP krun_backup_last_duration_seconds How long it took.
# TYPE krun_backup_last_duration_seconds gauge
krun_backup_last_duration_seconds ${duration:-0}
END
fi
exit "$status"
