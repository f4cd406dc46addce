"""`artifact …` and `image …` as people call them; nothing runs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisimus.cli.app import provisimus
from provisimus.errors import Conflict, InvalidDefinitions, NotFound, Unreachable, UsageFault


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PROVISIMUS_LOCAL_REGISTRY_PORT", raising=False)
    (tmp_path / "provisimus.yaml").write_text("project: acme\nregistry: {url: '127.0.0.1:1'}\n")
    docker = tmp_path / "docker" / "greeter"
    docker.mkdir(parents=True)
    (docker / "manifest.yaml").write_text("source: {maven: 'com.acme:greeter'}\n")
    (docker / "Dockerfile.j2").write_text("FROM scratch\nCOPY {{ artifact.file }} /app/\n")
    make_jar(tmp_path / "greeter.jar", "hello")
    return tmp_path


def make_jar(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Git-Commit: abcdef0\n")
        archive.writestr("text", text)


def run(folder: Path, *arguments: str) -> Result:
    group, verb, *rest = arguments
    return CliRunner().invoke(provisimus, [group, verb, "-C", str(folder), *rest])


def publish(folder: Path, version: str = "1.0.0") -> Result:
    coordinates = f"com.acme:greeter:{version}"
    return run(
        folder, "artifact", "publish", str(folder / "greeter.jar"), "--coordinates", coordinates
    )


def test_publish_list_show(folder: Path) -> None:
    assert run(folder, "artifact", "list").output == "there is no artifact yet\n"
    assert publish(folder).output.startswith("published com.acme:greeter:jar:1.0.0\n")
    assert "the same bytes" in publish(folder).output
    publish(folder, "1.0.10")
    publish(folder, "1.0.9")
    assert run(folder, "artifact", "list", "com.acme:greeter").output == "1.0.0\n1.0.9\n1.0.10\n"
    listed = json.loads(run(folder, "artifact", "list", "--json").output)
    assert listed == [
        {"group": "com.acme", "artifact": "greeter", "versions": ["1.0.0", "1.0.9", "1.0.10"]}
    ]
    shown = json.loads(run(folder, "artifact", "show", "com.acme:greeter:1.0.0", "--json").output)
    assert (shown["commit"], shown["repository"]) == ("abcdef0", "releases")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("artifact", "show", "com.acme:greeter:2"), NotFound),
        (("artifact", "show", "greeter"), UsageFault),
        (("artifact", "list", "com.acme:nope"), NotFound),
        (("artifact", "list", "greeter"), UsageFault),
        (("artifact", "publish", "nope.jar"), NotFound),
        (("image", "plan", "greeter@1.0.0"), Unreachable),
        (("image", "build", "greeter@1.0.0", "--dry-run"), Unreachable),
        (("image", "plan", "greeter@1.0.1"), NotFound),
        (("image", "plan", "nope@1"), NotFound),
        (("image", "plan", "greeter"), UsageFault),
        (("image", "list"), Unreachable),
        (("image", "build"), UsageFault),
        (("image", "build", "--all", "greeter@1.0.0"), UsageFault),
        (("image", "verify", "greeter@1.0.0"), Unreachable),
        (("image", "lock", "nope", "--update"), NotFound),
        (("image", "lock", "greeter", "--update"), UsageFault),
    ],
)
def test_errors(folder: Path, arguments: tuple[str, ...], error: type[Exception]) -> None:
    publish(folder)
    assert isinstance(run(folder, *arguments).exception, error)


def test_import_and_where_it_is_from(folder: Path) -> None:
    file = str(folder / "greeter.jar")
    arguments = ("--coordinates", "com.v:thing:1", "--origin", "ticket 4711", "--quiet")
    done = run(folder, "artifact", "import", file, *arguments, "--json")
    assert json.loads(done.stdout)["created"] is True
    shown = json.loads(run(folder, "artifact", "show", "com.v:thing:1", "--json").output)
    assert shown["origin"] == "ticket 4711"
    assert "origin       ticket 4711" in run(folder, "artifact", "show", "com.v:thing:1").output
    wrong = run(folder, "artifact", "import", file, "--sha256", "abc", "--quiet")
    assert isinstance(wrong.exception, UsageFault)


def test_a_release_never_changes(folder: Path) -> None:
    publish(folder)
    make_jar(folder / "greeter.jar", "other")
    assert isinstance(publish(folder).exception, Conflict)


def test_the_rendered_dockerfile(folder: Path) -> None:
    publish(folder)
    done = run(folder, "image", "show", "greeter@1.0.0", "--rendered")
    assert done.output == "FROM scratch\nCOPY greeter-1.0.0.jar /app/\n"
    data = json.loads(run(folder, "image", "show", "greeter@1.0.0", "--rendered", "--json").output)
    assert (data["lane"], data["images"]) == ("assemble", [])


def test_a_wrong_template(folder: Path) -> None:
    publish(folder)
    (folder / "docker/greeter/Dockerfile.j2").write_text("FROM scratch\n{{ vars.x }}\n")
    done = run(folder, "image", "show", "greeter@1.0.0", "--rendered")
    assert isinstance(done.exception, InvalidDefinitions)
    assert done.exception.problems[0].line == 2


def test_the_lock(folder: Path) -> None:
    assert run(folder, "image", "lock").output == "nothing that moves is used\n"
    manifest = "version: '1'\nsource: {debian: {packages: [x]}}\n"
    (folder / "docker/greeter/manifest.yaml").write_text(manifest)
    data = json.loads(run(folder, "image", "lock", "--update", "--json").output)
    assert [(each["image"], each["digest"]) for each in data] == [("greeter", "")]
    assert data[0]["why"] == "let go; the next build makes it anew"
    assert (folder / "docker/docker.lock").is_file()


def test_a_plan_of_all_says_what_is_left_out(folder: Path) -> None:
    data = json.loads(run(folder, "image", "plan", "--json").output)
    assert data == {
        "images": [],
        "changes": False,
        "steps": [],
        "left_out": {"greeter": "which version of greeter?"},
    }
    assert "left out: greeter: which version of greeter?" in run(folder, "image", "plan").output
