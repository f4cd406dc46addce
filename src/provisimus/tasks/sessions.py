"""Sessions on an instance: what program opens one, as an argument list.

On AWS by Session Manager, which needs no open port and no key; in the local cloud by SSH through a
tunnel of its own, which needs no open port either. Sources: Systems Manager User Guide, "Start a
session"; ssh(1).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provisimus.environment import Environment
from provisimus.errors import UsageFault
from provisimus.process import find_program
from provisimus.workspace.workspace import Workspace

SSH = 22
LABEL = "com.docker.compose"


@dataclass(frozen=True)
class Login:
    """How an instance is logged in to over SSH. `known_hosts` is kept per workspace."""

    instance: str
    host: str
    port: int
    user: str
    identity: Path | None
    known_hosts: Path


def ssh_argv(login: Login, command: Sequence[str] = ()) -> list[str]:
    """Addresses of the local cloud are used again, so a host is known by its instance's id."""
    options = {
        "UserKnownHostsFile": str(login.known_hosts),
        "HostKeyAlias": login.instance,
        "StrictHostKeyChecking": "accept-new",
        "LogLevel": "ERROR",
    }
    return [
        "ssh",
        *("-p", str(login.port)),
        *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
        *(("-i", str(login.identity)) if login.identity else ()),
        *(("-t",) if not command else ()),
        f"{login.user}@{login.host}",
        *(("--", shlex.join(command)) if command else ()),
    ]


def session_argv(instance: str, region: str, command: Sequence[str] = ()) -> list[str]:
    """A session by AWS's Session Manager, with one command or with a shell."""
    argv = ["aws", "ssm", "start-session", "--target", instance, "--region", region]
    if command:
        argv += ["--document-name", "AWS-StartNonInteractiveCommand"]
        # Written short, a comma in it would end it.
        argv += ["--parameters", json.dumps({"command": [shlex.join(command)]})]
    return argv


def logs_command(container: str | None, lines: int, *, follow: bool) -> list[str]:
    """What shows the last lines of an instance's containers, or of one of them, each line after the
    name that its container has in the Compose file.

    The engine is asked, for not every Compose shows what is written to a log group, too.
    """
    filters = [f"{LABEL}.project=bootstrap", *([f"{LABEL}.service={container}"] * bool(container))]
    listed = ["docker", "ps", "--all"]
    listed += [word for each in filters for word in ("--filter", f"label={each}")]
    listed += ["--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}.service"}}}}']
    shown = ["docker", "logs", "--tail", str(lines), *(("--follow",) if follow else ())]
    nothing = shlex.quote(f"there is no container {container or ''}".strip())
    script = (
        f"{shlex.join(listed)} | {{ while read -r id name; do there=yes; "
        f'{shlex.join(shown)} "$id" 2>&1 | sed -u "s/^/$name | /" & done; wait; '
        f'[ "$there" ] || {{ echo {nothing} >&2; exit 1; }}; }}'
    )
    return ["sudo", "sh", "-c", script]


def open_session(
    workspace: Workspace,
    environment: Environment,
    instance: str,
    user: str | None,
    identity: Path | None,
    command: Sequence[str] = (),
) -> list[str]:
    """The program and its arguments. Raises ToolMissing, UsageFault, Unreachable."""
    if environment.local is None:
        find_program("aws", hint="install the AWS CLI and its Session Manager plugin")
        find_program("session-manager-plugin", hint="install the Session Manager plugin")
        return session_argv(instance, environment.cloud.region, command)
    find_program("ssh", hint="apt-get install openssh-client")
    place = environment.local.command("POST", f"instances/{instance}/tunnels/{SSH}")
    known_hosts = workspace.state / "known_hosts"
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    if user is None:
        raise UsageFault(f"{instance} declares no user to log in as", hint="say which: --user NAME")
    login = Login(instance, place["host"], place["port"], user, identity, known_hosts)
    return ssh_argv(login, command)


def user_of(workspace: Workspace, service: str, environment: str) -> str | None:
    """The first user that the service's machine declares."""
    machine = workspace.machine_of(service, environment) if service else None
    users = workspace.machine(machine).users if machine else ()
    return users[0].name if users else None
