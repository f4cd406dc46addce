from __future__ import annotations

import json

from provisimus.localcloud.cloudformation.saving import Texts
from provisimus.localcloud.cloudformation.stack import Stack, from_plain


def stack(name: str, status: str = "CREATE_COMPLETE") -> Stack:
    return Stack(f"arn:{name}", name, "eu-west-1", "123456789012", created=1.0, status=status)


def test_what_is_saved_is_what_there_is() -> None:
    stacks = [stack("one"), stack("two", "UPDATE_IN_PROGRESS")]
    saved = json.loads(Texts().whole(stacks))
    assert saved["version"] == 1
    assert [from_plain(each) for each in saved["stacks"]] == stacks


def test_a_text_is_made_anew_once_its_stack_is_told_to_have_changed() -> None:
    one, two, texts = stack("one"), stack("two"), Texts()
    first = texts.whole([one, two])
    one.protected = True
    assert texts.whole([one, two]) == first
    texts.changed(one)
    assert json.loads(texts.whole([one, two]))["stacks"][0]["protected"]
    assert texts.whole([two, one]) == Texts().whole([two, one])


def test_what_is_under_way_is_always_made_anew() -> None:
    one, texts = stack("one", "CREATE_IN_PROGRESS"), Texts()
    texts.whole([one])
    one.reason = "because"
    assert json.loads(texts.whole([one]))["stacks"][0]["reason"] == "because"
    one.status = "CREATE_COMPLETE"
    texts.changed(one)
    assert json.loads(texts.whole([one]))["stacks"][0]["status"] == "CREATE_COMPLETE"
