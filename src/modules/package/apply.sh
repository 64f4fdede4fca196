# package/apply: one transaction; then says what is installed.
# $1 manager  $2 install|remove|refresh|safe|full|autoremove|autoclean|clean|nothing  $3 allow_downgrade  $4 enablerepo  $5 disablerepo  $6 disable_excludes
# $7 lock_timeout in seconds  $8 hold (yes/no/empty)  $9 disable_gpg_check  $10 more options of the manager
# $11 what is done afterwards (autoremove, autoclean, clean), then "NAME" or "NAME<tab>VERSION" a package
set -u
manager=$1 verb=$2 downgrade=$3 enablerepo=$4 disablerepo=$5 excludes=$6 patience=$7 hold=$8 unsigned=$9
shift 9
more=$1 afterwards=$2
shift 2
errors=$(mktemp) || exit 1
trap 'rm -f "$errors"' EXIT
tab=$(printf '\t')
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

names=
for package in "$@"; do
    names="$names ${package%%"$tab"*}"
done

is_installed() {
    if [ "$manager" = apt ]; then
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
    else
        rpm -q "$1" >/dev/null 2>&1
    fi
}

set_hold() {
    case $manager in
        apt) apt_with_lock apt-mark "$1" "$2" >/dev/null ;;
        *)
            word=add
            if [ "$1" = unhold ]; then word=delete; fi
            with_lock "$manager" -q -y versionlock "$word" "$2"
            ;;
    esac
}

transaction() {
    if [ "$manager" = apt ]; then
        case $verb in
            refresh)
                apt_with_lock apt-get -q update
                return
                ;;
            remove) set -- remove "$@" ;;
            safe) set -- --with-new-pkgs upgrade ;;
            full) set -- dist-upgrade ;;
            autoremove | autoclean | clean) set -- "$verb" ;;
            install)
                set -- install "$@"
                if [ "$downgrade" = yes ]; then set -- --allow-downgrades "$@"; fi
                if [ "$hold" = yes ]; then set -- --allow-change-held-packages "$@"; fi
                if [ "$unsigned" = yes ]; then set -- --allow-unauthenticated "$@"; fi
                ;;
        esac
        # shellcheck disable=SC2086 # words
        apt_with_lock apt-get -q -y $more "$@"
        return
    fi
    case $verb in
        refresh) set -- makecache ;;
        remove) set -- remove "$@" ;;
        safe | full) set -- upgrade ;;
        autoremove) set -- autoremove ;;
        autoclean | clean) set -- clean all ;;
        install)
            if [ "$downgrade" = yes ] && [ "$manager" = yum ]; then
                set -- downgrade "$@"
            elif [ "$downgrade" = yes ] && [ "$manager" = dnf5 ]; then
                set -- install --allow-downgrade "$@"
            else
                set -- install "$@"
            fi
            if [ "$unsigned" = yes ]; then set -- --nogpgcheck "$@"; fi
            ;;
    esac
    for repository in $enablerepo; do set -- "--enablerepo=$repository" "$@"; done
    for repository in $disablerepo; do set -- "--disablerepo=$repository" "$@"; done
    if [ -n "$excludes" ]; then
        case $manager in
            dnf5)
                # What the others call `all` is an asterisk there.
                if [ "$excludes" = all ]; then excludes='*'; fi
                set -- "--setopt=disable_excludes=$excludes" "$@"
                ;;
            *) set -- "--disableexcludes=$excludes" "$@" ;;
        esac
    fi
    if [ "$manager" != dnf5 ]; then set -- --setopt=exit_on_lock=1 "$@"; fi
    # shellcheck disable=SC2086 # words
    with_lock "$manager" -y $more "$@"
}

# A lock on the old version would keep the new one away.
if [ "$manager" != apt ] && [ "$hold" = yes ] && [ "$verb" = install ]; then
    for name in $names; do set_hold unhold "$name" >/dev/null 2>&1; done
fi
if [ "$hold" = no ]; then
    for name in $names; do set_hold unhold "$name" || exit; done
fi

# Whatever the transaction's end: what was held is held again. A package that is not there would be kept away.
status=0
if [ "$verb" != nothing ]; then
    separator=-
    if [ "$manager" = apt ]; then separator='='; fi
    count=$#
    while [ "$count" -gt 0 ]; do
        package=$1
        shift
        count=$((count - 1))
        case $package in
            *"$tab"*) set -- "$@" "${package%%"$tab"*}$separator${package#*"$tab"}" ;;
            *) set -- "$@" "$package" ;;
        esac
    done
    transaction "$@" || status=$?
fi
if [ "$status" -eq 0 ]; then
    for verb in $afterwards; do
        transaction || status=$?
    done
fi
if [ "$hold" = yes ]; then
    for name in $names; do
        if is_installed "$name"; then set_hold hold "$name" || status=$?; fi
    done
fi

for name in $names; do
    if [ "$manager" = apt ]; then
        dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\n' "$name" 2>/dev/null
    else
        rpm -q --qf 'installed\t%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' "$name" | grep '^installed'
    fi
done
exit "$status"
