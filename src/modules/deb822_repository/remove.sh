# deb822-repository/remove: removes a repository's file, and the keys that Ansible has put beside it. $1 the file
# shellcheck shell=sh
rm -f -- "$1" || exit
name=${1##*/}
name=${name%.sources}
if [ "${1%/*}" = /etc/apt/sources.list.d ]; then
    rm -f -- "/etc/apt/keyrings/$name.asc" "/etc/apt/keyrings/$name.gpg"
fi
