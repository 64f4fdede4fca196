# The long-lived shell of a connection. `sh` reads this text from its standard input, and after it the requests:
# calls of krun_run and krun_answer. The programs that a request runs never get hold of that stream.
# The line before this text sets krun_session to a word that nobody can guess.
# shellcheck shell=sh

LC_ALL=C
export LC_ALL
# sudo's secure_path and sshd's default path leave these out on some systems.
for krun_place in /usr/local/sbin /usr/local/bin /usr/sbin /sbin; do
    case :$PATH: in
        *":$krun_place:"*) ;;
        *) PATH=$PATH:$krun_place ;;
    esac
done
export PATH
krun_number=0
krun_newline='
'
# These shells write what they print line by line.
krun_by_line=${BASH_VERSION-}${KSH_VERSION-}${ZSH_VERSION-}

# Prints this shell's process id, its process group, and the time it was started at: ids are used again.
krun_who_am_i() {
    IFS= read -r krun_stat <"/proc/$$/stat" || :
    # shellcheck disable=SC2086 # split into its fields, behind the name in parentheses
    set -- ${krun_stat##*) }
    echo "$$ $3 ${20}"
}

# Makes the private directory that output passes through, in memory where there is such a place.
krun_open_directory() {
    for krun_place in /dev/shm "${XDG_RUNTIME_DIR:-/dev/shm}" "${TMPDIR:-/tmp}" /tmp /var/tmp; do
        krun_directory=$krun_place/krun-${krun_session:?}
        if mkdir -m 700 "$krun_directory" 2>/dev/null; then
            # For kill.sh. A full file system shows here.
            if { krun_who_am_i >"$krun_directory/pid"; } 2>/dev/null; then
                return 0
            fi
            rm -rf "$krun_directory"
        fi
    done
    return 1
}

# Removes what earlier requests left in the directory.
krun_sweep() {
    rm -f "$krun_directory"/out.* "$krun_directory"/err.* "$krun_directory"/in.*
}

# Writes the mark that begins an answer, and the standard input of the request.
krun_prepare() {
    krun_out=$krun_directory/out.$krun_number
    krun_err=$krun_directory/err.$krun_number
    krun_in=/dev/null
    { printf '%s' "$1" >"$krun_out"; } 2>/dev/null || return 1
    if [ -n "$2" ]; then
        krun_in=$krun_directory/in.$krun_number
        # The input is a printf format, so that it can hold any byte.
        # shellcheck disable=SC2059
        { printf "$2" >"$krun_in"; } 2>/dev/null || return 1
    fi
}

# krun_run BEGIN SCRIPT ENVIRONMENT INPUT [ARGUMENT…]: runs a script in a subshell. Comes in braces, so that half a call is none.
krun_run() {
    krun_begin=$1 krun_script=$2 krun_environment=$3 krun_input=$4
    shift 4
    krun_number=$((krun_number + 1))
    # The directory may have been removed behind our back (systemd's RemoveIPC does that).
    if ! krun_prepare "$krun_begin" "$krun_input"; then
        # With it go the answers that a chain has gathered.
        krun_gone=yes
        rm -rf "$krun_directory"
        if ! krun_open_directory || ! krun_prepare "$krun_begin" "$krun_input"; then
            krun_status=no-room-before
            return
        fi
    fi
    # Appending, so that a child left behind in the background cannot write over the end of the answer.
    (
        eval "$krun_environment"
        unset krun_session krun_environment krun_input
        eval "$krun_script"
    ) <"$krun_in" >>"$krun_out" 2>>"$krun_err"
    krun_status=$?
    # The input may hold secrets.
    [ "$krun_in" = /dev/null ] || : >"$krun_in"
}

# Sets krun_size to the length of the file behind standard output, which has just been appended to; 0 when it is unknown.
krun_measure() {
    krun_size=0
    read -r krun_line krun_size </proc/self/fdinfo/1 || krun_size=0
}

# krun_recall FILE: sets krun_text to a short answer, for which to start a program would cost more than all the rest of it.
# False when its length, krun_size, is more, or when a shell cannot hold it as it is: it drops NUL characters, say.
krun_recall() {
    [ "$krun_size" -gt 0 ] && [ "$krun_size" -le 1000 ] || return 1
    krun_text=
    while IFS= read -r krun_line; do
        krun_text=$krun_text$krun_line$krun_newline
        [ -z "$krun_by_line" ] || break
    done <"$1"
    [ "${#krun_text}" -eq "$krun_size" ] || return 1
    case $krun_text in
        *[![:print:][:space:]]*) return 1 ;;
    esac
}

# krun_answer END: sends the answer. The shell reads END only after the script has ended, so the script's output cannot
# hold it; and all is sent by one write, as sshd would hold back a second one until the first is acknowledged.
krun_answer() {
    krun_write_end "$1"
    krun_send "$1" || exit 1
}

