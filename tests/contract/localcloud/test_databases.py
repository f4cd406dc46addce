"""RDS: what the API says of a DB instance is so, asked with PostgreSQL's own client.

Each case names the page of the RDS User Guide or the operation of its API reference that it
follows. None of it has been run against AWS.
"""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from tests.ports import free_port

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import Refused
from provisimus.events import silence
from provisimus.localcloud.databases.installed import servers
from provisimus.stacks.follow import Deadline
from provisimus.tasks.passwords import check_rotation, find_password, rotate_password

from .conftest import LocalCloud
from .databases import PASSWORD, Databases, eventually, needs_networks, needs_postgres
from .test_worlds import arrange

pytestmark = needs_postgres


@pytest.fixture
def databases(cloud):
    made = Databases(cloud)
    made.open()
    return made


@pytest.fixture(scope="module")
def databases_of_all(tmp_path_factory):
    """One local cloud for the cases that make no DB instance."""
    cloud = LocalCloud(tmp_path_factory.mktemp("refusals") / "cloud", free_port(), free_port())
    cloud.start()
    try:
        needs_networks(cloud)
        yield Databases(cloud)
    finally:
        cloud.stop()


def refused(call, code: str, text: str = "") -> None:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    assert text in caught.value.response["Error"]["Message"]


def test_an_instance_lives(databases):
    """ "Viewing Amazon RDS DB instance status"; CreateDBInstance, Stop-, Start-, Reboot- and
    DeleteDBInstance; "Using SSL with a PostgreSQL DB instance"; "Understanding the rds_superuser
    role"."""
    made = databases.create()
    assert (made["DBInstanceStatus"], made.get("Endpoint")) == ("creating", None)
    databases.reach("available")
    told = databases.told()
    name = told["Endpoint"]["Address"]
    assert name.startswith("orders.")
    assert name.endswith(".eu-west-1.rds.amazonaws.com")
    assert (told["Endpoint"]["Port"], told["EngineVersion"]) == (5544, servers()[0].version)
    assert databases.ask("SHOW server_version").startswith(told["EngineVersion"])

    # Who is let in, and as what.
    assert databases.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"
    assert "password authentication failed" in databases.ask("SELECT 1", password="wrong-horse")
    assert "no encryption" in databases.ask("SELECT 1", mode="disable")
    assert "rejects" in databases.ask("SELECT 1", user="rdsadmin", database="postgres")
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orders'"
    assert databases.ask(owner) == "shop"

    # Data outlives a stop, and a stopped one answers nobody.
    databases.ask("CREATE TABLE sold (id int); INSERT INTO sold VALUES (41)")
    databases.api.stop_db_instance(DBInstanceIdentifier="orders")
    assert databases.reach("stopped")[0] == "stopping"
    refused(lambda: databases.api.reboot_db_instance(DBInstanceIdentifier="orders"),
            "InvalidDBInstanceState")  # fmt: skip
    databases.api.start_db_instance(DBInstanceIdentifier="orders")
    assert databases.reach("available")[0] == "starting"
    assert databases.ask("SELECT id FROM sold") == "41"
    began = databases.ask("SELECT pg_postmaster_start_time()")
    databases.api.reboot_db_instance(DBInstanceIdentifier="orders")
    assert databases.reach("available")[0] == "rebooting"
    assert databases.ask("SELECT pg_postmaster_start_time()") != began

    # Deletion is protected, asks for a decision, and leaves nothing.
    api = databases.api
    refused(lambda: api.delete_db_instance(DBInstanceIdentifier="orders"),
            "InvalidParameterCombination", "FinalDBSnapshotIdentifier is required")  # fmt: skip
    api.modify_db_instance(DBInstanceIdentifier="orders", DeletionProtection=True)
    databases.reach("available")
    refused(databases.delete, "InvalidParameterCombination", "protected")
    api.modify_db_instance(DBInstanceIdentifier="orders", DeletionProtection=False)
    databases.reach("available")
    databases.delete()
    assert list((databases.cloud.directory / "databases").iterdir()) == []
    enis = databases.cloud.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert [each for each in enis if each["Description"] == "RDSNetworkInterface"] == []


