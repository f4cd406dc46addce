"""Each function by value, and what is only known after the change is applied."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.intrinsics import (
    KNOWN_AFTER_APPLY,
    UNKNOWN_RESOURCE,
    Context,
    ResourceValue,
    evaluate,
    evaluate_conditions,
)

CONTEXT = Context(
    parameters={"Size": "8", "Names": ["a", "b"]},
    pseudo={"AWS::Region": "eu-west-1", "AWS::StackName": "greeter"},
    mappings={"Ports": {"http": {"port": 8080}}},
    conditions={"Yes": True, "No": False},
    resources={
        "Volume": ResourceValue("vol-1", {"VolumeId": "vol-1", "Size": 8}),
        "Fresh": UNKNOWN_RESOURCE,
    },
    zones={"eu-west-1": ["eu-west-1a", "eu-west-1b"]},
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"Ref": "Size"}, "8"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Volume"}, "vol-1"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::GetAtt": ["Volume", "Size"]}, 8),
        ({"Fn::GetAtt": "Volume.VolumeId"}, "vol-1"),
        (
            {"Fn::Sub": "${Volume}:${Volume.Size}:${AWS::StackName}:${!Kept}"},
            "vol-1:8:greeter:${Kept}",
        ),
        ({"Fn::Sub": ["${Size}-${x}", {"x": {"Ref": "Volume"}, "Size": "own"}]}, "own-vol-1"),
        ({"Fn::Sub": "${Names}"}, "a,b"),
        ({"Fn::Join": ["-", ["a", 1, True, {"Ref": "Size"}]]}, "a-1-true-8"),
        ({"Fn::Join": ["", {"Ref": "Names"}]}, "ab"),
        ({"Fn::Split": [",", "a,b,"]}, ["a", "b", ""]),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::Select": [0, {"Fn::Split": ["-", "x-y"]}]}, "x"),
        ({"Fn::Base64": {"Fn::Sub": "id=${Volume}"}}, base64.b64encode(b"id=vol-1").decode()),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"Fn::If": ["No", 1, {"Ref": "Size"}]}, "8"),
        ({"Fn::FindInMap": ["Ports", "http", "port"]}, 8080),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b"]),
        ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, ["eu-west-1a", "eu-west-1b"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        ([1, {"Ref": "AWS::NoValue"}, 3], [1, 3]),
        ({"Ref": "Fresh"}, KNOWN_AFTER_APPLY),
        ({"Fn::GetAtt": ["Fresh", "Any"]}, KNOWN_AFTER_APPLY),
        ({"Fn::Base64": {"Fn::Sub": "id=${Fresh}"}}, KNOWN_AFTER_APPLY),
        ({"Fn::Join": ["-", ["a", {"Ref": "Fresh"}]]}, KNOWN_AFTER_APPLY),
        ({"Fn::Select": [3, {"Fn::Split": [",", {"Ref": "Fresh"}]}]}, KNOWN_AFTER_APPLY),
    ],
)
def test_functions(written: Any, value: Any) -> None:
    assert evaluate(written, CONTEXT) == value


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"Ref": "Nobody"}, "Unresolved resource dependencies [Nobody]"),
        ({"Fn::GetAtt": ["Volume", "Colour"]}, "does not support attribute type Colour"),
        ({"Fn::Select": [2, ["a"]]}, "cannot select nonexistent value at index 2"),
        ({"Fn::Select": ["x", ["a"]]}, "every Fn::Select object requires an index and a list"),
        ({"Fn::Join": ["a"]}, "every Fn::Join object requires a string delimiter and a list"),
        ({"Fn::FindInMap": ["Ports", "ssh", "port"]}, "Unable to get mapping for Ports::ssh::port"),
        ({"Fn::If": ["Perhaps", 1, 2]}, "unresolved condition dependency Perhaps"),
        ({"Fn::GetAZs": "mars-1"}, "knows no region mars-1"),
        ({"Fn::Cidr": ["10.0.0.0/24", 300, 1]}, "cannot make 300 blocks"),
        ({"Fn::Cidr": ["nonsense", 1, 8]}, "unusable arguments"),
        (
            {"Fn::ToJsonString": "x"},
            "Function Fn::ToJsonString is known to AWS, not to this local cloud",
        ),
    ],
)
def test_misuse_is_refused_in_words(written: Any, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        evaluate(written, CONTEXT)
    assert complaint in str(caught.value)


def test_conditions_may_speak_of_each_other() -> None:
    conditions = {
        "Both": {"Fn::And": [{"Condition": "Big"}, {"Fn::Not": [{"Condition": "Small"}]}]},
        "Big": {"Fn::Equals": [{"Ref": "Size"}, 8]},
        "Small": {"Fn::Or": [{"Fn::Equals": [{"Ref": "Size"}, "1"]}, {"Fn::Equals": ["a", "b"]}]},
    }
    assert evaluate_conditions(conditions, CONTEXT) == {"Big": True, "Small": False, "Both": True}


def test_conditions_that_need_themselves_are_refused() -> None:
    with pytest.raises(ValidationError, match="Circular dependencies for conditions"):
        evaluate_conditions({"A": {"Condition": "B"}, "B": {"Condition": "A"}}, CONTEXT)


@given(st.text())
def test_base64_is_undone_by_decoding(text: str) -> None:
    encoded = evaluate({"Fn::Base64": text}, CONTEXT)
    assert base64.b64decode(encoded).decode() == text


@given(st.lists(st.text(alphabet="abc", max_size=3), min_size=1), st.sampled_from([",", "--"]))
def test_split_is_undone_by_join(parts: list[str], delimiter: str) -> None:
    joined = evaluate({"Fn::Join": [delimiter, parts]}, CONTEXT)
    assert evaluate({"Fn::Split": [delimiter, joined]}, CONTEXT) == parts


@given(st.integers(1, 16), st.integers(4, 12))
def test_cidr_blocks_lie_inside_and_apart(count: int, bits: int) -> None:
    blocks = evaluate({"Fn::Cidr": ["10.0.0.0/16", count, bits]}, CONTEXT)
    networks = [ipaddress.ip_network(block) for block in blocks]
    assert len(networks) == count
    assert all(n.subnet_of(ipaddress.ip_network("10.0.0.0/16")) for n in networks)
    assert all(n.prefixlen == 32 - bits for n in networks)
    assert len(set(networks)) == count


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="xyz", min_size=1), inner),
    max_leaves=8,
)


@given(json_values)
def test_what_holds_no_function_stays_as_it_is(value: Any) -> None:
    assert evaluate(value, CONTEXT) == value
