"""With `--json`, stdout holds one JSON document or nothing; an error is the last line on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from tests.unit.cli.test_help import COMMANDS

from provisimus.cli.app import main

WITH_JSON = {
    path: each
    for path, each in COMMANDS.items()
    if any("--json" in one.opts for one in each.params)
}
NEEDS_NO_WORKSPACE = ("provisimus init", "provisimus local ")
"""They begin something where nothing is; here only their wrong usage is looked at."""


def words_of(path: str) -> list[str]:
    """The command with something for each argument and option that it cannot do without."""
    words = path.split()[1:]
    for each in WITH_JSON[path].params:
        if isinstance(each, click.Option) and each.required:
            words += [each.opts[0], _something(each.type)]
        elif isinstance(each, click.Argument) and (each.required or each.nargs == -1):
            words.append(_something(each.type))
    return words


def _something(kind: click.ParamType) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return {"integer": "1", "integer range": "1", "float": "1"}.get(kind.name, "something")


def ended(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as done:
        main(words)
    said = capsys.readouterr()
    return done.value.code, said.out, said.err


def check_told(code: object, out: str, err: str) -> None:
    answer = json.loads(out) if out else None
    if isinstance(answer, dict) and answer.get("healthy") is False:
        # What `doctor` answers on a machine that lacks something.
        assert code == 1
        return
    if code not in (0, 4):
        # What was told before is progress.
        told = json.loads(err.splitlines()[-1])
        assert told["message"]


@pytest.mark.parametrize("path", WITH_JSON)
def test_wrong_usage_is_told_as_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended([*path.split()[1:], "--json", "--no-such-option"], capsys)
    assert (code, out) == (2, "")
    check_told(code, out, err)


@pytest.mark.parametrize(
    "path", [each for each in WITH_JSON if not each.startswith(NEEDS_NO_WORKSPACE)]
)
@pytest.mark.parametrize("project", [None, "project: [\n", "project: acme\n"])
def test_where_nothing_is_and_what_is_named_is_not_there(
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    project: str | None,
) -> None:
    """In an empty folder, in a workspace that cannot be read, in one without any definition."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROVISIMUS_ENV", "nowhere")
    if project:
        (tmp_path / "provisimus.yaml").write_text(project)
    check_told(*ended([*words_of(path), "--json"], capsys))
