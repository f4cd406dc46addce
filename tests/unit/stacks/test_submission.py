"""How templates are handed to CloudFormation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import Refused
from provisimus.stacks.submission import IN_REQUEST, check_size, key_of, submitted, url_of

HERE = Environment("staging", Cloud("eu-west-1"), "127.0.0.1:5000")
LONG = {"Resources": {}, "Metadata": {"Why": "x" * IN_REQUEST}}


def test_a_short_template_goes_with_the_request() -> None:
    assert submitted(HERE, {"Resources": {}}) == {"TemplateBody": '{"Resources":{}}'}


def test_a_long_one_needs_a_bucket_and_says_which_key_names_it() -> None:
    with pytest.raises(Refused, match=r"the template has 512\d\d bytes") as refused:
        check_size(HERE, LONG)
    assert refused.value.hint is not None
    assert "environments: {staging: {templates: BUCKET}}" in refused.value.hint
    assert len(check_size(replace(HERE, templates="acme-templates"), LONG)) > IN_REQUEST


def test_what_no_bucket_helps_is_refused() -> None:
    huge = {"Resources": {}, "Metadata": {"Why": "x" * 1024 * 1024}}
    with pytest.raises(Refused, match="CloudFormation takes 1048576"):
        check_size(replace(HERE, templates="acme-templates"), huge)


def test_where_cloudformation_finds_it() -> None:
    key = key_of(b"template")
    assert key == key_of(b"template") != key_of(b"another")
    assert url_of("eu-west-1", None, "acme", "a.json") == (
        "https://acme.s3.eu-west-1.amazonaws.com/a.json"
    )
    assert url_of("eu-west-1", None, "acme.example", "a.json") == (
        "https://s3.eu-west-1.amazonaws.com/acme.example/a.json"
    )
    assert url_of("cn-north-1", None, "acme", "a.json").endswith(".amazonaws.com.cn/a.json")
    assert url_of("eu-west-1", "http://127.0.0.1:4566", "acme", "a.json") == (
        "http://127.0.0.1:4566/acme/a.json"
    )
