# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours and ROOT come from say.sh
# What the distribution supplies. A program that is there already, from wherever, is left alone.

# Program or file (a pattern), and the package that brings it.
PROGRAMS=(
    "dockerd docker.io"
    "docker docker.io"
    "iptables iptables"
    "docker-registry docker-registry"
    "qemu-system-x86_64 qemu-system-x86"
    "qemu-img qemu-utils"
    "mmdebstrap mmdebstrap"
    "/usr/share/keyrings/debian-archive-keyring.* debian-archive-keyring"
    "gpg gpg"  # by which mmdebstrap finds Debian's keys where apt trusts another distribution's alone
    "extlinux extlinux"
    "/usr/lib/syslinux/mbr/gptmbr.bin syslinux-common"
    "genisoimage genisoimage"
    "mke2fs e2fsprogs"
    "sgdisk gdisk"
    "sfdisk fdisk"
    "newuidmap uidmap"
    "javac default-jdk-headless"
    "mvn maven"
    "git git"
    "python3 python3"
    "curl curl"
    "ssh openssh-client"
    "busybox busybox-static"
    "ip iproute2"
    "nft nftables"
    "slirp4netns slirp4netns"
    "haproxy haproxy"
    "/usr/lib/postgresql/*/bin/initdb postgresql"
    "shellcheck shellcheck"
)

set_up_packages() {
    local missing=() entry program package
    for entry in "${PROGRAMS[@]}"; do
        read -r program package <<<"$entry"
        _is_there "$program" || missing+=("$package")
    done
    _java_is_recent || missing+=(default-jdk-headless)
    if ((${#missing[@]} == 0)); then
        there "programs of the distribution"
        return
    fi
    _refresh_lists "${missing[@]}"
    # The engine's client is a package of its own in newer releases.
    if ! _is_there docker && _is_packaged docker-cli; then
        missing+=(docker-cli)
    fi
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    _install "${missing[@]}"
}

set_up_packer() {
    local found
    if found=$(PATH="$ROOT/.tools/bin:$PATH" command -v packer); then
        there "Packer: ${found#"$ROOT"/}"
        return
    fi
    if _is_packaged packer; then
        _refresh_lists packer
        _install packer
        return
    fi
    # Newer releases no longer package it; the binary of Debian 12's signed package runs as it is.
    as_root rm -rf "$ROOT/.tools/packer"  # of a run that was interrupted
    quietly "Packer from Debian 12's package" as_root mmdebstrap --variant=extract \
        --include=packer bookworm "$ROOT/.tools/packer"
    mkdir -p "$ROOT/.tools/bin"
    ln -sf ../packer/usr/bin/packer "$ROOT/.tools/bin/packer"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "this needs root, and there is no sudo: $*" >&2
        return 1
    fi
}

_is_there() {
    if [[ $1 == /* ]]; then
        compgen -G "$1" >/dev/null
    else
        PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null
    fi
}

# The file beside the compiler tells its version; asking the compiler would cost half a second.
_java_is_recent() {
    local javac version
    javac=$(readlink -f "$(command -v javac)") || return 1
    version=$(grep -s ^JAVA_VERSION= "${javac%/bin/javac}/release") || version=$(javac -version)
    version=${version//[^0-9.]/}
    ((${version%%.*} >= 17))
}

_is_packaged() {
    [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [0-9] ]]
}

# A fresh machine knows no package before this.
_refresh_lists() {
    command -v apt-get >/dev/null || fail "these are missing: $*" \
        "script/setup knows Debian and Ubuntu; install them by your own system's means"
    if ((EUID != 0)); then
        note "sudo may ask for your password, to install: $*"
        sudo -v || fail "these need root to install: $*"
    fi
    quietly "lists of packages" as_root apt-get update
}

_install() {
    if [[ " $* " == *" postgresql "* ]]; then _no_cluster; fi
    quietly "packages: $*" _apt_install "$@"
    _keep_asleep "$@"
}

# Install without starting what a package would start: policy-rc.d forbids it for the while.
_apt_install() {
    local policy=/usr/sbin/policy-rc.d ours=false status=0
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        ours=true
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@" || status=$?
    if $ours; then as_root rm -f "$policy"; fi
    return "$status"
}

# The local cloud makes clusters of its own; Debian's package would make and start one for everybody.
_no_cluster() {
    local settings=/etc/postgresql-common/createcluster.conf
    [[ ! -e $settings ]] || return 0
    as_root mkdir -p "${settings%/*}"
    echo "create_main_cluster = false" | as_root tee "$settings" >/dev/null
    note "$settings: installing PostgreSQL makes no cluster"
}

# The local cloud runs an engine and a registry of its own: newly installed ones need not run.
_keep_asleep() {
    [[ -d /run/systemd/system ]] || return 0
    local package unit
    for package in "$@"; do
        case $package in
            docker.io) unit="docker.service docker.socket" ;;
            docker-registry) unit=docker-registry.service ;;
            *) continue ;;
        esac
        # shellcheck disable=SC2086  # two units
        as_root systemctl disable --quiet $unit || true
        note "$package is installed and not enabled: the local cloud runs its own"
    done
}
