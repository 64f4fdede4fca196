# package/query: what is installed, held and to be had. Changes nothing but the manager's own copy of the package lists.
# $1 refresh the lists (yes/no)  $2 enablerepo  $3 disablerepo  $4 disable_excludes  $5 look up versions (yes: always, needed: of what is missing, no)
# $6 lock_timeout in seconds  $7 how many seconds package lists of apt stay good, 0: none  $8 safe|full|remove: what an upgrade
# of all packages, or the removal of unneeded ones, would do; or empty  $9 more options for that
# then three words a package: as written, name, version (empty: any)
# Answers lines of words parted by tabs: manager M / name WRITTEN / installed N V / available N V / held N / fresh yes /
# whole N V (what an upgrade would install, or a removal remove)
set -u
refresh=$1 enablerepo=$2 disablerepo=$3 excludes=$4 lookup=$5 patience=$6 good_for=$7 whole=$8 more=$9
shift 9
tab=$(printf '\t')

if command -v dnf5 >/dev/null 2>&1; then
    manager=dnf5
elif command -v dnf >/dev/null 2>&1; then
    manager=dnf
elif command -v yum >/dev/null 2>&1; then
    manager=yum
elif command -v apt-get >/dev/null 2>&1; then
    manager=apt
else
    printf 'manager\tnone\n'
    exit 0
fi
printf 'manager\t%s\n' "$manager"

rpm_version='%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}'

# Prints "NAME<tab>VERSION" of what is installed under a name.
installed() {
    if [ "$manager" = apt ]; then
        dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\n' "$1" 2>/dev/null |
            sed -n "s/^installed$tab//p"
    else
        rpm -q --qf "%{NAME}\\t$rpm_version\\n" "$1" | grep "$tab"
    fi
}

is_held() {
    case $manager in
        apt) [ "$(dpkg-query -W -f '${db:Status-Want}' "$1" 2>/dev/null)" = hold ] ;;
        dnf) grep -q "^$1-[0-9]" /etc/dnf/plugins/versionlock.list 2>/dev/null ;;
        dnf5) grep -q "^ *name *= *\"$1\"" /etc/dnf/versionlock.toml 2>/dev/null ;;
        yum) grep -q "^\([0-9]*:\)\{0,1\}$1-[0-9]" /etc/yum/pluginconf.d/versionlock.list 2>/dev/null ;;
    esac
}

# True when an installed version is the wanted one, whose release may be left out.
is_version() {
    case ${1#*:} in
        "$2" | "$2"-*) return 0 ;;
    esac
    case $1 in
        "$2" | "$2"-*) return 0 ;;
    esac
    return 1
}

# True when a text like NAME-VERSION is a package's name as a whole.
is_name() {
    case $1 in
        *-*) ;;
        *) return 1 ;;
    esac
    installed "$1" | grep -q "^$1$tab" && return
    [ "$manager" = apt ] && [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

# Prints every version that the repositories hold of the packages named. Status 75: the lists could not be fetched.
available() {
    if [ "$manager" = apt ]; then
        if [ "$refresh" = yes ]; then
            apt_with_lock apt-get -qq update >&2 || return 75
        fi
        : >"$errors"
        apt-cache madison "$@" | sed 's/^ *\([^ |]*\) *| *\([^ |]*\) *|.*/\1\t\2/'
        return
    fi
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
    if [ "$manager" = yum ]; then
        if [ "$refresh" = yes ]; then
            yum -q -y clean expire-cache >&2 || return 75
        fi
        # yum breaks long lines: the words count, not the lines. It exits with 1 when there is nothing to list.
        yum -q -y --showduplicates list available "$@" 2>"$errors" </dev/null | sed 1d | tr -s '[:space:]' '\n' |
            paste - - - | sed -n "s/^\\([^$tab]*\\)\\.[^.$tab]*$tab\\([^$tab]*\\)$tab.*/\\1$tab\\2/p"
        return
    fi
    if [ "$refresh" = yes ]; then set -- --refresh "$@"; fi
    # dnf 5 lists all versions anyway and knows no such option here; in its format \t is no tab.
    if [ "$manager" = dnf ]; then set -- --showduplicates "$@"; fi
    "$manager" -q -y repoquery --qf "%{name}$tab%{evr}\\n" "$@" </dev/null 2>"$errors"
}

# Package lists that were fetched not long ago are good enough.
if [ "$refresh" = yes ] && [ "$good_for" -gt 0 ] && [ "$manager" = apt ]; then
    now=$(date +%s)
    for file in /var/lib/apt/periodic/update-success-stamp "$(apt-config shell lists Dir::State::lists/d 2>/dev/null |
        sed -n "s/^lists='\(.*\)'\$/\1/p")"; do
        then=$(stat -c %Y "$file" 2>/dev/null) || continue
        if [ $((now - then)) -lt "$good_for" ]; then refresh=no; fi
    done
    if [ "$refresh" = no ]; then printf 'fresh\tyes\n'; fi