def test_snapshots_hold_the_data(databases):
    """CreateDBSnapshot, CopyDBSnapshot, RestoreDBInstanceFromDBSnapshot, DeleteDBSnapshot;
    "Deleting a DB instance" (final snapshot)."""
    databases.created(CopyTagsToSnapshot=True, Tags=[{"Key": "team", "Value": "sales"}])
    databases.ask("CREATE TABLE sold (id int); INSERT INTO sold VALUES (41)")
    databases.snapshot("before")
    databases.ask("INSERT INTO sold VALUES (42)")
    databases.delete(FinalDBSnapshotIdentifier="last")
    api = databases.api
    told = {e["DBSnapshotIdentifier"]: e for e in api.describe_db_snapshots()["DBSnapshots"]}
    assert {name: each["Status"] for name, each in told.items()} == {
        "before": "available",
        "last": "available",
    }
    assert told["before"]["TagList"] == [{"Key": "team", "Value": "sales"}]

    api.copy_db_snapshot(SourceDBSnapshotIdentifier="last", TargetDBSnapshotIdentifier="kept")
    eventually(lambda: databases.snapshot_state("kept"), "available")
    api.delete_db_snapshot(DBSnapshotIdentifier="last")
    for name, snapshot, found in (("old", "before", "41"), ("new", "kept", "41\n42")):
        api.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot, PubliclyAccessible=True,
            Port=5545,
        )  # fmt: skip
        assert databases.reach("available", name)[0] == "creating"
        assert databases.ask("SELECT id FROM sold ORDER BY id", name) == found
    # They go their own ways.
    databases.ask("DELETE FROM sold", "new")
    assert databases.ask("SELECT count(*) FROM sold", "old") == "1"
    gone = {"DBInstanceIdentifier": "more", "DBSnapshotIdentifier": "last"}
    refused(lambda: api.restore_db_instance_from_db_snapshot(**gone), "DBSnapshotNotFound")


def test_parameters_are_the_servers(databases):
    """ "Parameter groups for Amazon RDS": dynamic at once, static after a reboot; only what the
    server takes. ModifyDBParameterGroup, ResetDBParameterGroup, DescribeDBParameters."""
    api = databases.api
    family = f"postgres{servers()[0].major}"
    refused(lambda: api.create_db_parameter_group(
        DBParameterGroupName="tuned", DBParameterGroupFamily="mysql8.0", Description="-"),
        "InvalidParameterValue", family)  # fmt: skip
    api.create_db_parameter_group(
        DBParameterGroupName="tuned", DBParameterGroupFamily=family, Description="-"
    )

    def change(name: str, value: str, method: str = "immediate") -> None:
        api.modify_db_parameter_group(
            DBParameterGroupName="tuned",
            Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}],
        )

    change("work_mem", "8192")
    for name, value, said in (
        ("work_mum", "8192", "Invalid parameter name"),
        ("log_statement", "everything", "Available values: none, ddl, mod, all"),
        ("work_mem", "1", "outside the valid range"),
        ("port", "1234", "cannot be modified"),
        ("max_connections", "{DBInstanceClassMemory/9531392}", "not evaluated"),
    ):
        refused(lambda n=name, v=value: change(n, v, "pending-reboot"),
                "InvalidParameterValue", said)  # fmt: skip
    refused(lambda: change("max_connections", "50"), "InvalidParameterCombination", "static")

    databases.created(DBParameterGroupName="tuned")
    status = lambda: databases.told()["DBParameterGroups"][0]["ParameterApplyStatus"]  # noqa: E731
    assert (databases.ask("SHOW work_mem"), status()) == ("8MB", "in-sync")
    change("work_mem", "16384")
    eventually(lambda: databases.ask("SHOW work_mem"), "16MB")
    change("max_connections", "50", "pending-reboot")
    assert (databases.ask("SHOW max_connections"), status()) == ("100", "pending-reboot")
    change("rds.force_ssl", "0")
    eventually(lambda: databases.ask("SELECT 1", mode="disable"), "1")
    api.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.reach("available")
    assert (databases.ask("SHOW max_connections"), status()) == ("50", "in-sync")
    pages = api.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="tuned")
    told = {each["ParameterName"]: each for page in pages for each in page["Parameters"]}
    assert told["max_connections"]["ParameterValue"] == "50"
    assert (told["max_connections"]["ApplyType"], told["work_mem"]["ApplyType"]) == (
        "static",
        "dynamic",
    )
    api.reset_db_parameter_group(DBParameterGroupName="tuned", ResetAllParameters=True)
    eventually(lambda: databases.ask("SHOW work_mem"), "4MB")
    assert status() == "pending-reboot"
    refused(lambda: api.delete_db_parameter_group(DBParameterGroupName="tuned"),
            "InvalidDBParameterGroupState")  # fmt: skip


