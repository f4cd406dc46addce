# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours and ROOT come from say.sh
# The demo as a story: chapters with their time, commands shown as they are typed.

chapter_number=0
chapter_began=
story_began=$(now)
table=()

chapter() {
    _chapter_ends
    chapter_number=$((chapter_number + 1))
    chapter_title=$1
    chapter_began=$(now)
    printf '\n%s%d. %s%s\n' "$bold" "$chapter_number" "$1" "$plain"
}

_chapter_ends() {
    [[ -n $chapter_began ]] || return 0
    table+=("$(printf '%12s  %s' "$(since "$chapter_began")" "$chapter_title")")
    printf '%s  chapter %d took %s%s\n' "$dim" "$chapter_number" "$(since "$chapter_began")" "$plain"
}

say() { printf '\n  %s\n' "$*"; }

# run COMMAND…: show it, run it in the open, say how long it took.
run() {
    local began
    began=$(now)
    printf '\n%s$ %s%s\n' "$bold" "$(_as_typed "$@")" "$plain"
    "$@" </dev/null
    printf '%s  (%s)%s\n' "$dim" "$(since "$began")" "$plain"
}

# The command as one would type it: quotes only where the shell needs them.
_as_typed() {
    local word line=''
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word=${word@Q}
        line+="$word "
    done
    echo "${line% }"
}

the_end() {
    _chapter_ends
    heading "Done in $(since "$story_began")"
    printf '%s\n' "${table[@]}"
    heading "Two versions of one service answered:"
}

interrupted() {
    local status=$?
    ((status == 0)) || printf '\n%s✗ the demo stopped in chapter %d (exit code %d)%s\n%s\n' \
        "$red" "$chapter_number" "$status" "$plain" \
        "  script/demo goes on from here; script/demo --clean removes what it made; logs: .demo/log" >&2
}
