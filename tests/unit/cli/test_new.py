"""`provisimus new`: files that `check` finds nothing wrong with, for every type."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from provisimus.cli.app import provisimus
from provisimus.stacks.checking import stack_problems
from provisimus.stacks.types import all_types
from provisimus.workspace import open_workspace
from provisimus.workspace.check import check


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\nbases: {debian-12: {aws: {owner: amazon, name: debian-12-*}}}\n"
        "environments: {local: {provider: local}, production: {provider: local}}\n"
    )
    for folder in ("stacks", "packer/greeter", "docker/greeter"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "packer/greeter/machine.yaml").write_text(
        "base: debian-12\nmain: greeter\nhealth: {http: {port: 8080}}\n"
    )
    (tmp_path / "docker/greeter/manifest.yaml").write_text("{}\n")
    (tmp_path / "docker/greeter/Dockerfile.j2").write_text("FROM scratch\nENTRYPOINT [run]\n")
    return tmp_path


def run(root: Path, *arguments: str) -> str:
    done = CliRunner().invoke(provisimus, [*arguments, "--workspace", str(root)])
    return done.output if done.exception is None else str(done.exception)


@pytest.mark.parametrize("kind", all_types())
def test_what_is_written_is_sound(root: Path, kind: str) -> None:
    machine = "machine" in all_types()[kind].definition.__dataclass_fields__
    more = ["--machine", "greeter"] if machine else []
    said = run(root, "new", "service", "mine", "--type", kind, *more)
    assert said.splitlines()[0] == "stacks/mine.yaml"
    workspace = open_workspace(root)
    assert workspace.stack("mine").type == kind
    assert check(workspace)[0] == []
    assert stack_problems(workspace) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine", "--machine", "greter"], "there is no machine 'greter'"),
        (["mine", "--artifact", "greeter"], "'greeter' names no artifact"),
        (["mine", "--health", "health"], "'health' is no path"),
        (["mine", "--machine", "greeter", "--artifact", "a:b"], "its image says what it runs"),
        (["mine", "--type", "network", "--artifact", "a:b"], "a network runs no machine"),
        (["mine", "--type", "netwrok"], "there is no stack type 'netwrok'"),
        (["mine", "--type", "network", "--machine", "greeter"], "a network runs no machine"),
        (["My", "--type", "network"], "'My' is no name"),
    ],
)
def test_what_cannot_be_written(root: Path, arguments: list[str], said: str) -> None:
    assert said in run(root, "new", "service", *arguments)
    assert list((root / "stacks").iterdir()) == []


def test_nothing_is_overwritten(root: Path) -> None:
    run(root, "new", "service", "main", "--type", "network")
    assert "stacks/main.yaml is there already" in run(
        root, "new", "service", "main", "--type", "dns"
    )


MACHINES = [
    name for name, kind in all_types().items() if "machine" in kind.definition.__dataclass_fields__
]
ARTIFACTS = (None, "com.acme:mine", "com.acme:mine:tar.gz:bin")


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_a_service_of_a_fresh_workspace_is_sound(
    tmp_path: Path, kind: str, artifact: str | None
) -> None:
    CliRunner().invoke(provisimus, ["init", str(tmp_path / "acme")], catch_exceptions=False)
    more = ["--artifact", artifact] if artifact else []
    said = run(
        tmp_path / "acme",
        *("new", "service", "mine", "--type", kind, "--port", "9000", "--health", "/well", *more),
    )
    assert "docker/mine/Dockerfile.j2" in said
    workspace = open_workspace(tmp_path / "acme")
    assert check(workspace)[0] == []
    assert stack_problems(workspace) == []
    health = workspace.machine("mine").health.http
    assert health is not None
    assert (health.port, health.path) == (9000, "/well")
    assert ("jre" in workspace.images()) is (artifact is not None)


def test_an_image_that_is_there_is_taken(root: Path) -> None:
    (root / "packer/greeter/machine.yaml").unlink()
    said = run(root, "new", "service", "greeter")
    assert said.splitlines()[:2] == ["stacks/greeter.yaml", "packer/greeter/machine.yaml"]
    assert (root / "docker/greeter/manifest.yaml").read_text() == "{}\n"


def test_an_environment_that_is_not_there_stands_as_a_comment(root: Path) -> None:
    path = root / "provisimus.yaml"
    path.write_text(path.read_text().replace("production", "live"))
    run(root, "new", "service", "mine", "--type", "network")
    assert "\n# environments:" in (root / "stacks/mine.yaml").read_text()


def test_a_workspace_is_never_begun_twice(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    CliRunner().invoke(provisimus, ["init", str(tmp_path), "--project", "acme"])
    assert open_workspace(tmp_path).name == "acme"
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    done = CliRunner().invoke(provisimus, ["init", str(tmp_path)])
    assert "provisimus.yaml is there already" in str(done.exception)


def test_a_project_needs_a_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(provisimus, ["init", str(tmp_path / "???")])
    assert "is no name" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
