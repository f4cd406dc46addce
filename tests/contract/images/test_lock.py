"""What is pinned is what is built, and what has moved since is told."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from provisimus.artifacts import open_repositories, publish
from provisimus.cli.app import provisimus
from provisimus.errors import ChecksumMismatch, NotFound, UsageFault
from provisimus.images import debian_versions
from provisimus.images.documents import architecture
from provisimus.images.lock import DockerLock, LockedBase, LockedSnapshot, read_lock, write_lock
from provisimus.images.registry import Registry
from provisimus.images.registry.content import OCI_MANIFEST
from provisimus.model import Coordinates, Digest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Scene

SNAPSHOT = "com.acme:agent:jar:1.1-SNAPSHOT"


class Workspace:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def snapshot(self, text: str) -> Digest:
        """Publish the next file of the SNAPSHOT."""
        path = self.scene.root / "agent.jar"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("text", (2026, 1, 1, 0, 0, 0)), text)
        repository = open_repositories(self.scene.workspace).each[0]
        publish(repository, path, Coordinates("com.acme", "agent", "jar", "", "1.1-SNAPSHOT"))
        return Digest.of(path.read_bytes())

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(provisimus, ["image", *arguments])

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code in (0, 4), done.exception
        return json.loads(done.stdout)

    def rows(self, *arguments: str) -> dict[str, Any]:
        return {each["image"]: each for each in self.json(*arguments)}


@pytest.fixture
def workspace(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (scene.root / "provisimus.yaml").open("a").write(
        'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n'
    )
    scene.image(
        "agent",
        "source: {maven: 'com.acme:agent'}\nversion: 1.1-SNAPSHOT\n",
        "FROM scratch\nCOPY {{ artifact.file }} /\n",
    )
    monkeypatch.chdir(scene.root)
    monkeypatch.setenv("PROVISIMUS_ENV", "ci")
    return Workspace(scene)


def test_a_snapshot_stays_what_it_was(workspace: Workspace) -> None:
    scene = workspace.scene
    first = workspace.snapshot("1")
    assert workspace.run("lock", "--check").exit_code == 4
    assert workspace.rows("lock")["agent"]["why"] == "not pinned: each build takes the newest"
    assert workspace.run("lock", "--update", "agent").exit_code == 0
    assert workspace.run("lock", "--check").exit_code == 0
    pinned = workspace.rows("lock")["agent"]
    assert (pinned["digest"], pinned["size"] > 0) == (str(first), True)
    assert pinned["version"].startswith("agent-1.1-2")
    built = scene.build("agent")
    assert built.labels["provisimus.artifact.sha256"] == first.hex

    second = workspace.snapshot("2")
    assert not scene.plan("agent").changes
    assert workspace.run("outdated", "--exit-code").exit_code == 4
    newer = workspace.rows("outdated")["agent"]
    assert (newer["kind"], newer["now"]) == ("snapshot", pinned["version"])
    assert newer["newer"] > newer["now"]
    assert newer["todo"] == "provisimus image lock --update agent"
    workspace.run("lock", "--update")
    assert scene.build("agent").labels["provisimus.artifact.sha256"] == second.hex
    assert workspace.json("outdated") == []


def test_a_pinned_file_that_is_gone(workspace: Workspace) -> None:
    workspace.snapshot("1")
    workspace.run("lock", "--update", "agent")
    name = read_lock(workspace.scene.workspace.docker).snapshots[SNAPSHOT].file
    workspace.snapshot("2")
    (found,) = workspace.scene.root.rglob(name)
    found.unlink()
    with pytest.raises(NotFound, match="which is there no longer") as caught:
        workspace.scene.plan("agent")
    assert caught.value.hint == "take the newest: provisimus image lock --update"


def test_a_pinned_file_that_is_another(workspace: Workspace) -> None:
    workspace.snapshot("1")
    workspace.run("lock", "--update", "agent")
    folder = workspace.scene.workspace.docker
    lock = read_lock(folder)
    pin = replace(lock.snapshots[SNAPSHOT], sha256=Digest.of(b"other"))
    write_lock(folder, lock.having_snapshot(SNAPSHOT, pin))
    with pytest.raises(ChecksumMismatch, match=r"is not what docker\.lock pins"):
        workspace.scene.plan("agent")


def test_a_further_artifact_is_pinned_too(workspace: Workspace) -> None:
    scene = workspace.scene
    scene.image(
        "greeter",
        "source: {maven: 'com.acme:greeter'}\n"
        "artifacts: {agent: {maven: 'com.acme:agent', version: 1.1-SNAPSHOT}}\n",
        "FROM scratch\nCOPY {{ artifact.file }} {{ artifacts.agent.file }} /\n",
    )
    workspace.snapshot("1")
    workspace.run("lock", "--update", "greeter")
    built = scene.build("greeter", "1.0.0")
    workspace.snapshot("2")
    assert not scene.plan("greeter", "1.0.0").changes
    assert workspace.rows("outdated")["greeter"]["what"] == SNAPSHOT
    workspace.run("lock", "--update", "greeter")
    assert scene.build("greeter", "1.0.0").fingerprint != built.fingerprint


def test_pins_of_nothing_are_told_and_taken_out(workspace: Workspace) -> None:
    folder = workspace.scene.workspace.docker
    workspace.snapshot("1")
    pin = LockedSnapshot("old.jar", Digest.of(b""), 1, "releases", "a" * 40)
    base = LockedBase(Digest.of(b"f"), Digest.of(b"d"), Digest.of(b"c"), 3, 12)
    lock = DockerLock({"gone": base}, {"a:b:jar:1-SNAPSHOT": pin})
    write_lock(folder, lock)
    assert read_lock(folder) == lock
    rows = workspace.rows("lock")
    assert rows["gone"]["why"] == rows["a:b:jar:1-SNAPSHOT"]["why"] == "no image refers to it"
    assert workspace.run("lock", "--check").exit_code == 4
    workspace.run("lock", "--update")
    after = read_lock(folder)
    assert (list(after.bases), list(after.snapshots)) == ([], [SNAPSHOT])


def test_wrong_questions(workspace: Workspace) -> None:
    for arguments in (["--update", "--check"], ["agent"], ["--update", "greeter"]):
        assert isinstance(workspace.run("lock", *arguments).exception, UsageFault)


@pytest.fixture
def vendor(tmp_path: Path, serve_registry: Serve) -> Iterator[Registry]:
    with serve_registry(tmp_path, {}) as url:
        yield Registry(url)


def put_tag(registry: Registry, text: str) -> Digest:
    config = registry.put_blob("tool", json.dumps({"text": text}).encode())
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(config.digest),
            "size": config.size,
        },
        "layers": [],
    }
    return registry.put_manifest("tool", "1.7", OCI_MANIFEST, json.dumps(body).encode())


def test_a_vendors_tag_that_moved(workspace: Workspace, vendor: Registry) -> None:
    old = put_tag(vendor, "old")
    name = f"{vendor.host}/tool:1.7"
    workspace.scene.image("tool", f"version: '1'\nsource: {{image: '{name}@{old}'}}\n")
    workspace.snapshot("1")
    locked = workspace.rows("lock")["tool"]
    assert (locked["version"], locked["digest"], locked["where"]) == ("1.7", str(old), "manifest")
    assert workspace.json("outdated") == []
    new = put_tag(vendor, "new")
    told = workspace.rows("outdated")["tool"]
    assert (told["now"], told["newer"]) == (str(old), str(new))
    assert told["todo"] == f"write {name}@{new} into its manifest"
    gone = f"127.0.0.1:1/tool:1.7@{old}"
    workspace.scene.image("tool", f"version: '1'\nsource: {{image: '{gone}'}}\n")
    away = workspace.rows("outdated")["tool"]
    assert away["newer"] == ""
    assert away["todo"].startswith("nothing answers at http://127.0.0.1:1")


def test_a_newer_release(workspace: Workspace) -> None:
    workspace.scene.publish("1.0.1")
    workspace.scene.publish("1.1.0-rc1")
    manifest = workspace.scene.root / "docker/greeter/manifest.yaml"
    manifest.write_text("version: 1.0.0\n" + manifest.read_text())
    told = workspace.rows("outdated")["greeter"]
    assert (told["kind"], told["now"], told["newer"]) == ("maven", "1.0.0", "1.0.1")


def test_a_range_of_releases_is_followed_and_nothing_is_built_from_it(workspace: Workspace) -> None:
    workspace.scene.publish("1.0.1")
    workspace.scene.publish("2.0.0")
    manifest = workspace.scene.root / "docker/greeter/manifest.yaml"
    before = "version: 1.0.0\n" + manifest.read_text()
    manifest.write_text(before)
    assert workspace.rows("outdated")["greeter"]["newer"] == "2.0.0"
    wanted = workspace.scene.plan("greeter").fingerprint
    manifest.write_text(before.replace("greeter'", "greeter', follow: '[1.0,1.1)'"))
    assert workspace.rows("outdated")["greeter"]["newer"] == "1.0.1"
    assert workspace.scene.plan("greeter").fingerprint == wanted
    manifest.write_text(before.replace("greeter'", "greeter', follow: '[1.0,'"))
    assert "no range of versions" in workspace.rows("outdated")["greeter"]["todo"]


STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"


def test_newer_debian_packages(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import io, sys, tarfile\n"
        f"data = {STATUS.encode()!r}\n"
        "target = next(each for each in sys.argv if each.endswith('layer.tar'))\n"
        "with open(target, 'wb') as out, tarfile.open(fileobj=out, mode='w|') as archive:\n"
        "    info = tarfile.TarInfo('./var/lib/dpkg/status')\n"
        "    info.size = len(data)\n"
        "    archive.addfile(info, io.BytesIO(data))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    lists = tmp_path / "lists"
    lists.mkdir()
    monkeypatch.setattr(debian_versions, "LISTS", lists)
    workspace.scene.image(
        "jre", 'version: "17"\nsource: {debian: {suite: bookworm, packages: [libc6]}}\n'
    )
    assert workspace.rows("lock")["jre"]["why"] == "never built"
    workspace.scene.build("jre")
    locked = workspace.rows("lock")["jre"]
    assert (locked["why"], locked["source"]) == ("", "Debian bookworm: libc6")
    assert locked["size"] > 0

    assert "no package lists of bookworm" in workspace.rows("outdated")["jre"]["todo"]
    name = f"deb.debian.org_debian_dists_bookworm_main_binary-{architecture()}_Packages"
    (lists / name).write_text("Package: libc6\nVersion: 2.36-9\n")
    assert "jre" not in workspace.rows("outdated")
    (lists / name.replace("bookworm", "bookworm-security")).write_text(
        "Package: libc6\nVersion: 2.36-9+deb12u14\n"
    )
    told = workspace.rows("outdated")["jre"]
    assert (told["what"], told["now"], told["newer"]) == ("libc6", "2.36-9", "2.36-9+deb12u14")
    workspace.run("lock", "--update", "jre")
    assert workspace.rows("lock")["jre"]["why"] == "let go; the next build makes it anew"
    workspace.scene.image(
        "jre", 'version: "17"\nsource: {debian: {suite: bookworm, packages: [dash]}}\n'
    )
    assert workspace.rows("lock")["jre"]["why"] == "its packages changed since it was built"
