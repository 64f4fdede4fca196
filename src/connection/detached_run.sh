# Runs a detached job in a session of its own and leaves its exit status behind: detached_run.sh DIRECTORY [ARGUMENT…]

job=$1
shift

# Who this is, beyond doubt: process ids are used again, and the node may be restarted.
IFS= read -r line <"/proc/$$/stat"
read -r boot </proc/sys/kernel/random/boot_id
start_time() {
    echo "${20}"
}
# shellcheck disable=SC2086 # split into its fields
echo "$$ $(start_time ${line##*) }) $boot" >"$job/pid.new" && mv "$job/pid.new" "$job/pid" || exit 1

# The input may hold secrets: nothing of it stays on the disk.
exec 3<"$job/stdin"
rm -f "$job/stdin"

sh "$job/script" "$@" <&3 3<&- >>"$job/stdout" 2>>"$job/stderr"
status=$?

# Written where room was made for it, and seen whole or not at all.
printf '%-15s\n' "$status" 1<>"$job/status.new"
mv "$job/status.new" "$job/status"
