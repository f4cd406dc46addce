"""The life of every stack type that runs no machine, in a real local cloud (tests/life.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.localcloud.databases import MAJOR, needs_networks, needs_postgres
from tests.life import PROJECT, Change, Desk, Failure, Life, cached, live
from tests.ports import free_port
from tests.world import ASKED_OTHERWISE, LISTED, WITHIN, more, world_of

from provisimus.errors import RolledBack
from provisimus.localcloud.cloudformation.handlers import all_handlers

AT_ONCE = "change: changes in place"
AT_RUN = "change: takes effect within seconds, nothing restarts"
REPLACED = "replace: replaced: the new one first, then the old goes"
KEPT = "replace: replaced by a new one; the old one stays"
PERHAPS = "perhaps replace: perhaps replaced: that is known when it happens"

PEOPLE = "operators: ['arn:aws:iam::111122223333:root']\n"
READERS = "readers: ['arn:aws:iam::111122223333:root']\n"
NETWORK = (
    "type: network\ncidr: 10.20.0.0/16\nnat: one\ndns: life.internal\nflow_logs: {keep: 30d}\n"
)
TOPIC = """\
Parameters:
  Display: {Type: String}
  Name: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Ref Name, DisplayName: !Ref Display}
Outputs:
  Arn: {Value: !Ref Topic}
