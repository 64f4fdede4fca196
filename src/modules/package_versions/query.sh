# package-versions/query: which versions of a package the repositories hold. Changes nothing; lists that are fetched go to a
# folder that is gone afterwards, those of the node's own repositories to where the manager keeps them.
# $1 package  $2 enablerepo  $3 disable_excludes  $4 look into the node's own repositories (yes/no)  $5 lock_timeout in seconds
# then the addresses of other repositories
# Answers lines of words parted by tabs: manager M / own VERSION / at NUMBER VERSION (of the address, from 1)
# What could not be looked into is told on standard error, with `own: ` or `NUMBER: ` before it.
set -u
name=$1 enablerepo=$2 excludes=$3 own=$4 patience=$5
shift 5
tab=$(printf '\t')
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
errors=$work/errors

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

# Prints what is wrong, on one line, for the place $1.
tell() {
    words=$(sed '/^ *$/d' "$errors" | tail -n 3 | tr '\n' ' ')
    printf '%s: %s\n' "$1" "${words:-the package manager gave no reason}" >&2
}

# Lists versions with dnf or yum; more options may be given.
rpm_versions() {
    if [ "$manager" = yum ]; then
        # yum breaks long lines: the words count, not the lines.
        yum -q -y --showduplicates "$@" list available "$name" 2>"$errors" </dev/null | sed 1d | tr -s '[:space:]' '\n' |
            paste - - - | sed -n "s/^[^$tab]*$tab\\([^$tab]*\\)$tab.*/\\1/p"
        return
    fi
    # dnf 5 lists all versions anyway and knows no such option here.
    if [ "$manager" = dnf ]; then set -- --showduplicates "$@"; fi
    with_lock "$manager" -q -y repoquery --qf '%{evr}\n' "$@" "$name" 2>"$errors"
}

apt_versions() {
    apt-cache "$@" madison "$name" 2>"$errors" | sed 's/^[^|]*| *\([^ |]*\) *|.*/\1/'
}

if [ "$own" = yes ]; then
    if [ "$manager" = apt ]; then
        found=$(apt_versions)
    else
        options=
        for repository in $enablerepo; do options="$options --enablerepo=$repository"; done
        if [ -n "$excludes" ]; then
            case $manager in
                dnf5)
                    # What the others call `all` is an asterisk there.
                    if [ "$excludes" = all ]; then excludes='*'; fi
                    options="$options --setopt=disable_excludes=$excludes"
                    ;;
                *) options="$options --disableexcludes=$excludes" ;;
            esac
        fi
        set -f
        # shellcheck disable=SC2086 # words
        found=$(rpm_versions $options)
        set +f
    fi
    if [ -z "$found" ] && [ -s "$errors" ]; then tell own; fi
    printf '%s\n' "$found" | sed "/^$/d; s/^/own$tab/"
fi

# The way out of the node's network is in the manager's own settings.
main_settings() {
    for file in /etc/dnf/dnf.conf /etc/yum.conf; do
        if [ -f "$file" ]; then
            sed -n '/^\[main\]/,/^\[/{/^\(proxy\|ssl\|timeout\|retries\|ip_resolve\|username\|password\)/p;}' "$file"
            return
        fi
    done
}

number=0
for address; do
    number=$((number + 1))
    place=$work/$number
    mkdir "$place" "$place/none" || exit 1
    if [ "$manager" = apt ]; then
        # Only looked at: the signature counts when something is installed.
        printf 'deb [trusted=yes] %s /\n' "$address" >"$place/sources.list"
        mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
        set -- -o "Dir::Etc::sourcelist=$place/sources.list" -o "Dir::Etc::sourceparts=$place/none" \
            -o "Dir::State::lists=$place/lists" -o "Dir::Cache=$place/cache"
        if LC_ALL=C apt-get -qq -o APT::Update::Error-Mode=any "$@" update 2>"$errors" >&2 </dev/null; then
            found=$(apt_versions "$@")
        else
            found=
        fi
    else
        {
            printf '[main]\ncachedir=%s\nreposdir=%s\nplugins=0\ngpgcheck=0\n' "$place/cache" "$place/none"
            main_settings
            printf '[krun-look]\nname=krun-look\nbaseurl=%s\nenabled=1\n' "$address"
        } >"$place/settings"
        set -- -c "$place/settings"
        if [ "$manager" = dnf5 ]; then
            set -- "--config=$place/settings" "--setopt=cachedir=$place/cache" "--setopt=system_cachedir=$place/cache"
        fi
        found=$(rpm_versions "$@")
    fi
    if [ -z "$found" ]; then
        if [ ! -s "$errors" ]; then echo "it holds no package $name" >"$errors"; fi
        tell "$number"
    fi
    printf '%s\n' "$found" | sed "/^$/d; s/^/at$tab$number$tab/"
done
exit 0
