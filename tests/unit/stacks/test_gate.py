from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from provisimus.errors import Refused
from provisimus.stacks import gate

SOUND = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
FAULTY = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "red"}}}}


def test_a_template_that_is_not_sound_is_refused_with_what_the_validator_says() -> None:
    gate.check_template(SOUND)
    with pytest.raises(Refused, match="Colour") as refused:
        gate.check_template(FAULTY)
    assert refused.value.hint == "nothing was changed; provisimus stack template prints it"


def test_the_validator_is_loaded_once_for_all_who_ask_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []

    class Engine:
        def __init__(self) -> None:
            made.append(self)

    def library(name: str) -> Any:
        assert name == "cloudformation_validate"
        return SimpleNamespace(CelEngine=Engine)

    gate._loaded.cache_clear()
    monkeypatch.setattr(gate.importlib, "import_module", library)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _: gate._engine(), range(8)))
        assert found == set(made)
        assert len(made) == 1
    finally:
        gate._loaded.cache_clear()


def test_a_logical_id_that_is_too_long_is_told() -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    gate.check_template({"Resources": {"A" * 255: topic}})
    with pytest.raises(Refused, match=r"the logical id A{40}… has 256 characters, 255 at most"):
        gate.check_template({"Resources": {"A" * 256: topic}})
