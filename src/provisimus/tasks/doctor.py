"""Is everything there that the work needs? Looks, and starts nothing.

Each check says what it found, what it is needed for, and what to do where it is missing.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from provisimus.environment import open_environment
from provisimus.errors import ProvisimusError, ToolFailed, ToolMissing
from provisimus.local import from_environment
from provisimus.process import run
from provisimus.workspace.workspace import Workspace

State = Literal["ok", "missing", "optional"]
"""`optional` is not there either, and nothing that is needed here depends on it."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, what it is needed for, what to do about it."""

    name: str
    state: State
    found: str
    needed_for: str
    hint: str | None = None


@dataclass(frozen=True)
class Tool:
    """A program, how it is asked for its version, and where it is needed."""

    program: str
    version: tuple[str, ...]
    needed_for: str
    hint: str
    optional: bool = False


@dataclass(frozen=True)
class RootNeed:
    """What needs root, and why."""

    what: str
    why: str


TOOLS = (
    Tool("git", ("--version",), "the commits in lineage", "apt-get install git"),
    Tool("docker", ("--version",), "building images", "apt-get install docker.io"),
    Tool(
        "packer",
        ("version",),
        "baking machine images",
        "apt-get install packer; where it is not packaged, script/setup puts Debian 12's into "
        ".tools/bin, which belongs into PATH",
    ),
    Tool("java", ("-version",), "the example's service", "apt-get install default-jdk", True),
    Tool(
        "mvn",
        ("--version",),
        "artifact import, the example's service",
        "apt-get install maven",
        True,
    ),
)
LOCAL_TOOLS = (
    Tool(
        "qemu-system-x86_64",
        ("--version",),
        "instances of the local cloud",
        "apt-get install qemu-system-x86",
    ),
    Tool("qemu-img", ("--version",), "disks of the local cloud", "apt-get install qemu-utils"),
    Tool("genisoimage", ("--version",), "user data of instances", "apt-get install genisoimage"),
    Tool("setpriv", ("--version",), "QEMU without root's rights", "apt-get install util-linux"),
    Tool("extlinux", ("--version",), "boot loader of bases", "apt-get install extlinux"),
    Tool("sgdisk", ("--version",), "partitions of bases", "apt-get install gdisk"),
    Tool("mke2fs", ("-V",), "file systems of bases", "apt-get install e2fsprogs"),
    Tool(
        "dockerd",
        ("--version",),
        "a private engine where none answers",
        "apt-get install docker.io",
    ),
    Tool(
        "docker-registry",
        ("--version",),
        "the local registry",
        "apt-get install docker-registry",
    ),
    Tool(
        "mmdebstrap",
        ("--version",),
        "bases and base images from Debian packages",
        "apt-get install mmdebstrap",
    ),
)
ROOT = (
    RootNeed("mmdebstrap", "makes files that belong to root inside a base"),
    RootNeed("a private Docker Engine", "started only where none answers"),
    RootNeed("apt-get", "installs what is missing; script/setup asks sudo for it"),
)


def repository_checks(artifacts: Mapping[str, str]) -> list[Check]:
    """Where credentials for the repositories over HTTP are found. Asks no repository."""
    from provisimus.artifacts.credentials import find_credentials, how_to_sign_in

    checks = []
    for name, location in artifacts.items():
        host = urlsplit(location).hostname
        if not location.startswith(("http://", "https://")) or host is None:
            continue
        needed, hint = f"artifacts in {name}", None
        try:
            found = find_credentials(name, host)
            state: State = "ok" if found else "optional"
            text = f"credentials in {found.source}" if found else "no credentials"
            hint = None if found else how_to_sign_in(name, host)
        except ProvisimusError as error:
            state, text, hint = "missing", f"{error.message} ({error.where})", error.hint
        checks.append(Check(f"repository {name}", state, text, needed, hint))
    return checks


def examine(workspace: Workspace | None, needed: str = "local") -> list[Check]:
    """Everything, in the order of a service's life. Without a workspace: the tools alone.

    Of the environments only `needed` has to answer: nobody holds credentials for all of them.
    """
    local = workspace is None or any(
        each.provider == "local" for each in workspace.project.environments.values()
    )
    checks = [tool_check(each) for each in (*TOOLS, *(LOCAL_TOOLS if local else ()))]
    checks.append(_docker_engine(local=local))
    if local:
        checks.append(_acceleration(workspace))
    if workspace is not None:
        checks += repository_checks(workspace.project.artifacts)
        checks += environments(workspace, needed)
    return checks


