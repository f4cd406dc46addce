"""`publish:` in machine.yaml: what is refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from provisimus.workspace.definitions.publish import Publish
from provisimus.workspace.problems import parse


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accounts": [111122223333]}, 'write it in quotes: "111122223333"'),
        ({"accounts": ["1"]}, "String should match pattern"),
        ({"regions": ["Ireland"]}, "String should match pattern"),
        ({"kms_key": "acme"}, "'acme' is no KMS key"),
        ({"deprecate_after": "1h"}, "greater than or equal to 86400"),
        (
            {"accounts": ["111122223333"], "kms_key": "alias/aws/ebs"},
            "what alias/aws/ebs encrypts cannot be shared with other accounts",
        ),
        (
            {
                "regions": ["us-east-1"],
                "kms_key": "arn:aws:kms:eu-west-1:111122223333:key/"
                "11111111-2222-3333-4444-555555555555",
            },
            "lives in one region",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(Publish, given)
    assert said in str(caught.value)


@pytest.mark.parametrize("key", ["alias/acme", "mrk-1234abcd", "arn:aws:kms:eu-west-1:1:key/mrk-1"])
def test_keys_of_several_regions(key: str) -> None:
    publish = parse(Publish, {"regions": ["us-east-1"], "kms_key": key})
    assert publish.wanted


def test_nothing_is_asked_for() -> None:
    assert not Publish().wanted
