"""Images by their names: folders, variants, and what must not be keyed by environment."""
# ruff: noqa: E501 - messages are compared whole

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from provisimus.errors import InvalidDefinitions, NotFound
from provisimus.workspace import Workspace, open_workspace
from provisimus.workspace.check import check
from provisimus.workspace.images import ImagePlace

PROJECT = """\
project: acme
environments:
  local: {provider: local}
  staging: {provider: aws, account: "111122223333", region: eu-west-1}
  production: {provider: aws, account: "444455556666", region: eu-west-1}
"""
GREETER = """\
source: {maven: "com.acme:greeter"}
vars: {port: 8080, opts: []}
labels: {team: blue}
tests: [{run: [java, -version]}]
variants:
  debug:
    vars: {opts: [-Xdebug]}
    labels: {kind: debug}
    artifacts: {agent: {maven: "com.acme:agent", version: "2"}}
  alpine-slim: {dockerfile: Dockerfile.slim.j2, tests: [], layers: auto}
"""


def workspace(root: Path, **manifests: str) -> Workspace:
    (root / "provisimus.yaml").write_text(PROJECT)
    for name, text in manifests.items():
        folder = root / "docker" / name.replace("_", "-")
        folder.mkdir(parents=True)
        (folder / "manifest.yaml").write_text(text)
    return open_workspace(root)


def problems(root: Path, **manifests: str) -> list[tuple[str, int | None, str, str, str | None]]:
    return [
        (str(Path(each.file).relative_to(root)), each.line, each.key, each.message, each.hint)
        for each in check(workspace(root, **manifests))[0]
    ]


def test_a_variant_is_an_image_of_its_own(tmp_path: Path) -> None:
    found = workspace(tmp_path, greeter=GREETER, jre='version: "17"\n')
    assert found.images() == ["greeter", "greeter-alpine-slim", "greeter-debug", "jre"]
    assert found.image_folders() == ["greeter", "jre"]
    plain, debug, slim = map(found.image, ("greeter", "greeter-debug", "greeter-alpine-slim"))
    assert debug.source == slim.source == plain.source
    assert (debug.vars, slim.vars) == ({"port": 8080, "opts": ["-Xdebug"]}, plain.vars)
    assert debug.labels == {"team": "blue", "kind": "debug"}
    assert (debug.tests, slim.tests) == (plain.tests, ())
    assert (debug.dockerfile, slim.dockerfile) == (None, "Dockerfile.slim.j2")
    assert (debug.layers, slim.layers) == ("fat", "auto")
    assert [each.maven for each in plain.sources] == ["com.acme:greeter", "com.acme:agent"]
    assert list(plain.artifacts) == [] and list(debug.artifacts) == ["agent"]


def test_a_variant_has_the_version_of_its_folders_stack(tmp_path: Path) -> None:
    found = workspace(tmp_path, greeter=GREETER)
    assert found.declared_version("greeter-debug") is None
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/greeter.yaml").write_text("version: 1.2.3\n")
    assert found.declared_version("greeter-debug") == "1.2.3"


def test_an_unknown_variant_has_a_neighbour(tmp_path: Path) -> None:
    found = workspace(tmp_path, greeter=GREETER)
    for name in ("greeter-debgu", "greter-debug"):
        with pytest.raises(NotFound, match=f"no image '{name}'") as caught:
            found.image(name)
        assert caught.value.hint == "did you mean 'greeter-debug'?"
    assert found.find_image_place("-debug") is None
    assert found.find_image_place("greeter-") is None


def test_a_folder_goes_before_a_variant_of_its_name(tmp_path: Path) -> None:
    taken = {"greeter": GREETER, "greeter_debug": "{}\n"}
    found = workspace(tmp_path, **taken)
    assert found.image_place("greeter-debug") == ImagePlace(found.docker / "greeter-debug")
    assert found.images() == ["greeter", "greeter-alpine-slim", "greeter-debug"]
    with pytest.raises(InvalidDefinitions) as caught:
        found.image("greeter")
    assert [(each.line, each.key, each.hint) for each in caught.value.problems] == [
        (6, "variants/debug", "rename one of them")
    ]
    assert f"greeter-debug is also what {found.docker}/greeter-debug" in str(caught.value)


