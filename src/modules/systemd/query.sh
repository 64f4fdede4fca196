# systemd/query: what systemd knows of a unit. $1 system|user|global, $2 the unit
set -u
if [ "$1" = global ]; then
    state=$(systemctl --global is-enabled "$2" 2>/dev/null)
    if [ -z "$state" ]; then state=not-found; fi
    printf 'LoadState=%s\nActiveState=inactive\nUnitFileState=%s\n' \
        "$([ "$state" = not-found ] && echo not-found || echo loaded)" "$state"
    exit 0
fi
systemctl "--$1" show --no-pager "$2" \
    -p LoadState -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload -p MainPID -p Result
