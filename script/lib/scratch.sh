# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours and ROOT come from say.sh
# The demo's workspace, made from examples/acme: three Git repositories, so that commits are real.
# Run again, nothing here is made twice: a version is a tag, and a JAR that its commit made is kept.

EXAMPLE=$ROOT/examples/acme
COORDINATES=com.acme:greeter

make_repositories() {
    local wanted
    wanted=$(cd "$EXAMPLE" && git ls-files -z 2>/dev/null | xargs -0 sha256sum | sha256sum)
    if [[ -f $DEMO/made-from && $(<"$DEMO/made-from") == "$wanted" ]]; then
        there "Git repositories of an earlier run: acme, acme-docker, acme-packer"
        return
    fi
    rm -rf "$DEMO"/acme{,-docker,-packer} "$DEMO/made-from"
    mkdir -p "$DEMO/acme"
    (cd "$EXAMPLE" && git ls-files -z | xargs -0 cp --parents -t "$DEMO/acme")
    mv "$DEMO/acme/docker" "$DEMO/acme-docker"
    mv "$DEMO/acme/packer" "$DEMO/acme-packer"
    printf '\nrepositories: {docker: ../acme-docker, packer: ../acme-packer}\n' \
        >>"$DEMO/acme/provisimus.yaml"
    _commit acme-docker "The images of acme"
    _commit acme-packer "The machines of acme"
    _commit acme "The services and stacks of acme"
    git -C "$DEMO/acme" tag v1.0.0
    echo "$wanted" >"$DEMO/made-from"
    there "three Git repositories in .demo: acme, acme-docker, acme-packer"
}

_commit() {
    local repository=$DEMO/$1
    [[ -d $repository/.git ]] || git init --quiet --initial-branch main "$repository"
    git -C "$repository" add --all
    git -C "$repository" -c user.name=Acme -c user.email=platform@acme.example \
        -c commit.gpgsign=false commit --quiet --message "$2"
}

# What a build pinned belongs to the definitions: left uncommitted, lineage would say "-dirty".
commit_pins() {
    [[ -n $(git -C "$DEMO/acme-docker" status --porcelain) ]] || return 0
    _commit acme-docker "Pin the bases made from Debian packages"
    there "docker.lock is committed: it pins what was made from Debian packages"
}

at_version() {
    git -C "$DEMO/acme" checkout --quiet --force -B main "v$1"
}

make_next_version() {
    local source=services/greeter/src/main/java/com/acme/greeter/Greeter.java
    if git -C "$DEMO/acme" rev-parse --quiet --verify v1.0.1 >/dev/null; then
        at_version 1.0.1
    else
        sed -i 's/GREETING = "Hello"/GREETING = "Good day"/' "$DEMO/acme/$source"
        sed -i 's/<revision>1.0.0</<revision>1.0.1</' "$DEMO/acme/services/greeter/pom.xml"
        _commit acme "Greet in full words"
        git -C "$DEMO/acme" tag v1.0.1
    fi
    run git --no-pager show --format='%h %s' --unified=0 HEAD -- "$source"
}

# What git says of the sources goes into the JAR; the same commit gives the same bytes.
build_jar() {
    local service=$DEMO/acme/services/greeter commit
    commit=$(git -C "$DEMO/acme" rev-parse HEAD)
    if [[ -f $service/target/built-from && $(<"$service/target/built-from") == "$commit" ]]; then
        there "built before from this commit: services/greeter/target"
        return
    fi
    rm -rf "$service/target"
    quietly "mvn package" mvn --batch-mode --file "$service/pom.xml" -Dcommit="$commit" package
    echo "$commit" >"$service/target/built-from"
}

publish_jar() {
    run provisimus artifact publish "services/greeter/target/greeter-$1.jar" \
        --coordinates "$COORDINATES:$1" --commit "$(git rev-parse HEAD)"
}

# One output of the service's stack.
output() {
    provisimus stack outputs greeter --json | python3 -c \
        'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

answer_of() { curl --silent --show-error --fail --max-time 30 "$1"; }

ask() {
    printf '\n%s$ curl %s%s\n%s%s%s\n' "$bold" "$1" "$plain" "$green" "$2" "$plain"
}

write_note() {
    run curl --silent --show-error --fail --max-time 30 --request PUT \
        --data "written while 1.0.0 was running" "${1}notes/first"
}

read_note() {
    local text
    printf '\n%s$ curl %snotes/first%s\n' "$bold" "$1" "$plain"
    text=$(answer_of "${1}notes/first")
    printf '%s%s%s\n' "$green" "$text" "$plain"
    [[ $text == "written while 1.0.0 was running" ]] || fail "the note is not what was written"
}