def test_passwords_change(databases):
    """ModifyDBInstance, MasterUserPassword; "Password management with Amazon RDS and AWS Secrets
    Manager"."""
    api, secrets = databases.api, databases.cloud.client("secretsmanager")
    databases.created()
    api.modify_db_instance(DBInstanceIdentifier="orders", MasterUserPassword="battery-staple")
    databases.reach("available")
    assert databases.ask("SELECT 1", password="battery-staple") == "1"
    assert "authentication failed" in databases.ask("SELECT 1")
    api.modify_db_instance(
        DBInstanceIdentifier="orders", ManageMasterUserPassword=True, ApplyImmediately=True
    )
    databases.reach("available")
    arn = databases.told()["MasterUserSecret"]["SecretArn"]

    def secret():
        return json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])

    first = secret()
    assert first["username"] == "shop"
    assert databases.ask("SELECT 1", password=first["password"]) == "1"
    assert "authentication failed" in databases.ask("SELECT 1", password="battery-staple")
    secrets.rotate_secret(SecretId=arn)
    databases.reach("available")
    assert secret() != first
    assert databases.ask("SELECT 1", password=secret()["password"]) == "1"
    # No password stands in what is kept.
    databases.cloud.stop()
    for path in (databases.cloud.directory / "state.pickle", databases.cloud.directory / "log"):
        assert b"battery-staple" not in path.read_bytes()
        assert PASSWORD.encode() not in path.read_bytes()


def test_a_managed_password_is_rotated_on_demand(databases):
    """ModifyDBInstance, RotateMasterUserPassword: what is open stays open, the old password opens
    nothing more; by the task of `database rotate`."""
    databases.created(ManageMasterUserPassword=True, MasterUserPassword=None)
    refused(lambda: databases.api.modify_db_instance(
        DBInstanceIdentifier="orders", RotateMasterUserPassword=True),
        "InvalidParameterCombination", "apply immediately")  # fmt: skip
    here = Cloud("eu-west-1", None, databases.cloud.url, None, ("test", "test"))
    environment = Environment("local", here, "127.0.0.1:5000")
    before = find_password(environment, "orders")

    def password() -> str:
        told = here.secrets.get_secret_value(SecretId=before.secret)
        return json.loads(told["SecretString"])["password"]

    old = password()
    assert databases.ask("SELECT 1", password=old) == "1"
    with databases.connected(old) as ask:
        after = rotate_password(environment, before, silence, Deadline.after(60))
        assert (after.status, after.secret) == ("available", before.secret)
        assert after.version != before.version
        assert "authentication failed" in databases.ask("SELECT 1", password=old)
        assert databases.ask("SELECT 1", password=password()) == "1"
        assert ask("SELECT 41 + 1") == "42"
    databases.api.stop_db_instance(DBInstanceIdentifier="orders")
    databases.reach("stopped")
    with pytest.raises(Refused, match="orders is stopped"):
        check_rotation(find_password(environment, "orders"))


def test_killed_it_comes_back(databases):
    """ "Amazon RDS DB instance automatic recovery": nothing that was committed is lost."""
    databases.created()
    databases.ask("CREATE TABLE sold (id int); INSERT INTO sold VALUES (41)")
    databases.snapshot("before")
    pid = databases.cloud.status()["databases"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: databases.ask("SELECT id FROM sold"), "41")
    again = databases.cloud.status()["databases"][0]["pid"]
    for keeper in databases.cloud.keepers():
        os.kill(keeper, signal.SIGKILL)  # the network beneath it
    eventually(lambda: databases.cloud.status()["databases"][0]["pid"] in (None, again), False)
    eventually(lambda: databases.ask("SELECT id FROM sold"), "41")
    databases.ask("INSERT INTO sold VALUES (42)")
    eventually(lambda: databases.cloud.status()["saved"], True)
    databases.cloud.kill()
    databases.cloud.start()
    databases.reach("available")
    assert databases.ask("SELECT id FROM sold ORDER BY id") == "41\n42"
    databases.api.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="old", DBSnapshotIdentifier="before", PubliclyAccessible=True
    )
    databases.reach("available", "old")
    assert databases.ask("SELECT id FROM sold", "old") == "41"


