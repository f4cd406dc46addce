"""What was found valid is not parsed again, and believed only where it was checked."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.workspace import Workspace, known, marks, open_workspace
from provisimus.workspace.definitions.image import ImageManifest
from provisimus.workspace.definitions.machine import Machine

FILES = {
    "provisimus.yaml": "project: acme\n",
    "docker/greeter/manifest.yaml": 'source: {maven: "a:b"}\nvars: {port: 80}\n'
    "variants: {debug: {vars: {port: 81}}}\n",
    "packer/greeter/machine.yaml": "base: debian-12\nmain: greeter\n"
    "containers: {greeter: {ports: {80: 8080}, cpus: 2}}\n"
    "users: [{name: ops, ssh_keys: [ssh-ed25519 AAAA], expires: 2030-01-02}]\n",
    "stacks/greeter.yaml": 'version: "1"\nenvironments: {local: {version: "2"}}\n',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were parsed, as they come."""
    found: list[str] = []
    read = marks.read

    def noted(path: Path) -> marks.Document:
        found.append(path.name)
        return read(path)

    monkeypatch.setattr(marks, "read", noted)
    return found


def read_all(root: Path) -> list[object]:
    workspace = open_workspace(root)
    return [
        workspace.project,
        workspace.images(),
        workspace.image("greeter"),
        workspace.image("greeter-debug"),
        workspace.machine("greeter"),
        workspace.stack("greeter"),
        workspace.stack("greeter", "local"),
    ]


def change_kept(root: Path, change: Callable[[str], str]) -> None:
    kept = list((root / ".provisimus/cache/definitions").glob("*.json"))
    assert kept
    for each in kept:
        each.write_text(change(each.read_text()))


def test_a_valid_file_is_parsed_once(root: Path, parsed: list[str]) -> None:
    first = read_all(root)
    assert "provisimus.yaml" in parsed
    parsed.clear()
    second = read_all(root)
    assert parsed == []
    assert second == first
    assert repr(second) == repr(first)


def test_a_changed_file_is_read_anew(root: Path, parsed: list[str]) -> None:
    read_all(root)
    (root / "stacks/greeter.yaml").write_text('version: "3"\n')
    parsed.clear()
    assert open_workspace(root).stack("greeter").version == "3"
    assert parsed == ["greeter.yaml"]


def test_a_file_put_in_its_place_is_read_anew(root: Path, parsed: list[str]) -> None:
    """Checksums alone would not tell what somebody else kept from what was checked here."""
    read_all(root)
    shutil.copytree(root, root / "copy")
    for place in (root / "copy").rglob("*.json"):
        place.write_text(place.read_text().replace("debian-12", "another"))
    path = root / "packer/greeter/machine.yaml"
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    change_kept(root, lambda text: text.replace("debian-12", "another"))
    parsed.clear()
    assert open_workspace(root).machine("greeter").base == "debian-12"
    assert open_workspace(root / "copy").machine("greeter").base == "debian-12"
    assert parsed == ["machine.yaml", "provisimus.yaml", "machine.yaml"]


