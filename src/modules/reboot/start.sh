# reboot/start: reboots the machine in a moment, in a session of its own, so that this answer still gets through.
# $1 seconds to wait before  $2 message for the users who are logged in  $3 the command, or empty
set -u
if [ "$(id -u)" -ne 0 ]; then
    echo "only root may reboot" >&2
    exit 77
fi
command=$3
if [ -z "$command" ]; then
    for program in systemctl shutdown reboot; do
        command -v "$program" >/dev/null 2>&1 || continue
        case $program in
            systemctl) command='systemctl reboot' ;;
            shutdown) command='shutdown -r now' ;;
            reboot) command=reboot ;;
        esac
        break
    done
fi
if [ -z "$command" ]; then
    echo "there is no systemctl, shutdown or reboot here" >&2
    exit 127
fi
if [ -n "$2" ] && command -v wall >/dev/null 2>&1; then
    wall "$2" >/dev/null 2>&1 </dev/null || :
fi
# One second lets this answer leave the machine.
delay=$(($1 + 1))
if command -v setsid >/dev/null 2>&1; then
    setsid sh -c "sleep $delay; $command" >/dev/null 2>&1 </dev/null &
else
    (trap '' HUP && sh -c "sleep $delay; $command") >/dev/null 2>&1 </dev/null &
fi
