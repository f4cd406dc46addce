# shellcheck shell=bash
# How the scripts speak: headings, steps with their time, long noise kept in a log.
# Sourced; sets LOGS (a folder) unless the script did.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LOGS=${LOGS:-$ROOT/.tools/log}

# Some machines forbid bytecode (containers made for Python often do). Then each of the hundreds of
# processes of a test compiles its libraries anew: `provisimus --help` 0.11 s of processor instead of 0.06,
# `release` with nothing to do 1.9 s instead of 0.8.
unset PYTHONDONTWRITEBYTECODE

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi

now() { echo "${EPOCHREALTIME/[.,]/}"; }

# since MICROSECONDS: how long ago that was, as "12.3 s" or "2 min 05 s".
since() {
    local tenths=$((($(now) - $1) / 100000))
    if ((tenths < 1200)); then
        echo "$((tenths / 10)).$((tenths % 10)) s"
    else
        printf '%d min %02d s\n' $((tenths / 600)) $((tenths / 10 % 60))
    fi
}

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s\n' "  $*"; }
done_in() { printf '  %s✓%s %s %s(%s)%s\n' "$green" "$plain" "$1" "$dim" "$(since "$2")" "$plain"; }
there() { printf '  %s✓%s %s\n' "$green" "$plain" "$1"; }
fail() {
    printf '%s✗ %s%s\n' "$red" "$1" "$plain" >&2
    shift
    [[ $# -eq 0 ]] || printf '  %s\n' "$@" >&2
    exit 1
}

# quietly LABEL COMMAND…: run it with its noise in a log; show progress meanwhile, its last lines
# when it fails. The command stays in the foreground, so that Ctrl-C reaches it.
quietly() {
    local label=$1 began log status=0 ticker
    shift
    mkdir -p "$LOGS"
    log=${label//[^A-Za-z0-9]/-}
    log=$LOGS/${log:0:100}.log  # a bare machine lacks so much that all of it is no name of a file
    began=$(now)
    _tick "$label" "$log" "$began" &
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    [[ ! -t 1 ]] || printf '\r\e[K'
    if ((status == 0)); then
        done_in "$label" "$began"
        return
    fi
    printf '  %s✗ %s%s (%s), exit code %d; its last lines:\n' \
        "$red" "$label" "$plain" "$(since "$began")" "$status" >&2
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    printf '    all of it: %s\n' "$log" >&2
    return "$status"
}

_tick() {
    local line pause=1 width=$((${COLUMNS:-100} - 30))
    [[ -t 1 ]] || pause=30
    while sleep "$pause"; do
        line=$(tail -c 400 "$2" 2>/dev/null | tr -d '\000-\010\013-\037' | grep -av '^ *$' | tail -n 1)
        if [[ -t 1 ]]; then
            printf '\r\e[K  … %s %s(%s) %.*s%s' "$1" "$dim" "$(since "$3")" "$width" "$line" "$plain"
        else
            printf '  … %s (%s) %.*s\n' "$1" "$(since "$3")" "$width" "$line"
        fi
    done
}
