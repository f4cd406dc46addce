"""DLM: policies take real snapshots of volumes by tag. Its API reference; "Automate backups with
Amazon Data Lifecycle Manager" in the EBS User Guide. The clock is told, so nobody waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from .databases import eventually

STACK = """
Resources:
  Data:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: eu-west-1a, Size: 1, Tags: [{Key: snapshots, Value: daily}]}
  Daily:
    Type: AWS::DLM::LifecyclePolicy
    Properties:
      Description: every day
      ExecutionRoleArn: arn:aws:iam::123456789012:role/dlm
      State: ENABLED
      Tags: [{Key: team, Value: green}]
      PolicyDetails:
        PolicyType: EBS_SNAPSHOT_MANAGEMENT
        ResourceTypes: [VOLUME]
        ResourceLocations: [CLOUD]
        TargetTags: [{Key: snapshots, Value: daily}]
        Schedules:
          - Name: daily
            CopyTags: true
            TagsToAdd: [{Key: by, Value: dlm}]
            CreateRule: {Interval: 24, IntervalUnit: HOURS, Times: ["03:00"]}
            RetainRule: {Count: COUNT}
Outputs: {Policy: {Value: !Ref Daily}, Arn: {Value: !GetAtt Daily.Arn}, Data: {Value: !Ref Data}}
"""


@pytest.fixture
def stack(cloud):
    api = cloud.client("cloudformation")

    def status():
        return api.list_stacks()["StackSummaries"][0]["StackStatus"]

    api.create_stack(StackName="data", TemplateBody=STACK.replace("COUNT", "2"))
    eventually(status, "CREATE_COMPLETE")
    return api, status


def test_a_policy_of_a_stack_takes_and_removes_snapshots(cloud, stack):
    api, status = stack
    told = api.describe_stacks(StackName="data")["Stacks"][0]["Outputs"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in told}
    dlm, ec2 = cloud.client("dlm"), cloud.client("ec2")
    (listed,) = dlm.get_lifecycle_policies(TargetTags=["snapshots=daily"])["Policies"]
    assert (listed["PolicyId"], listed["State"]) == (outputs["Policy"], "ENABLED")
    assert listed["Tags"]["team"] == "green"
    assert dlm.list_tags_for_resource(ResourceArn=outputs["Arn"])["Tags"] == listed["Tags"]
    whole = dlm.get_lifecycle_policy(PolicyId=outputs["Policy"])["Policy"]
    assert whole["PolicyDetails"]["Schedules"][0]["RetainRule"] == {"Count": 2}
    asked = api.detect_stack_resource_drift(StackName="data", LogicalResourceId="Daily")
    assert asked["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"

    tomorrow = datetime.now(UTC).replace(hour=3, minute=1, second=0) + timedelta(days=1)

    def go_on(days: int) -> int:
        now = (tomorrow + timedelta(days=days)).isoformat()
        return cloud.post("clock", {"now": now}).json()["begun"]

    assert [go_on(0), go_on(0), go_on(1)] == [1, 0, 1]
    taken = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert {each["VolumeId"] for each in taken} == {outputs["Data"]}
    tags = {each["Key"]: each["Value"] for each in taken[0]["Tags"]}
    assert tags["aws:dlm:lifecycle-policy-id"] == outputs["Policy"]
    assert (tags["snapshots"], tags["by"]) == ("daily", "dlm")
    for each in taken:
        assert (cloud.directory / "disks" / f"{each['SnapshotId']}.qcow2").exists()
    assert go_on(2) == 1
    assert len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 2

    # Another count, then a crash, then the end of it.
    api.update_stack(StackName="data", TemplateBody=STACK.replace("COUNT", "1"))
    eventually(status, "UPDATE_COMPLETE")
    eventually(lambda: cloud.status()["saved"], True)
    cloud.kill()
    cloud.start()
    assert go_on(3) == 1
    assert len(cloud.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 1
    cloud.client("cloudformation").delete_stack(StackName="data")
    eventually(status, "DELETE_COMPLETE")
    assert cloud.client("dlm").get_lifecycle_policies()["Policies"] == []


def test_what_nothing_does_is_refused(cloud):
    dlm = cloud.client("dlm")
    given = {
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/dlm", "Description": "x",
        "State": "ENABLED",
    }  # fmt: skip
    for more, said in (
        ({"PolicyDetails": {"PolicyType": "IMAGE_MANAGEMENT"}}, "IMAGE_MANAGEMENT are not"),
        ({"DefaultPolicy": "VOLUME"}, "PolicyDetails"),
    ):
        with pytest.raises(ClientError, match=said) as caught:
            dlm.create_lifecycle_policy(**given, **more)
        assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    with pytest.raises(dlm.exceptions.ResourceNotFoundException):
        dlm.get_lifecycle_policy(PolicyId="policy-0123456789abcdef0")
    assert cloud.post("clock", {"now": "soon"}).status_code == 409
