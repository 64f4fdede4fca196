# Commands that survive their connection: detached.sh ACTION IDENTITY …
#   start  IDENTITY OUT ERR ROUNDS TOKEN MINUTES LIMIT KEEPER RUNNER SCRIPT [ARGUMENT…]
#                                  starts a job (its input on standard input) and follows it; one that runs already is
#                                  followed instead, and one that succeeded in the last MINUTES counts as its own.
#                                  After LIMIT seconds, if that is not 0, the KEEPER (this script) ends it
#   keep   IDENTITY LIMIT          ends the job when its time is up
#   follow IDENTITY OUT ERR ROUNDS waits for news, a third of a second a round
#   kill   IDENTITY                ends the job with all its processes
#   aside  IDENTITY                keeps a dead job's directory under another name
#   collect IDENTITY               removes the job's directory
#   forget IDENTITY                the same; prints it, or fails with status 3 when there is none
#   running -                      prints the identities of the jobs that are at work
# start and follow print `krun-job STATE STATUS FOUND DIRECTORY` and then what the job has printed since byte OUT of its standard
# output and byte ERR of its standard error. STATE is running, finished, expired (it was ended when its time was up), died
# (it ended without leaving a status) or missing; FOUND is yes when somebody else's start was found instead.

action=$1
identity=$2
shift 2

# The most of each stream that one answer carries; detached.rs knows the same number.
limit=1048576

# Jobs older than this are nobody's any more.
keep_days=7

user=$(id -u)

# Prints the directory of this user's jobs, making it when need be.
jobs_directory() {
    if [ "$user" = 0 ]; then
        directory=/var/lib/krun/jobs
        (umask 077 && mkdir -p "$directory") && echo "$directory"
        return
    fi
    if [ -n "${HOME-}" ] && (umask 077 && mkdir -p "$HOME/.krun/jobs") 2>/dev/null && [ -w "$HOME/.krun/jobs" ]; then
        echo "$HOME/.krun/jobs"
        return
    fi
    # Anybody could have made this one first.
    directory=/var/tmp/krun-$user
    [ -d "$directory" ] || mkdir -m 700 "$directory" || return
    if [ -z "$(find "$directory" -prune -type d -user "$user")" ]; then
        echo "$directory belongs to somebody else" >&2
        return 1
    fi
    chmod 700 "$directory" && echo "$directory"
}

# Prints when a process was started, or nothing. The program's name in parentheses may hold anything.
start_time() {
    { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    # shellcheck disable=SC2086 # split into its fields
    set -- ${line##*) }
    # A zombie has ended.
    [ "$1" = Z ] || echo "${20}"
}

# Prints process, parent and session of every process that has not ended.
processes() {
    for stat in /proc/[0-9]*/stat; do
        if { IFS= read -r line <"$stat"; } 2>/dev/null; then
            process=${stat#/proc/}
            # shellcheck disable=SC2086 # split into its fields
            set -- ${line##*) }
            [ "$1" = Z ] || echo "${process%/stat} $2 $4"
        fi
    done
}

# Prints what is left of a job: the runner, the session that it leads, and their descendants.
family_of() {
    family=' '
    table=$(processes)
    grew=yes
    while [ -n "$grew" ]; do
        grew=
        while read -r process parent session; do
            case $family in
                *" $process "*) continue ;;
            esac
            case "$family$1 " in
                *" $process "* | *" $parent "* | *" $session "*) family="$family$process " grew=yes ;;
            esac
        done <<PROCESSES
$table
PROCESSES
    done
    echo "$family"
}

# True while the runner, or anything else in its session, is at work.
is_alive() {
    { read -r pid started boot <"$1/pid"; } 2>/dev/null || return 1
    read -r boot_now </proc/sys/kernel/random/boot_id
    [ "$boot" = "$boot_now" ] || return 1
    [ "$(start_time "$pid")" != "$started" ] || return 0
    # The process id may have been given to another process by now; a session's id is not while it has members.
    [ -z "$(start_time "$pid")" ] && [ "$(family_of "$pid")" != ' ' ]
}

# wait_until ROUNDS CONDITION…: waits until a condition holds. The first rounds are short.
wait_until() {
    round=0
    rounds=$1
    shift
    while [ "$round" -lt "$rounds" ]; do
        if "$@"; then
            return 0
        fi
        round=$((round + 1))
        case $round in
            1) pause=0.03 ;;
            2 | 3) pause=0.1 ;;
            *) pause=0.3 ;;
        esac
        # Whole seconds are all that some programs know.
        sleep "$pause" 2>/dev/null || sleep 1
    done
    "$@"
}

has_started() {
    [ -e "$job/pid" ] || [ ! -e "$job" ]
}

has_news() {
    if [ ! -d "$job" ]; then
        state=missing
    elif [ -e "$job/status" ]; then
        state=finished
    elif is_alive "$job"; then
        state=running
        [ "$(wc -c <"$job/stdout")" -gt "$out" ] || [ "$(wc -c <"$job/stderr")" -gt "$err" ]
        return
    elif [ -e "$job/status" ]; then
        # It ended between the two questions.
        state=finished
    elif [ -e "$job/expired" ]; then
        state=expired
    else
        state=died
    fi
}

