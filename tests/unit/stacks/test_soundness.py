from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisimus.stacks import gate
from provisimus.stacks.soundness import Soundness

SOUND: dict[str, Any] = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
OTHER: dict[str, Any] = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
FAULTY: dict[str, Any] = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "red"}}}
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The templates that the validator was asked about."""
    made: list[object] = []
    real = gate.errors_in

    def counting(template: dict[str, Any]) -> list[str]:
        made.append(template)
        return real(template)

    monkeypatch.setattr("provisimus.stacks.soundness.errors_in", counting)
    return made


def test_what_was_found_sound_is_not_asked_about_again(tmp_path: Path, asked: list[object]) -> None:
    known = Soundness(tmp_path / "templates.json")
    assert known.errors([SOUND, SOUND, OTHER]) == [[], [], []]
    assert asked == [SOUND, OTHER]
    assert known.errors([OTHER, SOUND]) == [[], []]
    assert asked == [SOUND, OTHER]


def test_what_is_not_sound_is_told_each_time(tmp_path: Path, asked: list[object]) -> None:
    known = Soundness(tmp_path / "templates.json")
    for _ in range(2):
        sound, [error] = known.errors([SOUND, FAULTY])
        assert (sound, "Colour" in error) == ([], True)
    assert asked == [SOUND, FAULTY, FAULTY]


def test_what_is_no_longer_there_is_forgotten(tmp_path: Path, asked: list[object]) -> None:
    known = Soundness(tmp_path / "templates.json")
    known.errors([SOUND, OTHER])
    known.errors([OTHER])
    known.errors([SOUND])
    assert asked == [SOUND, OTHER, SOUND]


def test_a_torn_file_is_as_none(tmp_path: Path, asked: list[object]) -> None:
    place = tmp_path / "templates.json"
    for text in ('{"sound": ["', '{"sound": 7}', '{"sound": [7, null]}'):
        place.write_text(text)
        assert Soundness(place).errors([SOUND]) == [[]]
    assert asked == [SOUND] * 3