fi

# What an upgrade of all packages would install.
whole_upgrade() {
    set --
    for repository in $enablerepo; do set -- "--enablerepo=$repository" "$@"; done
    for repository in $disablerepo; do set -- "--disablerepo=$repository" "$@"; done
    case $manager-$whole in
        apt-*)
            if [ "$refresh" = yes ]; then apt_with_lock apt-get -qq update >&2 || return 75; fi
            case $whole in
                safe) set -- --with-new-pkgs upgrade ;;
                full) set -- dist-upgrade ;;
                remove) set -- autoremove ;;
            esac
            # shellcheck disable=SC2086 # words
            found=$(apt-get -s $more "$@") || return
            printf '%s\n' "$found" | sed -n "s/^Inst \([^ ]*\) .*(\([^ ]*\) .*/whole$tab\1$tab\2/p
s/^Remv \([^ ]*\) \[\([^]]*\)\].*/whole$tab\1$tab\2/p"
            ;;
        yum-remove)
            echo "yum does not tell what it would remove: use the command module with yum autoremove" >&2
            return 1
            ;;
        *-remove) "$manager" -q repoquery --unneeded --qf "whole$tab%{name}$tab%{evr}\\n" "$@" </dev/null ;;
        *)
            if [ "$refresh" = yes ] && [ "$manager" != yum ]; then set -- --refresh "$@"; fi
            # Status 100: there is something. yum and dnf break long lines, and put obsoleted packages behind a line of their own.
            # shellcheck disable=SC2086 # words
            found=$("$manager" -q check-update $more "$@" </dev/null)
            status=$?
            case $status in 0 | 100) ;; *) return "$status" ;; esac
            printf '%s\n' "$found" | sed '/^Obsoleting/,$d' | tr -s '[:space:]' '\n' | sed '/^$/d' | paste - - - |
                sed -n "s/^\([^$tab]*\)\.[^.$tab]*$tab\([^$tab]*\)$tab.*/whole$tab\1$tab\2/p"
            ;;
    esac
}

if [ -n "$whole" ]; then
    errors=$(mktemp) || exit 1
    trap 'rm -f "$errors"' EXIT
    whole_upgrade
    exit
fi

for_look_up=
while [ $# -ge 3 ]; do
    written=$1 name=$2 version=$3
    shift 3
    # A name may end as a version does (gcc-12): what is known by the whole text is that.
    if [ "$written" != "$name" ] && is_name "$written"; then
        name=$written version=
    fi
    printf 'name\t%s\t%s\t%s\n' "$written" "$name" "$version"
    found=$(installed "$name" | tail -n 1)
    [ -z "$found" ] || printf 'installed\t%s\n' "$found"
    if is_held "$name"; then printf 'held\t%s\n' "$name"; fi
    if [ -z "$found" ] || [ "$lookup" = yes ] ||
        { [ -n "$version" ] && ! is_version "${found#*"$tab"}" "$version"; }; then
        for_look_up="$for_look_up $name"
    fi
done

if [ "$lookup" != no ] && [ -n "$for_look_up" ]; then
    errors=$(mktemp) || exit 1
    trap 'rm -f "$errors"' EXIT
    # shellcheck disable=SC2086 # names hold no blanks
    found=$(available $for_look_up)
    status=$?
    if [ "$status" -eq 75 ]; then exit 75; fi
    printf '%s\n' "$found" | sed -n "/$tab/s/^/available$tab/p"
    if [ -s "$errors" ] && { [ -z "$found" ] || [ "$status" -ne 0 ]; }; then
        cat "$errors" >&2
    fi
fi
exit 0