def test_another_provisimus_reads_anew(
    root: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_workspace(root)
    monkeypatch.setattr(known, "_ours", lambda: "newer")
    parsed.clear()
    open_workspace(root)
    assert parsed == ["provisimus.yaml"]


@pytest.mark.parametrize(
    "value",
    [
        {"os.system": {"command": "touch executed"}},
        {"provisimus.workspace.known.Known": {"folder": "/"}},
        {"provisimus.workspace.definitions.project.Project": {}},
        {"provisimus.workspace.definitions.project.Project": {"project": "x", "more": 1}},
        {"provisimus.workspace.definitions.project.AwsBase": {"ssm": "/a"}},
        {"provisimus.workspace.definitions.project.AwsBase": {}},
        {"tuple": 1},
        {"dict": [[{"dict": []}, 1]]},
        {"date": "soon"},
        {"one": 1, "two": 2},
        {},
        None,
        "project: x",
    ],
    ids=str,
)
def test_what_is_no_definition_is_read_anew(
    root: Path, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    expected = read_all(root)
    change_kept(root, lambda text: json.dumps({**json.loads(text), "value": value}))
    assert read_all(root) == expected
    assert not Path("executed").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"seal": 1}', "[" * 100_000], ids=len)
def test_what_is_not_whole_is_read_anew(root: Path, text: str) -> None:
    expected = read_all(root)
    change_kept(root, lambda _: text)
    assert read_all(root) == expected


def test_where_nothing_can_be_kept_everything_is_read(root: Path) -> None:
    expected = read_all(root)
    shutil.rmtree(root / ".provisimus")
    (root / ".provisimus").write_text("no folder")
    assert read_all(root) == expected


def test_faulty_files_are_not_kept(root: Path) -> None:
    (root / "packer/greeter/machine.yaml").write_text("base: debian-12\n")
    for _ in range(2):
        with pytest.raises(InvalidDefinitions, match="1 problem"):
            open_workspace(root).machine("greeter")
    kept = (root / ".provisimus/cache/definitions").glob("*.json")
    assert not any("Machine" in each.read_text() for each in kept)


def test_what_other_files_make_wrong_is_found_in_one_that_is_known(root: Path) -> None:
    read_all(root)
    (root / "provisimus.yaml").write_text(
        "project: acme\nenvironments: {debug: {provider: local}}\n"
    )
    with pytest.raises(InvalidDefinitions) as caught:
        open_workspace(root).image("greeter")
    assert [(each.line, each.key) for each in caught.value.problems] == [(3, "variants/debug")]
    (root / "provisimus.yaml").write_text("project: acme\n")
    taken = root / "docker/greeter-debug/manifest.yaml"
    taken.parent.mkdir()
    taken.write_text('source: {maven: "a:b"}\n')
    with pytest.raises(InvalidDefinitions) as caught:
        open_workspace(root).image("greeter")
    [problem] = caught.value.problems
    assert problem.message == f"greeter-debug is also what {taken} defines"


def variables(root: Path, text: str) -> dict[str, Any]:
    path = root / "docker/greeter/manifest.yaml"
    if path.read_text() != text:
        path.write_text(text)
    workspace: Workspace = open_workspace(root)
    return workspace.image("greeter").vars


def test_variables_come_back_as_yaml_gave_them(root: Path, parsed: list[str]) -> None:
    text = (
        'source: {maven: "a:b"}\n'
        "vars: {a: 1, b: 1.0, c: true, d: ~, e: '1', f: [1, [2]], g: {1: x, true: y, ~: z},\n"
        '  h: 2030-01-02, i: .inf, j: "\\U0001F600 é", k: !!omap [x: 1], l: 0x10,\n'
        "  tuple: [1], dict: {date: x}}\n"
    )
    first = variables(root, text)
    parsed.clear()
    second = variables(root, text)
    assert parsed == []
    assert repr(second) == repr(first)
    assert second["h"] == date(2030, 1, 2)
    assert second["k"] == [("x", 1)]


@pytest.mark.parametrize(
    "value",
    ["2030-01-02 03:04:05", "!!set {a, b}", "!!binary aGVsbG8=", "0x" + "f" * 5000],
    ids=lambda value: value[:9],
)
def test_what_json_does_not_hold_is_read_anew_each_time(
    root: Path, value: str, parsed: list[str]
) -> None:
    text = f'source: {{maven: "a:b"}}\nvars: {{x: {value}}}\n'
    first = variables(root, text)
    parsed.clear()
    second = variables(root, text)
    assert parsed == ["manifest.yaml"]
    assert type(second["x"]) is type(first["x"])


def test_what_is_kept_is_a_definition_again(root: Path) -> None:
    for _ in range(2):
        workspace = open_workspace(root)
        machine, image = workspace.machine("greeter"), workspace.image("greeter")
        assert type(machine) is Machine
        assert type(image) is ImageManifest
        assert machine.containers["greeter"].ports == {80: 8080}
        assert machine.users[0].expires == date(2030, 1, 2)
        assert repr(machine.containers["greeter"].cpus) == "2.0"
