# Makes, links or removes a file: make.sh ACTION PATH SRC OWNER GROUP MODE. Empty OWNER, GROUP, MODE are left alone.
# ACTION: absent, directory, link, hard, touch, or attributes (nothing but those).
# SRC: what a link points to; for touch the options that say which times are set, or `none` for neither.
# shellcheck shell=sh
set -u

action=$1
path=$2
src=$3
owner=$4
group=$5
mode=$6

set_attributes() {
    if [ -n "$owner" ]; then
        chown -h "$owner" "$1" || return 1
    fi
    if [ -n "$group" ]; then
        chgrp -h "$group" "$1" || return 1
    fi
    # After the owner: chown takes set-user-ID bits away. A link has no mode of its own.
    if [ -n "$mode" ] && [ "$action" != link ]; then
        chmod "$mode" "$1" || return 1
    fi
}

# Every directory that is made on the way gets the attributes too.
make_directory() {
    if [ -d "$1" ]; then
        return 0
    fi
    case $1 in
        */*) [ -z "${1%/*}" ] || make_directory "${1%/*}" || return 1 ;;
    esac
    mkdir "$1" || [ -d "$1" ] || return 1
    set_attributes "$1"
}

# Puts a link in place in one step.
put_link() {
    temporary=${path%/*}/.${path##*/}.krun-$$
    trap 'rm -f "$temporary"' EXIT
    # Only an empty directory is replaced.
    if [ -d "$path" ] && [ ! -L "$path" ]; then
        rmdir "$path" || return 1
    fi
    ln "$@" "$src" "$temporary" && set_attributes "$temporary" && mv -fT "$temporary" "$path"
}

case $action in
    absent) rm -rf -- "$path" ;;
    directory) make_directory "${path%/}" && set_attributes "$path" ;;
    link) put_link -s ;;
    hard) put_link ;;
    touch)
        case $src in
            none) [ -e "$path" ] || touch "$path" ;;
            '') touch "$path" ;;
            *) touch "$src" "$path" ;;
        esac && set_attributes "$path"
        ;;
    attributes) set_attributes "$path" ;;
esac
