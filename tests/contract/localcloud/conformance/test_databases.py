"""RDS: what its API refuses, groups of parameters and of subnets. A DB instance of its own takes a
quarter of an hour at AWS; what one does is tested beside, with a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import operation


@pytest.fixture
def rds(world: Any) -> Any:
    return world.client("rds")


@pytest.fixture
def family(rds: Any) -> str:
    told = rds.describe_db_engine_versions(Engine="postgres")["DBEngineVersions"]
    return str(told[-1]["DBParameterGroupFamily"])


@pytest.fixture
def parameters(world: Any, rds: Any, family: str) -> str:
    name = world.name("parameters")
    rds.create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily=family, Description="a case's"
    )
    world.kept(rds.delete_db_parameter_group, DBParameterGroupName=name)
    return name


def asked(world: Any, **more: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": world.name("db"), "Engine": "postgres",
        "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20, "MasterUsername": "shop",
        "MasterUserPassword": "correct-horse", **more,
    }  # fmt: skip


@operation("RDS", "CreateDBInstance")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"MasterUserPassword": 'has"quotes"'}, "InvalidParameterValue"),
        ({"AllocatedStorage": 1}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "1-begins-with-a-digit"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "ends-"}, "InvalidParameterValue"),
        ({"Engine": "nonsense"}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"DBSubnetGroupName": "conformance-nobody"}, "DBSubnetGroupNotFoundFault"),
        ({"DBParameterGroupName": "conformance-nobody"}, "DBParameterGroupNotFound"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterCombination"),
    ],
)
def test_no_instance_is_made_of_this(
    world: Any, rds: Any, given: dict[str, Any], code: str
) -> None:
    assert refused(rds.create_db_instance, **asked(world, **given))[0] == code


@operation("RDS", "DescribeDBInstances")
@operation("RDS", "DeleteDBInstance")
def test_instances_and_snapshots_that_there_are_not(world: Any, rds: Any) -> None:
    name = {"DBInstanceIdentifier": world.name("nobody")}
    assert refused(rds.describe_db_instances, **name)[0] == "DBInstanceNotFound"
    assert refused(rds.delete_db_instance, **name, SkipFinalSnapshot=True)[0] == (
        "DBInstanceNotFound"
    )
    assert refused(rds.stop_db_instance, **name)[0] == "DBInstanceNotFound"
    snapshot = {"DBSnapshotIdentifier": world.name("nothing")}
    assert refused(rds.describe_db_snapshots, **snapshot)[0] == "DBSnapshotNotFound"
    assert refused(rds.restore_db_instance_from_db_snapshot, **name, **snapshot)[0] == (
        "DBSnapshotNotFound"
    )


@operation("RDS", "ModifyDBParameterGroup")
@operation("RDS", "ResetDBParameterGroup")
def test_parameters_are_dynamic_or_static(rds: Any, parameters: str) -> None:
    group = {"DBParameterGroupName": parameters}

    def change(name: str, value: str, method: str = "immediate") -> dict[str, Any]:
        each = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
        return {**group, "Parameters": [each]}

    def user() -> dict[str, str]:
        pages = rds.get_paginator("describe_db_parameters").paginate(**group, Source="user")
        return {e["ParameterName"]: e["ParameterValue"] for p in pages for e in p["Parameters"]}

    assert user() == {}
    rds.modify_db_parameter_group(**change("work_mem", "8192"))
    rds.modify_db_parameter_group(**change("max_connections", "50", "pending-reboot"))
    assert user() == {"work_mem": "8192", "max_connections": "50"}
    modify = rds.modify_db_parameter_group
    assert refused(modify, **change("max_connections", "60"))[0] == "InvalidParameterCombination"
    assert refused(modify, **change("work_mum", "8192"))[0] == "InvalidParameterValue"
    assert refused(modify, **change("work_mem", "1"))[0] == "InvalidParameterValue"
    rds.reset_db_parameter_group(**group, ResetAllParameters=True)
    assert user() == {}


@operation("RDS", "CreateDBParameterGroup")
def test_a_group_of_parameters_has_a_family_and_one_name(
    rds: Any, parameters: str, family: str
) -> None:
    asked = {"DBParameterGroupName": parameters, "Description": "again"}
    create = rds.create_db_parameter_group
    assert refused(create, **asked, DBParameterGroupFamily=family)[0] == (
        "DBParameterGroupAlreadyExists"
    )
    other = {**asked, "DBParameterGroupName": f"{parameters}-b"}
    assert refused(create, **other, DBParameterGroupFamily="postgres1")[0] == (
        "InvalidParameterValue"
    )
    assert refused(rds.describe_db_parameter_groups, DBParameterGroupName=f"{parameters}-b")[0] == (
        "DBParameterGroupNotFound"
    )


@operation("RDS", "CreateDBSubnetGroup")
def test_a_group_of_subnets_covers_two_zones(world: Any, rds: Any) -> None:
    name, subnets = world.name("subnets"), [each["SubnetId"] for each in world.subnets[:2]]
    asked = {"DBSubnetGroupName": name, "DBSubnetGroupDescription": "a case's"}
    assert refused(rds.create_db_subnet_group, **asked, SubnetIds=subnets[:1])[0] == (
        "DBSubnetGroupDoesNotCoverEnoughAZs"
    )
    made = rds.create_db_subnet_group(**asked, SubnetIds=subnets)["DBSubnetGroup"]
    world.kept(rds.delete_db_subnet_group, DBSubnetGroupName=name)
    assert {each["SubnetIdentifier"] for each in made["Subnets"]} == set(subnets)
    assert (made["VpcId"], made["SubnetGroupStatus"]) == (world.network["VpcId"], "Complete")
    assert refused(rds.create_db_subnet_group, **asked, SubnetIds=subnets)[0] == (
        "DBSubnetGroupAlreadyExists"
    )
