"""BuildKit inside a Docker Engine, asked over the engine's own API.

For a client without its plugin buildx, which could use the classic builder only. The context goes
as a TAR in the request (`POST /build?version=2`); a session of our own hands over secrets, but no
credentials for a registry and no SSH agent. What runs is told in protobuf (`moby.buildkit.trace`),
of which only the lines of logs and the names of steps are read.

Source: Docker Engine API 1.39 and up, "ImageBuild"; moby/buildkit `control.proto`, StatusResponse.
"""

from __future__ import annotations

import base64
import json
import os
import tarfile
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.errors import ToolFailed, Unreachable
from provisimus.images.builders.docker import build_failed, save_and_remove
from provisimus.images.builders.interface import CONTEXT, DOCKERFILE, OLD_BUILDKIT, Need
from provisimus.images.docker_client import Docker
from provisimus.images.layers import EPOCH
from provisimus.images.registry.credentials import find_credentials
from provisimus.process import TAIL

if TYPE_CHECKING:
    from provisimus.http import httpx
    from provisimus.images.secrets import BuildSecret

OWN = ".provisimus.Dockerfile"
"""The Dockerfile's name in the context that is sent."""

_VERSION = "/v1.40"


@dataclass(frozen=True)
class BuildKit:
    docker: Docker
    address: str
    """The path of the engine's Unix socket."""
    name: str = "BuildKit through the engine"

    @property
    def lacks(self) -> frozenset[Need]:
        # The Dockerfile goes along in the context, where the whole context would take it in.
        older = frozenset() if self.docker.server_version >= 23 else OLD_BUILDKIT
        return older | {Need.WHOLE_CONTEXT}

    def build(
        self,
        folder: Path,
        archive: Path,
        say: Callable[[str], None],
        secrets: Sequence[BuildSecret] = (),
    ) -> None:
        tail: deque[str] = deque(maxlen=TAIL)

        def listen(line: str) -> None:
            tail.append(line)
            say(line)

        image = ""
        fault = ""
        with tempfile.TemporaryFile(dir=folder) as context, self._session(secrets) as session:
            _pack(folder, context)
            context.seek(0)
            for message in self._messages(context, session):
                if message.get("id") == "moby.image.id":
                    image = message["aux"]["ID"]
                elif message.get("id") == "moby.buildkit.trace":
                    for line in trace_lines(base64.b64decode(message["aux"])):
                        listen(line)
                elif "error" in message:
                    fault = str(message["error"])
        if fault or not image:
            said = tuple(line for line in tail if line.strip())
            why = fault or "the engine named no image"
            raise build_failed("docker build", ToolFailed(why, status=1, tail=(*said, why)))
        save_and_remove(self.docker, image, archive)

    @contextmanager
    def _session(self, secrets: Sequence[BuildSecret]) -> Iterator[str]:
        """A second connection, over which the engine asks for secrets; its id, "" for none."""
        if not secrets:
            yield ""
            return
        from provisimus.http import conversing, reaching
        from provisimus.images.builders.session import ASKED, SecretSession

        name = uuid.uuid4().hex
        headers = {
            "connection": "Upgrade",
            "upgrade": "h2c",
            "x-docker-expose-session-uuid": name,
            "x-docker-expose-session-name": "provisimus",
            "x-docker-expose-session-grpc-method": ASKED,
        }
        with (
            reaching("http://docker"),
            engine_client(self.address) as client,
            client.stream("POST", f"{_VERSION}/session", headers=headers) as answer,
        ):
            if answer.status_code != 101:
                said = answer.read().decode(errors="replace").strip()
                raise Unreachable(f"the engine refused a session: {said}")
            ours = SecretSession({each.id: each.value for each in secrets})
            with conversing(answer, ours.receive):
                yield name

    def _messages(self, context: Any, session: str) -> Iterator[dict[str, Any]]:
        from provisimus.http import httpx, reaching

        options = {"version": "2", "dockerfile": OWN, "rm": "1", "forcerm": "1"}
        if session:
            options["session"] = session
        with (
            reaching("http://docker"),
            engine_client(self.address) as client,
            client.stream(
                *("POST", f"{_VERSION}/build"),
                params=options,
                content=iter(lambda: context.read(1 << 20), b""),
                headers={"content-type": "application/x-tar"},
                # A RUN may say nothing for a long time.
                timeout=httpx.Timeout(None, connect=5),
            ) as answer,
        ):
            if answer.status_code != 200:
                said = answer.read().decode(errors="replace").strip()
                raise Unreachable(f"the engine refused to build: {said}")
            for line in answer.iter_lines():
                if line.strip():
                    yield json.loads(line)


def open_buildkit(docker: Docker, registry: str) -> BuildKit | None:
    """None where the engine is not reached over a Unix socket, has no BuildKit, or the registry
    wants credentials, which this way cannot hand over.
    """
    address = socket_of(
        docker.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    )
    if address is None or find_credentials(registry) is not None:
        return None
    with suppress(Unreachable):
        from provisimus.http import reaching

        with reaching("http://docker"), engine_client(address) as client:
            # Engines without BuildKit (Windows, very old ones) do not offer builder version 2.
            offered = client.get("/_ping").headers.get("builder-version")
            if offered == "2" or docker.server_version >= 19:
                return BuildKit(docker, address)
    return None


def socket_of(host: str) -> str | None:
    """The path of an engine's Unix socket from DOCKER_HOST's form."""
    return host.removeprefix("unix://") if host.startswith("unix://") else None


def engine_client(address: str) -> httpx.Client:
    from provisimus.http import httpx, new_client, trusting_nobody

    return new_client(
        "http://docker",
        transport=httpx.HTTPTransport(uds=address, verify=trusting_nobody()),
        trust_env=False,
    )


def trace_lines(data: bytes) -> Iterator[str]:
    """The lines worth telling in one StatusResponse: steps that begin, and what they print."""
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:  # Vertex: name 3, started 5, completed 6
            vertex = dict(_fields(value))
            name = vertex.get(3, b"")
            if 5 in vertex and 6 not in vertex and isinstance(name, bytes):
                text = name.decode(errors="replace")
                if not text.startswith("[internal]"):
                    yield text
        elif number == 3:  # VertexLog: msg 4
            message = dict(_fields(value)).get(4, b"")
            if isinstance(message, bytes):
                yield from message.decode(errors="replace").splitlines()


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message, of the two wire types that are used here."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif key & 7 == 2:
            size, at = _varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at


def _pack(folder: Path, target: Any) -> None:
    def as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        # The same context is the same bytes, which BuildKit then knows.
        member.mtime = EPOCH
        return member

    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        # First a plain header: BuildKit takes what begins with an extended one for a Dockerfile.
        archive.add(folder / DOCKERFILE, OWN, filter=as_root)
        for each in sorted((folder / CONTEXT).iterdir()):
            archive.add(each, each.name, filter=as_root)