def test_two_variants_of_one_name(tmp_path: Path) -> None:
    found = workspace(tmp_path, a="variants: {b-c: {}}\n", a_b="variants: {c: {}}\n")
    assert found.images() == ["a", "a-b", "a-b-c"]
    [problem] = check(found)[0]
    assert (problem.key, problem.line) == ("variants/b-c", 1)


def test_faults_of_variants(tmp_path: Path) -> None:
    manifest = (
        "variants:\n  debug:\n    var: {x: 1}\n  other: {dockerfile: ../Dockerfile.j2}\n  BIG: {}\n"
    )
    assert problems(tmp_path, greeter=manifest) == snapshot(
        [
            (
                "docker/greeter/manifest.yaml",
                3,
                "variants/debug/var",
                "this key is not known here",
                "did you mean 'vars'?",
            ),
            (
                "docker/greeter/manifest.yaml",
                4,
                "variants/other/dockerfile",
                "string should match pattern '^Dockerfile[A-Za-z0-9._-]*\\.j2$', not '../Dockerfile.j2'",
                None,
            ),
            (
                "docker/greeter/manifest.yaml",
                5,
                "variants/BIG",
                "'BIG' is no name",
                "use lower-case letters, digits, dots and dashes, 63 at most",
            ),
        ]
    )


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    manifest = "variants:\n  debug: {dockerfile: Dockerfile.debgu.j2}\n"
    found = workspace(tmp_path, greeter=manifest)
    (tmp_path / "docker/greeter/Dockerfile.debug.j2").write_text("FROM scratch\n")
    [problem] = check(found)[0]
    assert (problem.line, problem.key, problem.message, problem.hint) == (
        2,
        "variants/debug/dockerfile",
        "there is no file Dockerfile.debgu.j2 beside it",
        "did you mean 'Dockerfile.debug.j2'?",
    )


def test_nothing_is_by_environment(tmp_path: Path) -> None:
    manifest = """\
vars:
  staging: {port: 8080}
  title: Greeter
tests:
  staging: [{run: [a]}]
variants:
  production: {}
  debug:
    vars: {staging: a, production: b}
    tests:
      - local: {run: [a]}
"""
    assert problems(tmp_path, greeter=manifest) == snapshot(
        [
            (
                "docker/greeter/manifest.yaml",
                2,
                "vars/staging",
                "vars for the environment staging alone",
                "one image, tested once, goes through all environments: give what differs to its container, under environments: in the stack's file",
            ),
            (
                "docker/greeter/manifest.yaml",
                4,
                "tests",
                "tests by environment: staging",
                "one image, tested once, goes through all environments: give what differs to its container, under environments: in the stack's file",
            ),
            (
                "docker/greeter/manifest.yaml",
                7,
                "variants/production",
                "the variant production has the name of an environment",
                "one image, tested once, goes through all environments: give what differs to its container, under environments: in the stack's file",
            ),
            (
                "docker/greeter/manifest.yaml",
                9,
                "variants/debug/vars",
                "vars by environment: staging, production",
                "one image, tested once, goes through all environments: give what differs to its container, under environments: in the stack's file",
            ),
            (
                "docker/greeter/manifest.yaml",
                11,
                "variants/debug/tests/0/local",
                "a test for the environment local alone",
                "one image, tested once, goes through all environments: give what differs to its container, under environments: in the stack's file",
            ),
        ]
    )


@pytest.mark.parametrize(
    "manifest",
    [
        "vars: {staging: 'https://staging.example.org'}\n",
        "vars: {staging: a, title: b, production: c}\n",
        "vars: {urls: {staging: a, production: b}}\n",
        "vars: {port: 1, other: {local: {x: 1}}}\n",
        "vars: {}\ntests: []\n",
        "tests: [{run: [staging]}]\n",
    ],
)
def test_what_only_looks_like_it(tmp_path: Path, manifest: str) -> None:
    assert problems(tmp_path, greeter=manifest) == []
