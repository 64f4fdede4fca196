# sysctl/end: has the file read anew. Stands behind begin.sh and, where the file is written, install.sh.
# shellcheck shell=sh
# shellcheck disable=SC2154 # begin.sh gives it.
if [ -n "$reload" ]; then
    run_sysctl -p "$reload"
fi