# Writes what comes behind the script's output.
krun_write_end() {
    if [ "$krun_status" != no-room-before ]; then
        if [ -s "$krun_err" ]; then
            {
                printf '%s' "$1" && cat "$krun_err" && printf '%s%s\n' "$1" "$krun_status" && krun_measure
            } 2>/dev/null >>"$krun_out"
        else
            { printf '%s%s%s\n' "$1" "$1" "$krun_status" && krun_measure; } 2>/dev/null >>"$krun_out"
        fi || krun_status=no-room-after
    fi
}

krun_send() {
    krun_failed=''
    case $krun_status in
        no-room-*)
            printf '%s%s%s%s%s\n' "$krun_begin" "$1" "$krun_directory" "$1" "$krun_status" || krun_failed=yes
            ;;
        *)
            if krun_recall "$krun_out" 2>/dev/null; then
                krun_sent=$krun_text
                printf '%s' "$krun_text" || krun_failed=yes
            else
                cat "$krun_out" || krun_failed=yes
            fi
            ;;
    esac
    unset krun_text krun_line
    [ -z "$krun_failed" ]
}

# Chains: requests that are sent together. krun_course says how one goes on: go, looks (nothing acts any more), ended.
# Its answers are gathered in a file and sent by one write at the end, for the same reason as one answer is; whoever does
# not want to wait for the end reads that file through another shell (held.sh).

# krun_chain STEPS FRESH: begins a chain; a fresh one does without the answers of the chains before it.
krun_chain() {
    krun_course=go krun_all='' krun_long='' krun_held='' krun_gone=''
    [ ! -e "$krun_directory/stop" ] || rm -f "$krun_directory/stop"
    [ -z "$2" ] || krun_sweep
    if [ "$1" -gt 1 ] && { : >"$krun_directory/held"; } 2>/dev/null; then
        krun_held=$krun_directory/held
    fi
}

# krun_chain_end: sends the answers: from krun_all, unless one was too long for it.
krun_chain_end() {
    if [ -n "$krun_held" ]; then
        if [ -z "$krun_long" ]; then
            printf '%s' "$krun_all"
        elif [ -n "$krun_gone" ]; then
            exit 1
        else
            cat "$krun_held" || exit 1
        fi
    fi
    krun_all=''
}

# krun_step KIND KEY BEGIN SCRIPT ENVIRONMENT INPUT [ARGUMENT…]: runs a script as krun_run does, if it is to run.
krun_step() {
    krun_kind=$1 krun_key=$2
    shift 2
    # Put there by another shell when the user interrupts the run.
    [ ! -e "$krun_directory/stop" ] || krun_course=ended
    case $krun_course.$krun_kind in
        go.* | looks.look | looks.again) krun_run "$@" ;;
        *) krun_begin=$1 krun_status=not-run ;;
    esac
}

# Whether the answer is, to the byte, the one in the file krun_seen.
krun_is_same() {
    krun_recall "$krun_out" 2>/dev/null || {
        cmp -s "$krun_seen" "$krun_out"
        return
    }
    krun_other=$krun_text
    krun_recall "$krun_seen" 2>/dev/null && [ "$krun_text" = "$krun_other" ]
}

# krun_told END: answers a step, and decides how the chain goes on.
krun_told() {
    krun_said=
    if [ "$krun_status" = not-run ]; then
        krun_said=not-run
    else
        krun_seen=
        if [ "$krun_kind" = again ]; then
            eval "krun_seen=\${krun_look_$krun_key:-}"
        fi
        [ "$krun_kind" = act ] || eval "krun_look_$krun_key=\$krun_out"
        krun_ran=$krun_status
        krun_write_end "$1"
        if [ -n "$krun_seen" ] && [ "$krun_status" = "$krun_ran" ] && krun_is_same; then
            krun_said=same
        fi
    fi
    if [ -n "$krun_held" ] && ! { krun_tell "$1" >>"$krun_held"; } 2>/dev/null; then
        # The file system is full: what is left goes the straight way.
        krun_chain_end
        krun_held='' krun_said='' krun_status=no-room-after
    fi
    [ -n "$krun_held" ] || krun_tell "$1" || exit 1
    case $krun_kind.$krun_said$krun_status in
        act.0 | look.[0-9]* | again.same* | *.not-run*) ;;
        again.[0-9]*) [ "$krun_course" = ended ] || krun_course=looks ;;
        *) krun_course=ended ;;
    esac
}

krun_tell() {
    krun_sent=''
    if [ -n "$krun_said" ]; then
        krun_sent=$krun_begin$1$1$krun_said$krun_newline
        printf '%s' "$krun_sent" || return 1
    else
        krun_send "$1" || return 1
    fi
    if [ -z "$krun_sent" ] || [ "${#krun_all}" -gt 20000 ]; then
        krun_long=yes
    fi
    krun_all=$krun_all$krun_sent
}

# A request that finds no directory tries again and says so.
trap 'rm -rf "$krun_directory"' EXIT
trap 'exit 129' HUP INT TERM PIPE
krun_open_directory || :
