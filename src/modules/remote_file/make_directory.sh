# Makes directories with their parents: make_directory.sh MODE PATH… An empty MODE means: as the umask has it. The mode
# is for every directory that is made.
# shellcheck shell=sh
set -u

mode=$1
shift

make() {
    if [ -d "$1" ]; then
        return 0
    fi
    case $1 in
        */*) [ -z "${1%/*}" ] || make "${1%/*}" || return 1 ;;
    esac
    mkdir "$1" || [ -d "$1" ] || return 1
    [ -z "$mode" ] || chmod "$mode" "$1"
}

for path; do
    make "${path%/}" || exit 1
done
