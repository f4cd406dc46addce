"""The template of stack type `service`, whole, against golden files.

`PROVISIMUS_WRITE_GOLDEN=1` writes them anew; look at the difference before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.gate import findings
from provisimus.stacks.template import INSTANCE, resources_of, yaml_of
from provisimus.stacks.types import all_types, find_type
from provisimus.stacks.types.interface import Network, OtherStack, WantedStack
from provisimus.stacks.types.service import (
    TYPE,
    instance_id_of,
    named_volumes,
)
from provisimus.user_data import told_by
from provisimus.workspace.definitions.machine import Health, HttpHealth
from provisimus.workspace.definitions.stack import DataVolume, StackDefinition
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.problems import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "stacks"
HEALTH = Health(http=HttpHealth(port=8080))


OTHERS = {
    "orders-db": OtherStack("acme-local-orders-db", StackDefinition(type="database")),
    "names": OtherStack("acme-local-names", StackDefinition(type="dns")),
}


def told(logs: dict[str, str]) -> dict[str, Any]:
    """The files of user data, by path, of a service with these logs; and its outputs."""
    template = TYPE.template(wanted(logs=logs))
    (instance,) = resources_of(template, INSTANCE).values()
    text = instance["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    return {**told_by(text), "group": template["Outputs"]["LogGroup"]["Value"]}


def test_who_ships_the_logs_is_told_to_the_machine() -> None:
    group = {"Ref": "LogGroup"}
    environment = {"/etc/provisimus/environment": '{"LOG_GROUP": "${LogGroup}"}\n'}
    assert told({"keep": "30d", "by": "side-cart"}) == {**environment, "group": group}
    by_engine = {"/etc/provisimus/logging": '{"group": "${LogGroup}"}\n'}
    assert told({"keep": "30d"}) == {**environment, **by_engine, "group": group}


def wanted(
    *,
    public: bool = True,
    health: Health | None = HEALTH,
    told: dict[str, bool] | None = None,
    machine: str = "sha256:1",
    **given: object,
) -> WantedStack[ServiceDefinition]:
    return WantedStack(
        "greeter",
        "1.0.0",
        parse(ServiceDefinition, {**given, "health": told or {}}),
        Network("vpc-1", "subnet-1", "eu-west-1a", public),
        health,
        machine,
        {"provisimus:project": "acme", "provisimus:service": "greeter"},
        OTHERS,
    )


OPEN = [{"port": 8080, "from": "0.0.0.0/0"}]
CASES = {
    "plain": wanted(),
    "one-volume": wanted(ingress=OPEN, data_volumes=[{"mount": "/data", "size": "20 GiB"}]),
    "private-with-all": wanted(
        public=False,
        key_name="ops",
        instance_type="m6i.large",
        ingress=[*OPEN, {"port": 22, "from": "10.0.0.0/8"}, {"port": 8080, "from": "::/0"}],
        data_volumes=[
            {"mount": "/data", "size": "20 GiB"},
            {"mount": "/var/lib/queue", "size": "1 TiB"},
        ],
    ),
    "environment": wanted(
        environment={
            "MODE": "blue",
            "DB_PASSWORD": "${secret:acme/greeter/db#password}",
            "DB_URL": "jdbc:postgresql://${ssm:/acme/greeter/host}/greeter?user=$${user}",
            "FEATURE": "${ssm:feature}",
        },
        data_volumes=[{"mount": "/data", "size": "20 GiB"}],
    ),
    "health-told": wanted(
        told={"metric": True, "signal": True},
        data_volumes=[{"mount": "/data", "size": "20 GiB"}],
    ),
    "snapshots": wanted(
        data_volumes=[
            {"mount": "/data", "size": "20 GiB", "snapshots": {"every": "24h", "keep": 14}},
            {"mount": "/scratch", "size": "5 GiB"},
            {"mount": "/log", "size": "5 GiB", "snapshots": {"every": "1h", "keep": 2}},
        ],
    ),
    "with-all-around": wanted(
        told={"metric": True},
        fixed_address=True,
        dns={"zone": "names", "name": "greeter.acme.example"},
        recovery=True,
        logs={"keep": "14d"},
        alarms={"cpu": 80, "disk": 70, "notify": ["arn:aws:sns:eu-west-1:111122223333:pager"]},
        database="orders-db",
        environment={"MODE": "blue", "DATABASE_NAME": "archive"},
        data_volumes=[
            {"mount": "/data", "size": "20 GiB", "snapshots": {"every": "6h", "keep": 8}},
            {
                "mount": "/var/log",
                "size": "5 GiB",
                "snapshots": {"every": "24h", "keep": 14, "by": "dlm"},
            },
        ],
    ),
    "named-privately": wanted(
        public=False, dns={"zone": "Z0123456789", "name": "greeter.acme.internal"}
    ),
    "no-health": wanted(health=None, ingress=OPEN),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    path = GOLDEN / f"service-{name}.yaml"
    text = yaml_of(TYPE.build(CASES[name]))
    if os.environ.get("PROVISIMUS_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    found = {path.stem for path in GOLDEN.glob("service-*.yaml")}
    assert found == {f"service-{name}" for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_awss_own_validator_finds_nothing(name: str) -> None:
    found = findings(TYPE.build(CASES[name]))
    assert [each for each in found if each[0] not in ("INFO", "DEBUG")] == []


@pytest.mark.parametrize("name", CASES)
def test_every_parameter_but_those_of_the_image_has_a_value(name: str) -> None:
    given = set(TYPE.parameters(CASES[name])) | {"ImageId", "RootDevice"}
    assert given == set(TYPE.build(CASES[name])["Parameters"])


def test_a_volume_keeps_its_name_whatever_stands_beside_it() -> None:
    data, logs = DataVolume(mount="/data", size=1), DataVolume(mount="/logs", size=1)
    assert list(named_volumes((data, logs))) == ["DataVolumeData", "DataVolumeLogs"]
    assert list(named_volumes((logs, data))) == ["DataVolumeLogs", "DataVolumeData"]


def test_mounts_that_look_alike_get_names_of_their_own() -> None:
    names = list(
        named_volumes((DataVolume(mount="/a-b", size=1), DataVolume(mount="/a/b", size=1)))
    )
    assert len(set(names)) == 2
    assert all(name.startswith("DataVolumeAB") and name.isalnum() for name in names)


def test_other_user_data_means_another_instance() -> None:
    assert instance_id_of("a") != instance_id_of("b")
    assert instance_id_of("a").isalnum()


def test_each_new_instance_is_waited_for_anew() -> None:
    def names(**given: object) -> set[str]:
        resources = TYPE.build(wanted(told={"signal": True}, **given))["Resources"]  # type: ignore[arg-type]
        return {name for name in resources if name.startswith(("Healthy", "Instance"))}

    assert len(names()) == 3  # the instance, its profile, and what waits for it
    assert names() == names(instance_type="m6i.large", ingress=OPEN)
    for other in ({"machine": "sha256:2"}, {"key_name": "ops"}, {"environment": {"A": "b"}}):
        assert names() & names(**other) == {"InstanceProfile"}


def test_nobody_waits_for_a_machine_that_cannot_know() -> None:
    with pytest.raises(InvalidDefinitions, match="declares no health check"):
        TYPE.build(wanted(told={"signal": True}, health=None))


def test_types_are_found_and_their_examples_hold() -> None:
    import yaml

    assert "service" in all_types()
    for each in all_types().values():
        parse(each.definition, yaml.safe_load(each.example))
        assert find_type(each.name) is each
