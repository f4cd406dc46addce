"""Credentials are nowhere: no layer, label, configuration, log, event, cache or lock holds one.

Everything that a build wrote and said is searched, compressed or not, for every secret that was
within its reach.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.contract.images.searching import everything_in, leaks

from provisimus.errors import UsageFault
from provisimus.images.registry import open_registry

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Scene

PASSWORD = "marker-registry-7f3a"
HASH = "$2b$04$GT6dQog2PVK2kRqYTtXqPOP2tRzqmXPyrvGyV3VTDpIZfX7zL.ewa"
SECRETS = {
    "of the registry": PASSWORD,
    "of AWS": "marker-aws/secret+9c1d",
    "of AWS's session": "marker-aws-session-1b2e",
    "of the Git remote": "marker-git-55d0",
    "in a variable": "marker-variable-e8a4",
    "of apt's mirror": "marker-apt-mirror-3c77",
}
ENVIRONMENTS = 'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n'


@pytest.fixture
def guarded(tmp_path: Path, serve_registry: Serve) -> Iterator[tuple[str, Path]]:
    """A registry that wants the password, with its folder."""
    folder = tmp_path / "registry"
    folder.mkdir()
    users = tmp_path / "htpasswd"
    users.write_text(f"ci:{HASH}\n")
    auth = {"auth": {"htpasswd": {"realm": "here", "path": str(users)}}, "log": {"level": "debug"}}
    with serve_registry(folder, auth) as url:
        yield url, folder


@pytest.fixture
def variables(guarded: tuple[str, Path], tmp_path: Path) -> dict[str, str]:
    """The environment of a build: every secret is within its reach."""
    url, _ = guarded
    docker = tmp_path / "docker"
    docker.mkdir()
    auth = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
    (docker / "config.json").write_text(json.dumps({"auths": {url: {"auth": auth}}}))
    return {
        **os.environ,
        "DOCKER_CONFIG": str(docker),
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRETS["of AWS"],
        "AWS_SESSION_TOKEN": SECRETS["of AWS's session"],
        "DEPLOY_TOKEN": SECRETS["in a variable"],
        "http_proxy": f"http://ci:{SECRETS['in a variable']}@127.0.0.1:1",
        "PROVISIMUS_ENV": "ci",
    }


@pytest.fixture
def workspace(scene: Scene, guarded: tuple[str, Path], tmp_path: Path) -> Scene:
    scene.write(
        "provisimus.yaml",
        f"project: acme\nregistry: {{url: '{guarded[0]}/team'}}\n{ENVIRONMENTS}",
    )
    scene.url = f"{guarded[0]}/team"
    remote = f"https://ci:{SECRETS['of the Git remote']}@git.example.org/acme.git"
    for arguments in (
        ["init", "-q"],
        ["remote", "add", "origin", remote],
        ["add", "docker", "provisimus.yaml"],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "First"],
    ):
        subprocess.run(["git", *arguments], cwd=scene.root, check=True)
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(STAND_IN.replace("@MIRROR@", SECRETS["of apt's mirror"]))
    program.chmod(0o755)
    scene.image(
        "jre", 'version: "17"\nsource: {debian: {suite: bookworm, packages: [some-package]}}\n'
    )
    return scene


STAND_IN = """\
#!/usr/bin/env python3
import io, os, sys, tarfile
mirror = "https://ci:@MIRROR@@mirror.example.org/debian"
target = next(each for each in sys.argv if each.endswith("layer.tar"))
print("I: downloading packages with apt from", mirror, flush=True)
if os.environ.get("FAIL"):
    print("E: Unable to locate package at", mirror, flush=True)
    sys.exit(25)
with open(target, "wb") as out, tarfile.open(fileobj=out, mode="w|") as archive:
    info = tarfile.TarInfo("./usr/data")
    info.size = 4
    archive.addfile(info, io.BytesIO(b"data"))
"""


def run(
    scene: Scene, variables: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    path = f"{scene.root.parent / 'bin'}{os.pathsep}{variables['PATH']}"
    return subprocess.run(
        [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
        cwd=scene.root,
        env={**variables, "PATH": path},
        capture_output=True,
        check=False,
    )


def test_the_search_finds_what_there_is() -> None:
    for secret in SECRETS.values():
        basic = base64.b64encode(f"ci:{secret}".encode())
        for data in (secret.encode(), b"x" + basic + b"y", quote(secret, safe="").encode()):
            assert leaks({"a file": data}, SECRETS), data


def test_a_build_leaves_no_credentials(
    workspace: Scene, variables: dict[str, str], guarded: tuple[str, Path]
) -> None:
    url, folder = guarded
    said: dict[str, bytes] = {}
    commands = [
        ("image", "build", "greeter@1.0.0", "--sbom", "--events", "ndjson"),
        ("image", "build", "jre", "--events", "ndjson"),
        ("image", "show", "greeter@1.0.0"),
        ("image", "show", "greeter@1.0.0", "--sbom", "--json"),
        ("image", "plan", "greeter@1.0.0", "--json"),
        ("image", "lock"),
        ("image", "outdated"),
    ]
    for command in commands:
        done = run(workspace, variables, *command)
        assert done.returncode == 0, done.stderr.decode()
        said[" ".join(command)] = done.stdout + done.stderr
    assert b"https://mirror.example.org/debian" in said["image build jre --events ndjson"]
    # Failures talk more than successes do.
    run(workspace, variables, "image", "lock", "--update", "jre")
    done = run(workspace, {**variables, "FAIL": "1"}, "image", "build", "jre", "--events", "ndjson")
    assert b"Unable to locate package at https://mirror.example.org" in done.stderr
    said["failed"] = done.stdout + done.stderr
    config = Path(variables["DOCKER_CONFIG"]) / "config.json"
    wrong = base64.b64encode(f"nobody:{PASSWORD}".encode()).decode()
    config.write_text(json.dumps({"auths": {url: {"auth": wrong}}}))
    for command in (("image", "build", "greeter@1.0.0"), ("image", "list", "--json")):
        done = run(workspace, variables, *command)
        assert done.returncode != 0
        assert b"answered 401" in done.stderr + done.stdout
        said["refused: " + " ".join(command)] = done.stdout + done.stderr

    stored = everything_in(folder)
    assert sum("blobs" in name for name in stored) > 8
    # Git keeps its own remote; all else in the workspace is what a build wrote.
    written = {
        name: data
        for name, data in everything_in(workspace.root).items()
        if not name.startswith(".git/")
    }
    assert any("journal" in name for name in written)
    assert any(name.startswith("docker/docker.lock") for name in written)
    assert leaks({**stored, **written, **said}, SECRETS) == []


def test_an_address_with_a_password_is_refused_without_telling_it() -> None:
    for url in (f"https://ci:{PASSWORD}@registry.example.org", f"ci:{PASSWORD}@127.0.0.1:5000/x"):
        with pytest.raises(UsageFault, match="holds credentials") as caught:
            open_registry(url)
        assert leaks({"error": f"{caught.value} {caught.value.hint}".encode()}, SECRETS) == []