def test_a_backup_a_day_and_a_password_a_week(databases):
    """ "Introduction to backups": in the window, kept as long as asked for; "Password management
    with Amazon RDS and AWS Secrets Manager": rotated every seven days."""
    databases.created(
        ManageMasterUserPassword=True, MasterUserPassword=None, BackupRetentionPeriod=2,
        PreferredBackupWindow="03:00-03:30",
    )  # fmt: skip
    arn = databases.told()["MasterUserSecret"]["SecretArn"]

    def password():
        told = databases.cloud.client("secretsmanager").get_secret_value(SecretId=arn)
        return json.loads(told["SecretString"])["password"]

    def kept():
        told = databases.api.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
        return len([each for each in told if each["Status"] == "available"])

    first, now = password(), datetime.now(UTC)
    window = now.replace(hour=3, minute=0, second=0, microsecond=0)
    if window <= now:  # the next one: at any hour the first backup is less than a day older
        window += timedelta(days=1)
    assert kept() == 1  # an instance with backups begins with one

    def go_on(days: int) -> int:
        moment = (window + timedelta(days=days)).isoformat()
        begun = databases.cloud.post("clock", {"now": moment}).json()["begun"]
        databases.reach("available")
        return begun

    assert [go_on(0), go_on(0), go_on(1)] == [1, 0, 1]
    eventually(kept, 3)
    assert password() == first
    assert go_on(9) == 2
    eventually(kept, 1)
    databases.reach("available")
    assert password() != first
    assert databases.ask("SELECT 1", password=password()) == "1"


@pytest.mark.timeout(180)
def test_a_world_that_is_kept_has_its_databases(databases):
    """What was written after a freeze is not there after the thaw, and what was before is."""
    cloud = databases.cloud
    databases.created()
    databases.ask("CREATE TABLE sold (id int); INSERT INTO sold VALUES (41)")
    databases.snapshot("before")
    cloud.stop()
    arrange(cloud, "freeze", "one")
    cloud.start()
    databases.reach("available")
    databases.ask("INSERT INTO sold VALUES (42)")
    databases.api.delete_db_snapshot(DBSnapshotIdentifier="before")
    cloud.stop()
    arrange(cloud, "thaw", "one")
    cloud.start()
    databases.reach("available")
    assert databases.ask("SELECT id FROM sold") == "41"
    databases.api.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="old", DBSnapshotIdentifier="before", PubliclyAccessible=True
    )
    databases.reach("available", "old")
    assert databases.ask("SELECT id FROM sold", "old") == "41"


def test_a_server_that_does_not_start_says_so(databases):
    """ "Viewing DB instance status": incompatible-parameters, and the way back."""
    api = databases.api
    family = f"postgres{servers()[0].major}"
    api.create_db_parameter_group(
        DBParameterGroupName="bad", DBParameterGroupFamily=family, Description="-"
    )
    name = {"ParameterName": "shared_preload_libraries", "ApplyMethod": "pending-reboot"}
    api.modify_db_parameter_group(
        DBParameterGroupName="bad", Parameters=[{**name, "ParameterValue": "no_such_library"}]
    )
    databases.created()
    api.modify_db_instance(DBInstanceIdentifier="orders", DBParameterGroupName="bad")
    databases.reach("available")
    api.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.reach("incompatible-parameters")
    (told,) = databases.cloud.status()["databases"]
    assert "no_such_library" in told["failure"]
    api.reset_db_parameter_group(DBParameterGroupName="bad", Parameters=[name])
    api.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.reach("available")
    assert databases.ask("SELECT 1") == "1"


def test_killed_while_it_is_made(databases):
    """A DB instance that is creating is made all the same."""
    databases.create()
    eventually(lambda: databases.cloud.status()["saved"], True)
    databases.cloud.kill()
    databases.cloud.start()
    databases.reach("available")
    assert databases.ask("SELECT current_database()") == "orders"


