"""The documents tell the truth: commands exist, links lead somewhere, no machine is named."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from provisimus.cli.app import COMMANDS, provisimus
from provisimus.workspace import open_workspace
from provisimus.workspace.check import check

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# demo.md is the record of a run; what was typed there did run.
WRITTEN = [path for path in DOCUMENTS if path.name not in ("CHANGELOG.md", "demo.md")]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "document", paths, ids=[str(path.relative_to(ROOT)) for path in paths]
    )


def commands_in(text: str) -> list[list[str]]:
    """The `provisimus …` and `build_docker …` of code blocks and of inline code."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`((?:provisimus|build_docker) [^`]+)`", text)
    words = [line.partition("#")[0].split() for line in [*lines, *inline]]
    return [found for found in words if found and found[0] in ("provisimus", "build_docker")]


@each(WRITTEN)
def test_every_command_in_the_documents_exists(document):
    for words in commands_in(document.read_text()):
        if words[0] == "build_docker":
            continue
        command: click.Command = provisimus
        rest = words[1:]
        context = click.Context(provisimus)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(context, rest[0])
            assert found is not None, f"{document.name}: there is no {' '.join(words)!r}"
            command, rest = found, rest[1:]
        known = {name for each in command.params for name in each.opts} | {"--help", "--version"}
        if "--" in rest:
            rest = rest[: rest.index("--")]  # what comes after is another program's
        options = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        for option in options:
            assert option in known, f"{document.name}: {' '.join(words)!r} has no {option}"


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"provisimus {name}" not in text] == []


@each(DOCUMENTS)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_every_decision_stands_in_the_index():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text()
    notes = sorted(path.name for path in folder.glob("0*.md"))
    assert notes
    assert [name for name in notes if f"({name})" not in index] == []


def test_the_example_workspace_is_sound():
    acme = ROOT / "examples" / "acme"
    problems, count = check(open_workspace(acme))
    assert problems == []
    kinds = ("provisimus.yaml", "docker/*/manifest.yaml", "packer/*/machine.yaml", "stacks/*.yaml")
    assert count == sum(len(list(acme.glob(kind))) for kind in kinds)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a Git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_names_a_package_registry_or_a_place_on_some_machine():
    # Written in pieces, or this file would find itself.
    hosts = ["py" + "pi.org", "pythonho" + "sted.com", "npm" + "js.org", "repo1.ma" + "ven.org"]
    hosts += ["repo.mav" + "en.apache.org", "proxy.go" + "lang.org", "crat" + "es.io"]
    places = ["/ro" + "ot/.py" + "env", "/wo" + "rk/", "/fa" + "rm/", "/bash_" + "jobs"]
    pattern = re.compile(
        "|".join(map(re.escape, hosts))
        + "|"
        + "|".join(rf"(?<![\w.$}}-]){re.escape(place)}" for place in places)
    )
    found = []
    for path in tracked():
        if not path.is_file() or path.is_symlink():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in pattern.findall(text)]
    assert found == []


def test_requirements_hold_hashes_and_no_address():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE), f"{path.name} sets an option"
        pins = re.findall(r"^[a-z][^\\\n]*==[^\\\n]*\\$", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)), (
            f"{path.name}: a pin lacks a hash"
        )


@pytest.mark.parametrize(
    "script", ["script/setup", "script/demo", "script/test", "script/check", ".ci/run"]
)
def test_scripts_can_be_run_and_read(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
