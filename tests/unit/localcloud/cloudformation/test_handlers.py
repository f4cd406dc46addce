"""What every handler says of itself, held against AWS's own schemas."""

from __future__ import annotations

import pytest

from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.schemas import schema_of


@pytest.mark.parametrize("name", sorted(all_handlers()))
def test_a_handler_honours_only_what_its_type_has(name: str) -> None:
    handler, schema = all_handlers()[name], schema_of(name)
    tops = {path.split("/")[0] for path in handler.honoured}
    assert tops <= schema.properties.keys() - schema.read_only
    assert set(handler.recorded) <= {"*", *tops}
    assert handler.name_property is None or handler.name_property in tops


def test_what_is_only_recorded_is_told_where_it_is_asked_for() -> None:
    vpc = all_handlers()["AWS::EC2::VPC"]
    everywhere = vpc.not_simulated({"CidrBlock": "10.0.0.0/16"})
    assert everywhere is not None
    assert "name server" not in everywhere
    asked = vpc.not_simulated({"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True})
    assert asked is not None
    assert asked.startswith(everywhere.removesuffix("."))
    assert "no name server" in asked
    assert all_handlers()["AWS::EC2::Instance"].not_simulated({"ImageId": "ami-1"}) is None