follow() {
    status=-
    wait_until "$patience" has_news || :
    if [ "$state" = finished ]; then
        read -r status <"$job/status"
    fi
    echo "krun-job $state $status $1 $job"
    [ "$state" != missing ] || return 0
    tail -c "+$((out + 1))" "$job/stdout" | head -c "$limit"
    tail -c "+$((err + 1))" "$job/stderr" | head -c "$limit" >&2
}

# Writes a job's files. The status is given its room beforehand, so that a disk that fills up cannot swallow it.
prepare() {
    printf '%s' "$1" >"$job/owner" &&
        printf '%s' "$2" >"$job/script" &&
        cat >"$job/stdin" &&
        : >"$job/stdout" &&
        : >"$job/stderr" &&
        printf '%-15s\n' '' >"$job/status.new"
}

# The first shell ends at once, so that the job is nobody's child.
launch() {
    if command -v setsid >/dev/null 2>&1; then
        (setsid sh -c "$@" </dev/null >/dev/null 2>&1 &)
    else
        (nohup sh -c "$@" </dev/null >/dev/null 2>&1 &)
    fi
}

# put_away TOKEN MINUTES: what an earlier run has left of this job, and is not at work any more, does not stand for a new
# one. Whoever starts it has looked at the node before.
put_away() {
    [ -e "$job/pid" ] || return 0
    owner=
    { read -r owner <"$job/owner"; } 2>/dev/null || :
    if [ "$owner" = "$1" ] || is_alive "$job"; then
        return 0
    fi
    if [ ! -e "$job/status" ]; then
        mv "$job" "$job.died.$(date +%s)"
    elif [ "$2" = 0 ] || [ -z "$(find "$job/status" -mmin "-$2")" ] || ! grep -q '^0 *$' "$job/status"; then
        rm -rf "$job"
    fi
}

# start TOKEN MINUTES LIMIT KEEPER RUNNER SCRIPT [ARGUMENT…]
start() {
    token=$1 time_limit=$3 keeper=$4 runner=$5 script=$6
    put_away "$1" "$2"
    shift 6
    for attempt in first second; do
        if mkdir -m 700 "$job" 2>/dev/null; then
            if ! prepare "$token" "$script" 2>/dev/null; then
                # Some shells call every failure an I/O error; `cat` knows the reason.
                reason=$({ printf '%s' "$script" | cat >"$job/script"; } 2>&1)
                echo "its files cannot be written into $jobs: ${reason:-the file system may be full}" >&2
                rm -rf "$job"
                return 1
            fi
            launch "$runner" krun-job "$job" "$@"
            [ "$time_limit" = 0 ] || launch "$keeper" krun-job-keeper keep "$identity" "$time_limit"
        elif [ ! -d "$job" ]; then
            mkdir -m 700 "$job"
            return 1
        fi
        if wait_until 30 has_started && [ -d "$job" ]; then
            return 0
        fi
        # Whoever made the directory was cut off before the job began: it has done nothing.
        echo "the job did not start ($attempt time)" >&2
        rm -rf "$job"
    done
    return 1
}

clean() {
    for old in "$jobs"/*; do
        [ "$old" != "$job" ] || continue
        if [ -n "$(find "$old" -prune -mtime "+$keep_days" 2>/dev/null)" ] && ! is_alive "$old"; then
            rm -rf "$old"
        fi
    done
}

# True when nothing of the job is left; otherwise ends what there is.
is_killed() {
    left=$(family_of "$pid")
    [ "$left" != ' ' ] || return 0
    # shellcheck disable=SC2086 # one word a process
    kill -KILL $left 2>/dev/null
    return 1
}

# keep LIMIT: looks once a second, so that it is gone soon after the job.
keep() {
    waited=0
    while [ -d "$job" ] && [ ! -e "$job/status" ]; do
        if [ "$waited" -ge "$1" ]; then
            # Said before it is done: whoever looks in between must not think that somebody else has killed it.
            : >"$job/expired"
            ! is_alive "$job" || wait_until 30 is_killed
            return
        fi
        sleep 1
        waited=$((waited + 1))
        if [ -e "$job/pid" ] && ! is_alive "$job"; then
            return
        fi
    done
}

if [ "$action" = running ]; then
    # Only looks, so that no directory is made.
    for job in /var/lib/krun/jobs/* "${HOME-}/.krun/jobs"/* "/var/tmp/krun-$user"/*; do
        if is_alive "$job"; then
            echo "${job##*/}"
        fi
    done
    exit 0
fi

jobs=$(jobs_directory) || exit 1
job=$jobs/$identity

case $action in
    start)
        out=$1 err=$2 patience=$3
        shift 3
        clean
        start "$@" || exit 1
        owner=
        { read -r owner <"$job/owner"; } 2>/dev/null || :
        if [ "$owner" = "$1" ]; then
            follow no
        else
            follow yes
        fi
        ;;
    follow)
        out=$1 err=$2 patience=$3
        follow no
        ;;
    kill)
        if is_alive "$job"; then
            wait_until 30 is_killed
        fi
        ;;
    aside)
        aside=$job.died.$(date +%s)
        mv "$job" "$aside" && echo "$aside"
        ;;
    keep)
        keep "$1"
        ;;
    collect)
        rm -rf "$job"
        ;;
    forget)
        [ -d "$job" ] || exit 3
        echo "$job"
        rm -rf "$job"
        ;;
esac
