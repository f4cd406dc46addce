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
        (["mine"], "there is no machine 'mine'"),
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
