"""Limits of templates: "Understand CloudFormation quotas" in the user guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.limits import check_stored, check_text, check_value
from provisimus.localcloud.cloudformation.template import parse


def named(number: int, value: Any) -> dict[str, Any]:
    return {f"N{each}": value for each in range(number)}


def parsed(**sections: Any) -> None:
    parse(json.dumps({"Resources": {"A": {"Type": "T"}}, **sections}))


STRING, OUTPUT = {"Type": "String"}, {"Value": "x"}


@pytest.mark.parametrize(
    ("sections", "complaint"),
    [
        (
            {"Resources": named(501, {"Type": "T"})},
            "Number of resources, 501, is greater than maximum allowed, 500",
        ),
        ({"Parameters": named(201, STRING)}, "Number of parameters, 201, is greater"),
        ({"Outputs": named(201, OUTPUT)}, "Number of outputs, 201, is greater"),
        ({"Mappings": named(201, {})}, "Number of mappings, 201, is greater"),
        ({"Mappings": {"M": named(201, {})}}, "Number of attributes of mapping M, 201, is greater"),
        ({"Description": "é" * 513}, "'Description' length is greater than 1024"),
        ({"Description": 1}, "Every Description member must be a string"),
        ({"Resources": {"A" * 256: {"Type": "T"}}}, "Resource name A+… is longer than 255"),
        ({"Parameters": {"A" * 256: STRING}}, "Parameter name A+… is longer than 255"),
        ({"Outputs": {"A" * 256: OUTPUT}}, "Output name A+… is longer than 255"),
        ({"Mappings": {"A" * 256: {}}}, "Mapping name A+… is longer than 255"),
        ({"Parameters": {"a-b": STRING}}, "Parameter name a-b is non alphanumeric"),
        ({"Outputs": {"a-b": OUTPUT}}, "Output name a-b is non alphanumeric"),
    ],
)
def test_a_template_beyond_its_limits(sections: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        parsed(**sections)


@pytest.mark.parametrize(
    "sections",
    [
        {"Resources": named(500, {"Type": "T"})},
        {"Parameters": named(200, STRING), "Outputs": named(200, OUTPUT)},
        {"Mappings": {**named(199, {}), "M": named(200, {})}},
        {"Description": "é" * 512, "Parameters": {"A" * 255: STRING}},
    ],
)
def test_a_template_at_its_limits(sections: dict[str, Any]) -> None:
    parsed(**sections)


def test_a_template_has_at_most_so_many_bytes() -> None:
    check_text("x" * 51_200)
    with pytest.raises(ValidationError, match="less than or equal to 51200"):
        check_text("x" * 51_201)
    check_stored(b"x" * 1024 * 1024)
    with pytest.raises(ValidationError, match="may not exceed 1048576 bytes"):
        check_stored(b"x" * (1024 * 1024 + 1))


def test_a_value_has_at_most_so_many_bytes() -> None:
    check_value("P", "é" * 2048)
    with pytest.raises(ValidationError, match="'P' has a value of more than 4096 bytes"):
        check_value("P", "é" * 2048 + "x")
