"""What of machine.yaml concerns the system around the containers: files on it, and what the steps
of the bake read. Pure text.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisimus.workspace.definitions.system import Docker, Journal, System, Time, Updates


def settings(system: System) -> dict[str, str]:
    """Path on the machine to text."""
    made = {"etc/systemd/journald.conf.d/60-provisimus.conf": journal(system.journal)}
    if system.time.servers:
        made |= time_servers(system.time)
    if system.updates.unattended:
        made["etc/apt/apt.conf.d/60provisimus-unattended"] = UNATTENDED
    return made


def journal(wanted: Journal) -> str:
    """journald.conf(5): the oldest entries go when either limit is passed."""
    return f"[Journal]\nSystemMaxUse={wanted.size}M\nMaxRetentionSec={wanted.keep}\n"


def time_servers(wanted: Time) -> dict[str, str]:
    """For systemd-timesyncd and for chrony: bases have the one or the other."""
    return {
        "etc/systemd/timesyncd.conf.d/60-provisimus.conf": (
            f"[Time]\nNTP={' '.join(wanted.servers)}\n"
        ),
        "etc/chrony/sources.d/provisimus.sources": "".join(
            f"server {server} iburst prefer\n" for server in wanted.servers
        ),
    }


# Origins as unattended-upgrades' own configuration on Debian and Ubuntu names them.
UNATTENDED = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Origins-Pattern {
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
    "origin=Ubuntu,archive=${distro_codename}-security";
};
Unattended-Upgrade::Automatic-Reboot "false";
"""


def docker_wanted(docker: Docker) -> Iterator[str]:
    """Lines `engine VERSION` and `compose VERSION` for what is pinned."""
    if docker.engine:
        yield f"engine {docker.engine}"
    if docker.compose:
        yield f"compose {docker.compose}"


def updates_wanted(updates: Updates) -> Iterator[str]:
    """The lines `security` or `all`, and `unattended`."""
    if updates.install != "none":
        yield updates.install
    if updates.unattended:
        yield "unattended"