def test_changes_wait_for_the_window_or_do_not(databases):
    """ "Modifying an Amazon RDS DB instance": the schedule of modifications."""
    databases.created()
    api = databases.api
    began = databases.ask("SELECT pg_postmaster_start_time()")
    api.modify_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.small", AllocatedStorage=30
    )
    databases.reach("available")
    told = databases.told()
    assert (told["DBInstanceClass"], told["AllocatedStorage"]) == ("db.t3.micro", 20)
    assert told["PendingModifiedValues"] == {
        "DBInstanceClass": "db.t3.small",
        "AllocatedStorage": 30,
    }
    assert databases.ask("SELECT pg_postmaster_start_time()") == began
    api.modify_db_instance(DBInstanceIdentifier="orders", DBPortNumber=5600, ApplyImmediately=True)
    databases.reach("available")
    told = databases.told()
    assert (told["DBInstanceClass"], told["AllocatedStorage"]) == ("db.t3.small", 30)
    assert (told["PendingModifiedValues"], told["Endpoint"]["Port"]) == ({}, 5600)
    assert databases.ask("SELECT pg_postmaster_start_time()") != began
    assert databases.public()[1] == "5600"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Engine": "mysql"}, "runs postgres and no other engine"),
        ({"Engine": "aurora-postgresql"}, "runs postgres and no other engine"),
        ({"EngineVersion": "9.6.24"}, "installed here are"),
        ({"DBInstanceClass": "db.t3.enormous"}, "Invalid DB Instance class"),
        ({"AllocatedStorage": 5}, "Invalid storage size"),
        ({"StorageType": "io1", "AllocatedStorage": 100}, "requires Iops"),
        ({"StorageType": "tape"}, "Invalid storage type"),
        ({"Port": 80}, "Invalid database port"),
        ({"MasterUsername": "rdsadmin"}, "reserved word"),
        ({"MasterUserPassword": "short"}, "shorter than 8"),
        ({"MasterUserPassword": None}, "MasterUserPassword must be provided"),
        ({"EnableIAMDatabaseAuthentication": True}, "not simulated"),
        ({"DBParameterGroupName": "none"}, "none not found"),
        ({"VpcSecurityGroupIds": ["sg-00000000"]}, "Invalid security group"),
    ],
)
def test_what_there_is_not_is_refused(databases_of_all, given, said):
    """CreateDBInstance, "Errors"."""
    with pytest.raises(ClientError, match=said):
        databases_of_all.create(**given)
    assert databases_of_all.state() == "gone"


def test_operations_that_nothing_does_are_refused(databases_of_all):
    api = databases_of_all.api
    for call in (
        lambda: api.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql"),
        lambda: api.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="more"
        ),
        lambda: api.create_option_group(
            OptionGroupName="o", EngineName="postgres", MajorEngineVersion="15",
            OptionGroupDescription="-",
        ),
    ):  # fmt: skip
        refused(call, "UnsupportedOperation", "is not simulated")


def test_what_can_be_ordered_is_what_there_is(databases_of_all):
    """DescribeDBEngineVersions, DescribeOrderableDBInstanceOptions."""
    api = databases_of_all.api
    versions = api.describe_db_engine_versions()["DBEngineVersions"]
    assert [(each["Engine"], each["EngineVersion"]) for each in versions] == [
        ("postgres", each.version) for each in servers()
    ]
    options = api.describe_orderable_db_instance_options(
        Engine="postgres", DBInstanceClass="db.t3.micro"
    )["OrderableDBInstanceOptions"]
    assert {each["StorageType"] for each in options} == {"gp2", "gp3", "io1", "io2", "standard"}
    none = api.describe_orderable_db_instance_options(Engine="mysql")
    assert none["OrderableDBInstanceOptions"] == []


def test_subnet_groups(databases_of_all):
    """ "Working with DB subnet groups"; CreateDBSubnetGroup, ModifyDBSubnetGroup."""
    api, ec2 = databases_of_all.api, databases_of_all.cloud.client("ec2")
    subnets = {s["AvailabilityZone"]: s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]}
    one, two, three = (subnets[f"eu-west-1{zone}"] for zone in "abc")
    name = {"DBSubnetGroupName": "data"}
    text = {"DBSubnetGroupDescription": "-"}
    refused(lambda: api.create_db_subnet_group(**name, **text, SubnetIds=[one]),
            "DBSubnetGroupDoesNotCoverEnoughAZs")  # fmt: skip
    api.create_db_subnet_group(**name, **text, SubnetIds=[one, two])
    refused(lambda: api.create_db_subnet_group(**name, **text, SubnetIds=[one, two]),
            "DBSubnetGroupAlreadyExists")  # fmt: skip
    api.modify_db_subnet_group(**name, SubnetIds=[two, three])
    (told,) = api.describe_db_subnet_groups(**name)["DBSubnetGroups"]
    assert {each["SubnetIdentifier"] for each in told["Subnets"]} == {two, three}
    api.delete_db_subnet_group(**name)
