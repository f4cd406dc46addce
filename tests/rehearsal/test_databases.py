"""A tiny machine finds a database by the name that the API reports, where its group lets it in.

RDS User Guide, "Working with a DB instance in a VPC" and "Controlling access with security groups".
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.rehearsal.tiny import Cloud, eventually, launching, open_cloud

from provisimus.localcloud.databases.installed import servers

pytestmark = [
    pytest.mark.skipif(
        not servers() or os.geteuid() != 0, reason="needs PostgreSQL's server, and root"
    ),
]


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with open_cloud(tmp_path_factory) as made:
        yield made


def test_a_machine_reaches_the_database_by_its_name(cloud: Cloud) -> None:
    rds, ec2 = cloud.client("rds"), cloud.ec2
    with launching(cloud) as launch:
        instance = launch()
        vpc = instance.described()["VpcId"]
        group = ec2.create_security_group(GroupName="data", Description="-", VpcId=vpc)["GroupId"]
        rds.create_db_instance(
            DBInstanceIdentifier="orders", Engine="postgres", DBInstanceClass="db.t3.micro",
            AllocatedStorage=20, MasterUsername="shop", ManageMasterUserPassword=True,
            VpcSecurityGroupIds=[group], BackupRetentionPeriod=0, PubliclyAccessible=False,
        )  # fmt: skip

        def available() -> bool:
            (told,) = rds.describe_db_instances()["DBInstances"]
            return bool(told["DBInstanceStatus"] == "available")

        eventually(available, "it did not become available", 60)
        eventually(lambda: instance.get("/health"), "the machine did not answer")
        name = rds.describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]

        def asks(host: str) -> str:
            return instance.get(f"/cgi-bin/ask?http://{host}:5432/") or ""

        # PostgreSQL takes the request for a packet that is none, and hangs up: it was reached.
        reached = "error getting response"
        assert reached not in asks(name)
        rule = [
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
             "UserIdGroupPairs": [{"GroupId": instance.group}]}
        ]  # fmt: skip
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
        eventually(lambda: reached in asks(name), f"it was not reached: {asks(name)}", 30)
        assert "bad address" in asks(f"x{name}")
        log = next((cloud.directory / "logs").glob("db-*.log"))
        assert "invalid length of startup packet" in log.read_text()
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule)
        eventually(lambda: reached not in asks(name), "it is still reached", 30)
        rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
        eventually(lambda: not rds.describe_db_instances()["DBInstances"], "it is still there", 60)
        ec2.delete_security_group(GroupId=group)
