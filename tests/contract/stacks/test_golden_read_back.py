"""Golden templates that need nothing else, made in a local cloud: nothing of them differs.

The sets of parameters are those of the golden files; what runs machines, or takes outputs of other
stacks, is read back in test_golden_with_others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import WaiterError
from tests.contract.localcloud.conftest import LocalCloud
from tests.in_sync import differing
from tests.ports import free_port
from tests.unit.stacks.types import (
    test_access,
    test_bucket,
    test_database,
    test_dns,
    test_network,
    test_registry,
)

from provisimus.stacks.template import body_of, capabilities_of

MODULES = (test_access, test_bucket, test_database, test_dns, test_network, test_registry)
CASES = {
    f"{module.TYPE.name}-{name}": (module.TYPE, wanted)
    for module in MODULES
    for name, wanted in module.CASES.items()
    if not wanted.others
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    """Of a cloud of its own: sets of one type name the same things."""
    made = LocalCloud(tmp_path / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()


def boundary(cloud: LocalCloud) -> str:
    """A policy that there is, in place of the one that a set of parameters makes up."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    made = cloud.client("iam").create_policy(PolicyName="boundary", PolicyDocument=document)
    return str(made["Policy"]["Arn"])


@pytest.mark.parametrize("name", sorted(CASES))
def test_nothing_of_a_golden_stack_differs(name: str, cloud: LocalCloud) -> None:
    kind, wanted = CASES[name]
    formation = cloud.client("cloudformation")
    template = kind.build(wanted)
    given = kind.parameters(wanted)
    if "Boundary" in given:
        given = {**given, "Boundary": boundary(cloud)}
    formation.create_stack(
        StackName=name,
        TemplateBody=body_of(template),
        Capabilities=capabilities_of(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": each} for key, each in given.items()],
    )
    try:
        formation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    except WaiterError:
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        raise AssertionError([each.get("ResourceStatusReason") for each in events]) from None
    assert differing(formation, name) == {}