"""


def raw(name: str, display: str) -> str:
    return (
        f"type: raw\ntemplate: topic.template\nparameters: {{Name: {name}, Display: {display}}}\n"
    )


def database(name: str, more: str = "", **parameters: str) -> str:
    return (
        f"type: database\nengine_version: '{MAJOR}'\nnetwork: main\nname: {name}\nprotect: false\n"
        f"parameters: {json.dumps(parameters)}\n{more}"
    )


def without_proofs(desk: Desk) -> None:
    """The record that showed whose the names are stays in its zone, as on AWS."""
    route53 = desk.client("route53")
    for zone in route53.list_hosted_zones()["HostedZones"]:
        found = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        proofs = [each for each in found if each["Type"] == "CNAME"]
        changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in proofs]
        route53.change_resource_record_sets(
            HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes}
        )


LIVES = {
    "access": Life(
        f"type: access\nrole: life-one\n{PEOPLE}",
        Change(
            f"type: access\nrole: life-one\nsession: 8h\n{PEOPLE}{READERS}",
            {
                "Operator": "change: takes effect within seconds, nothing restarts",
                "Reader": "create",
            },
        ),
        Change(
            f"type: access\nrole: life-two\nsession: 8h\n{PEOPLE}{READERS}",
            {"Operator": REPLACED, "Reader": REPLACED},
        ),
        Failure(
            f"type: access\nrole: life-two\nsession: 2h\n{PEOPLE}{READERS}",
            r"(Operator|Reader) \(AWS::IAM::Role\).*UnmodifiableEntity",
            {"calls": "iam:UpdateRole", "kind": "fail", "code": "UnmodifiableEntity", "times": 1},
        ),
    ),
    "bucket": Life(
        "type: bucket\nname: life-one\n",
        Change("type: bucket\nname: life-one\nversions: false\n", {"Bucket": AT_ONCE}),
        Change(
            "type: bucket\nname: life-two\n",
            {"Bucket": KEPT, "BucketPolicy": PERHAPS},
            allow=("Bucket",),
        ),
        Failure(
            "type: bucket\nname: life-two\nexpire: [{prefix: tmp/, after: 7d}]\n",
            r"Bucket \(AWS::S3::Bucket\).*PutBucketLifecycleConfiguration",
            {"calls": "s3:PUT /life-two*", "kind": "fail", "code": "AccessDenied", "times": 1},
        ),
        stays={"AWS::S3::Bucket": 2},
    ),
    "certificate": Life(
        "type: certificate\ndomain: www.life.example\nzone: names\n",
        Change(
            "type: certificate\ndomain: www.life.example\nzone: names\ntags: {owner: web}\n", {}
        ),
        Change(
            "type: certificate\ndomain: www.life.example\nnames: [life.example]\nzone: names\n",
            {"Certificate": REPLACED},
        ),
        Failure(
            "type: certificate\ndomain: shop.life.example\nzone: names\n",
            r"Certificate \(AWS::CertificateManager::Certificate\).*LimitExceeded",
            {"calls": "acm:RequestCertificate", "kind": "fail", "code": "LimitExceededException"},
        ),
        around={"names": "type: dns\nzone: life.example\n"},
        by_hand=without_proofs,
    ),
    "dns": Life(
        "type: dns\nzone: life.example\nrecords: [{name: www, values: [192.0.2.1]}]\n",
        Change(
            "type: dns\nzone: life.example\nrecords: [{name: www, values: [192.0.2.2], ttl: 1m}]\n",
            {"AWww7c2ecd": AT_ONCE},
        ),
        Change(
            "type: dns\nzone: other.example\nrecords: [{name: www, values: [192.0.2.2]}]\n",
            {"Zone": REPLACED, "AWww7c2ecd": PERHAPS},
        ),
        Failure(
            "type: dns\nzone: other.example\nrecords:\n- {name: www, values: [192.0.2.2]}\n"
            "- {name: mail, type: MX, values: [10 mail.life.example.]}\n",
            r"MxMail\w+ \(AWS::Route53::RecordSet\).*InvalidChangeBatch",
            {"calls": "route53:POST *", "kind": "fail", "code": "InvalidChangeBatch", "times": 1},
        ),
    ),
    "network": Life(
        NETWORK,
        Change(NETWORK.replace("30d", "7d"), {"FlowLogGroup": AT_ONCE}),
        Change(
            NETWORK.replace("30d", "7d").replace("life.internal", "other.internal"),
            {"Names": REPLACED},
        ),
        Failure(
            NETWORK.replace("nat: one", "nat: per-zone"),
            r"\(AWS::EC2::NatGateway\).*NatGatewayLimitExceeded",
            {"calls": "ec2:CreateNatGateway", "kind": "fail", "code": "NatGatewayLimitExceeded"},
        ),
    ),
    "raw": Life(
        raw("life-one", "one"),
        Change(raw("life-one", "two"), {"Topic": AT_ONCE}),
        Change(raw("life-two", "two"), {"Topic": REPLACED}),
        Failure(
            raw("'no name'", "two"),
            r"Topic \(AWS::SNS::Topic\)",
            mended=raw("life-three", "two"),
        ),
        files={"stacks/topic.template": TOPIC},
    ),
    "registry": Life(
        "type: registry\nrepositories: [life/one]\n",
        Change(
            "type: registry\nrepositories: [life/one]\nkeep: 5\nimmutable: false\n",
            {"RepositoryLifeOnec0e23d": AT_ONCE},
        ),
        Change(
            "type: registry\nrepositories: [life/two]\nkeep: 5\n",
            {
                "RepositoryLifeTwo0330a0": "create",
                "RepositoryLifeOnec0e23d": "delete: the old one stays",
            },
        ),
        Failure(
            "type: registry\nrepositories: [life/two, life/one]\nkeep: 5\n",
            "already exists",
            mended="type: registry\nrepositories: [life/two, life/three]\n",
        ),
        stays={"AWS::ECR::Repository": 3},
    ),
}

DATABASE = Life(
    database("orders", log_min_duration_statement="500"),
    Change(
        database("orders", "alarms: {connections: 90}\n", log_min_duration_statement="250"),
        {"ParameterGroup": AT_ONCE, "ConnectionsAlarm": "create"},
    ),
    Change(
        database("archive", log_min_duration_statement="250"),
        {
            "Database": "replace: another database takes its place, without the data; "
            "a snapshot stays",
            "CpuAlarm": AT_ONCE,
            "StorageAlarm": AT_ONCE,
            "ConnectionsAlarm": "delete",
        },
        allow=("Database",),
    ),
    Failure(
        database("archive", no_such_parameter="1"),
        r"ParameterGroup \(AWS::RDS::DBParameterGroup\).*no_such_parameter",
        mended=database("archive", log_min_duration_statement="100"),
    ),
    around={"main": "type: network\n"},
    # Of each of the two a last one and the backup of its first night.
    stays={"snapshot of a database": 4},
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    made = LocalCloud(tmp_path_factory.mktemp("lives") / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def desk(cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for key, value in cloud.variables().items():
        monkeypatch.setenv(key, value)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "provisimus.yaml").write_text(f"project: {PROJECT}\n")
    made = Desk(tmp_path, cloud.url, cached(cloud.client))
    yield made
    made.heal()


@pytest.mark.parametrize("kind", sorted(LIVES))
def test_the_life_of(kind: str, desk: Desk) -> None:
    desk.service = kind
    live(desk, LIVES[kind])


def test_a_bucket_whose_first_creation_fails_leaves_its_name_free(desk: Desk) -> None:
    before = world_of(desk.client)
    desk.declare("type: bucket\nname: life-half\n")
    # The policy is looked for when the bucket is there.
    desk.fault({"calls": "s3:GET /life-half*", "kind": "fail", "code": "AccessDenied"})
    failed = str(desk.apply(fails=RolledBack).exception)
    assert "BucketPolicy (AWS::S3::BucketPolicy)" in failed
    desk.heal()
    assert {*more(world_of(desk.client), before)} == {"stack"}
    desk.apply()
    assert desk.status() == {"CREATE_COMPLETE"}
    # Once it was made for good it stays.
    desk.run("delete", desk.service, "--yes", "--quiet")
    assert more(world_of(desk.client), before) == {"AWS::S3::Bucket": ["life-half"]}


def test_repositories_whose_first_creation_fails_leave_their_names_free(desk: Desk) -> None:
    desk.client("ecr").create_repository(repositoryName="half/theirs")
    before = world_of(desk.client)
    desk.declare("type: registry\nrepositories: [half/ours, half/theirs]\n")
    assert "already exists" in str(desk.apply(fails=RolledBack).exception)
    assert {*more(world_of(desk.client), before)} == {"stack"}
    desk.run("delete", desk.service, "--yes", "--quiet")
    assert world_of(desk.client) == before


@needs_postgres
def test_the_life_of_a_database(desk: Desk, cloud: LocalCloud) -> None:
    needs_networks(cloud)
    live(desk, DATABASE)


@needs_postgres
def test_a_database_of_mysql_is_planned_and_refused_by_name(desk: Desk) -> None:
    desk.service = "shop"
    desk.declare("type: network\n", "main")
    desk.run("apply", "main", "--yes", "--quiet")
    before = world_of(desk.client)
    desk.declare("type: database\nengine: mysql\nengine_version: '8.4'\nnetwork: main\n")
    [plan] = desk.plan()
    assert {each["action"] for each in plan["changes"]} == {"create"}
    assert "tcp 3306 in from" in str(plan["security"])
    refused = str(desk.apply(fails=RolledBack).exception)
    assert "ParameterGroupFamily mysql8.4 is not a valid parameter group family here" in refused
    assert {*more(world_of(desk.client), before)} == {"stack"}
    for name in ("shop", "main"):
        desk.run("delete", name, "--yes", "--quiet")


def test_whatever_the_local_cloud_makes_is_looked_for() -> None:
    assert {*LISTED, *WITHIN, *ASKED_OTHERWISE} >= {*all_handlers()}
    assert {*WITHIN.values()} <= {*LISTED}
