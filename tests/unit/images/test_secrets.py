"""Build secrets by value: what a Dockerfile mounts, what a manifest must say, what is blanked."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import InvalidDefinitions, NotFound, Refused, ToolFailed
from provisimus.images.builders import Need, buildah, docker, needs_of
from provisimus.images.secrets import (
    LARGEST,
    BuildSecret,
    blanked,
    declared_secrets,
    read_secrets,
    refuse_secrets,
    secret_ids,
    without_secrets,
)
from provisimus.images.tree import open_layer
from provisimus.workspace import open_workspace

if TYPE_CHECKING:
    from provisimus.workspace.definitions.image import ImageManifest


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("RUN a", set()),
        (
            "RUN --mount=type=secret,id=a --mount=type=cache,target=/c --mount=id=b,type=secret x",
            "ab",
        ),
        ("RUN --network=none \\\n  --mount=type=secret,id=a \\\n # why\n  x", "a"),
        ("run --mount=type=secret,target=/root/.npmrc x", {".npmrc"}),
        ("RUN echo --mount=type=secret,id=a", set()),
        ("COPY <<E /x\nRUN --mount=type=secret,id=a x\nE\nRUN b", set()),
        # What our lexer does not understand is looked at by lines.
        ("# escape=`\nFROM x\nRUN --mount=type=secret,id=a x", "a"),
        ("UNKNOWN x\nRUN --mount=type=secret,id=a \\\n --mount=type=secret,id=b x", "ab"),
    ],
)
def test_what_a_dockerfile_mounts(text: str, ids: set[str] | str) -> None:
    assert secret_ids(text) == set(ids)


@pytest.mark.parametrize("mount", ["type=secret,id=a", "id=a,type=secret", '"type=secret",id=a'])
def test_the_need_of_a_builder(mount: str) -> None:
    assert needs_of(f"FROM x\nRUN --mount={mount} y\n") == {Need.RUN_FLAGS, Need.SECRETS}


def test_no_argument_holds_a_value(tmp_path: Path) -> None:
    secrets = [
        BuildSecret("token", env="DEPLOY_TOKEN", value=b"very secret"),
        BuildSecret("settings", path=Path("/home/ci/settings.xml"), value=b"very secret"),
    ]
    assert "very" not in repr(secrets)
    assert docker.build_argv(Path("/w"), secrets) == [
        *("build", "--force-rm"),
        "--secret=type=env,id=token,env=DEPLOY_TOKEN",
        "--secret=type=file,id=settings,src=/home/ci/settings.xml",
        *("--file", "/w/Dockerfile", "--iidfile", "/w/id", "/w/context"),
    ]
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    argv = buildah.build_argv(tmp_path, "name", secrets)
    assert [each for each in argv if "secret" in each] == [
        "--secret=type=env,id=token,env=DEPLOY_TOKEN",
        "--secret=type=file,id=settings,src=/home/ci/settings.xml",
    ]


def manifest(root: Path, text: str) -> ImageManifest:
    (root / "docker/greeter").mkdir(parents=True, exist_ok=True)
    (root / "docker/greeter/manifest.yaml").write_text(text)
    (root / "provisimus.yaml").write_text("project: acme\n")
    return open_workspace(root).image("greeter")


def test_declared_and_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ci")
    said = manifest(
        tmp_path, "secrets:\n  a: {env: A}\n  b: {file: ~/b}\n  c: {file: c}\n  d: {env: UNUSED}\n"
    )
    text = "RUN --mount=type=secret,id=b --mount=type=secret,id=a --mount=type=secret,id=c x"
    folder = tmp_path / "docker/greeter"
    assert declared_secrets(said, text, folder, tmp_path) == (
        BuildSecret("a", env="A"),
        BuildSecret("b", path=Path("/home/ci/b")),
        BuildSecret("c", path=tmp_path / "c"),
    )
    assert declared_secrets(said, "RUN x", folder, tmp_path) == ()


def test_faults_of_declarations(tmp_path: Path) -> None:
    said = manifest(tmp_path, "secrets:\n  a: {file: docker/greeter/a}\n")
    text = "RUN --mount=type=secret,id=a --mount=type=secret,id=b x"
    with pytest.raises(InvalidDefinitions) as caught:
        declared_secrets(said, text, tmp_path / "docker/greeter", tmp_path)
    assert [(each.line, each.key, each.message, each.hint) for each in caught.value.problems] == [
        (
            2,
            "secrets/a/file",
            "the file lies in the image's folder, which is its context",
            "keep secrets outside, best of all outside of the repository",
        ),
        (
            1,
            "secrets",
            "the Dockerfile mounts the secret 'b', which is not declared",
            "add secrets: {b: {env: NAME}}, or {file: ~/path}, to the manifest",
        ),
    ]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{}", "say exactly one of env, file"),
        ("{env: A, file: b}", "say exactly one of env, file"),
        ("{env: A-B}", "string should match pattern"),
        ("{file: 'a,b'}", "string should match pattern"),
    ],
)
def test_faults_of_a_source(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises(InvalidDefinitions) as caught:
        manifest(tmp_path, f"secrets:\n  token: {source}\n")
    assert why in caught.value.problems[0].message
    assert caught.value.problems[0].key.startswith("secrets/token")


def test_missing_ones_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    wanted = [
        BuildSecret("a", env="A"),
        BuildSecret("b", env="B"),
        BuildSecret("c", path=tmp_path / "none"),
        BuildSecret("d", path=tmp_path / "empty"),
        BuildSecret("e", path=tmp_path / "large"),
        BuildSecret("f", env="F"),
    ]
    with pytest.raises(NotFound) as caught:
        read_secrets(wanted, tmp_path, {"B": "", "F": "value"})
    assert caught.value.message == (
        "a secret that the build needs is not here: a (the variable A: it is not set), "
        f"b (the variable B: it is empty), c (the file {tmp_path}/none: No such file or "
        f"directory), d (the file {tmp_path}/empty: it is empty), e (the file {tmp_path}/large: "
        "it has more than 500 KiB, which no builder takes)"
    )
    [found] = read_secrets(wanted[-1:], tmp_path, {"F": "value"})
    assert found.value == b"value"


def test_what_is_blanked() -> None:
    secret = BuildSecret("a", value=b"  first line\nfirst line, longer\n}\n")
    assert blanked("x first line, longer y } first line", [secret]) == "x ••• y } •••"
    failed = ToolFailed("buildah failed: first line", status=2, tail=("a first line",), hint="h")
    hidden = without_secrets(failed, [secret])
    assert (hidden.message, hidden.status, hidden.tail, hidden.hint) == (
        "buildah failed: •••",
        2,
        ("a •••",),
        "h",
    )


def layer(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("before", [0, 1, (1 << 20) - 5, (1 << 20) * 2 - 1])
def test_a_layer_that_holds_one(before: int) -> None:
    secrets = [BuildSecret("a", value=b"0123456789\n"), BuildSecret("short", value=b"x")]
    data = layer("./.x", b"x" * before + b"0123456789" + b"x" * 20)
    with (
        open_layer([data]) as archive,
        pytest.raises(Refused, match=r"the secret a in the image: /\.x$"),
    ):
        refuse_secrets(archive, secrets)
    with open_layer([layer("x", b"012345678 9x")]) as archive:
        refuse_secrets(archive, secrets)
