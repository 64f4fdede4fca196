# systemd/apply: does in order what the check found to be needed, and says what the unit is at then.
# $1 system|user|global  $2 the unit or empty  $3 no_block (yes/no), then the steps: words of systemctl
set -u
scope=$1 unit=$2 no_block=$3
shift 3
for step in "$@"; do
    case $step in
        daemon-reload | daemon-reexec) systemctl "--$scope" "$step" ;;
        start | stop | restart | reload)
            if [ "$no_block" = yes ]; then
                systemctl "--$scope" --no-block "$step" "$unit"
            else
                systemctl "--$scope" "$step" "$unit"
            fi
            ;;
        *) systemctl "--$scope" "$step" "$unit" ;;
    esac
    status=$?
    if [ "$status" -ne 0 ]; then
        # The journal's last lines of the unit say why; systemctl itself only names the command that shows them.
        if [ -n "$unit" ] && command -v journalctl >/dev/null 2>&1; then
            echo "last lines of its journal:" >&2
            journalctl --no-pager -q -n 8 -o cat -u "$unit" >&2 2>/dev/null || :
        fi
        exit "$status"
    fi
done >&2
if [ -n "$unit" ] && [ "$scope" != global ]; then
    systemctl "--$scope" show --no-pager "$unit" -p ActiveState -p SubState -p UnitFileState -p MainPID
fi