def healthy(checks: Iterable[Check]) -> bool:
    return all(each.state != "missing" for each in checks)


def tool_check(tool: Tool, find: Callable[[str], str | None] = shutil.which) -> Check:
    """Whether a program is there, and which version it says it has."""
    path = find(tool.program) or _beside(tool.program)
    if path is None:
        state: State = "optional" if tool.optional else "missing"
        return Check(tool.program, state, "not installed", tool.needed_for, tool.hint)
    try:
        said = run([path, *tool.version], timeout=20)
        version = version_in(said.stdout + said.stderr) or "version unknown"
    except (ToolFailed, ToolMissing) as fault:
        version = f"does not say its version: {fault.message}"
    return Check(tool.program, "ok", f"{version}  {path}", tool.needed_for)


def version_in(text: str) -> str | None:
    """The first thing that looks like a version number in what a program says of itself."""
    found = re.search(r"\d+\.\d+(?:[.\w+~-]*\w)?", text)
    return found[0] if found else None


def environments(workspace: Workspace, needed: str) -> Iterator[Check]:
    """Whether each environment answers with the credentials that are found, in parallel."""
    from concurrent.futures import ThreadPoolExecutor

    names = list(workspace.project.environments)
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield from pool.map(lambda name: _environment(workspace, name, needed), names)


def _environment(workspace: Workspace, name: str, needed: str) -> Check:
    title, why = f"environment {name}", f"--env {name}"
    absent: State = "missing" if name == needed else "optional"
    try:
        environment = open_environment(workspace, name)
        if environment.local is not None:
            if environment.local.status() is None:
                what = "the local cloud is not running"
                return Check(title, "optional", what, why, "provisimus local up")
            return Check(title, "ok", f"answers at {environment.local.endpoint}", why)
        who = environment.cloud.check_account()
    except ProvisimusError as fault:
        return Check(title, absent, fault.message, why, fault.hint)
    return Check(title, "ok", f"{who} in {environment.cloud.region}", why)


def _docker_engine(*, local: bool) -> Check:
    """Whether an engine answers its ping. Only the socket is asked; no client is needed."""
    name, why = "Docker Engine", "building images, images in machine images"
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        version = _engine_version(host)
    except OSError as fault:
        if local and shutil.which("dockerd"):
            found = "none answers; the local cloud starts a private one"
            return Check(name, "ok", found, why)
        return Check(name, "missing", f"none answers at {host}: {fault}", why, "start dockerd")
    return Check(name, "ok", f"{version}  {host}", why)


def _engine_version(host: str) -> str:
    from provisimus.http import httpx

    path = host.removeprefix("unix://")
    transport = httpx.HTTPTransport(uds=path) if host.startswith("unix://") else None
    base = "http://docker" if transport else host.replace("tcp://", "http://")
    try:
        with httpx.Client(transport=transport, base_url=base, timeout=5, trust_env=False) as client:
            return str(client.get("/version").json().get("Version", "version unknown"))
    except (httpx.TransportError, ValueError) as fault:
        raise OSError(str(fault)) from fault


def _acceleration(workspace: Workspace | None) -> Check:
    """What the local cloud found out by booting a kernel; else only what can be seen from here."""
    name, why = "acceleration", "fast instances in the local cloud"
    registry = workspace.project.registry.url if workspace else "127.0.0.1:5000"
    try:
        known = (from_environment(registry).status() or {}).get("acceleration")
    except ProvisimusError:
        known = None
    if known:
        return Check(name, "ok", f"{known.get('name')}: {known.get('why', '')}", why)
    device = Path("/dev/kvm")
    if not device.exists():
        found = "none (/dev/kvm is not there): instances are emulated, four times slower"
        return Check(name, "optional", found, why)
    if not os.access(device, os.R_OK | os.W_OK):
        found = "/dev/kvm may not be opened"
        return Check(name, "optional", found, why, "add yourself to the group kvm")
    found = "/dev/kvm is there; the local cloud trusts it once a kernel has spoken"
    return Check(name, "ok", found, why)


def _beside(program: str) -> str | None:
    # Debian keeps some programs where only root's PATH looks.
    for folder in ("/usr/sbin", "/sbin", "/usr/local/sbin"):
        path = Path(folder) / program
        if os.access(path, os.X_OK):
            return str(path)
    return None
