"""Readers, as in `readers.py`, of what is not a network: policies, keys, logs, topics, names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.contract.cloudformation.readers import given, reads, tags, texts


@reads("AWS::IAM::Policy")
def policy(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """From each that should have it; it has no id of its own."""
    iam, name = world.client("iam"), wanted["PolicyName"]
    documents = []
    for key, kind in (("Groups", "group"), ("Roles", "role"), ("Users", "user")):
        for holder in wanted.get(key, []):
            told = getattr(iam, f"get_{kind}_policy")(
                PolicyName=name, **{f"{kind.capitalize()}Name": holder}
            )
            assert told["PolicyName"] == name
            documents.append(told["PolicyDocument"])
    assert all(each == documents[0] for each in documents)
    asked = {key: wanted.get(key) for key in ("Groups", "PolicyName", "Roles", "Users")}
    return {**asked, "PolicyDocument": documents[0]}


@reads("AWS::IAM::ManagedPolicy")
def managed_policy(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    iam = world.client("iam")
    told = iam.get_policy(PolicyArn=physical_id)["Policy"]
    version = iam.get_policy_version(PolicyArn=physical_id, VersionId=told["DefaultVersionId"])
    attached = iam.list_entities_for_policy(PolicyArn=physical_id)
    return {
        "ManagedPolicyName": told["PolicyName"],
        "PolicyDocument": version["PolicyVersion"]["Document"],
        "Groups": [each["GroupName"] for each in attached["PolicyGroups"]],
        "Roles": [each["RoleName"] for each in attached["PolicyRoles"]],
        "Users": [each["UserName"] for each in attached["PolicyUsers"]],
        **given(told, "Description", "Path"),
    }


@reads("AWS::KMS::Key")
def key(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    kms = world.client("kms")
    told = kms.describe_key(KeyId=physical_id)["KeyMetadata"]
    rotates = told["Enabled"] and kms.get_key_rotation_status(KeyId=physical_id)
    found = kms.get_key_policy(KeyId=physical_id, PolicyName="default")["Policy"]
    listed = kms.list_resource_tags(KeyId=physical_id)["Tags"]
    return {
        "EnableKeyRotation": rotates and rotates["KeyRotationEnabled"],
        "KeyPolicy": texts(found),
        # Told by a key that is deleted only; a test of its own looks.
        "PendingWindowInDays": wanted.get("PendingWindowInDays"),
        "Tags": [{"Key": each["TagKey"], "Value": each["TagValue"]} for each in listed],
        **given(told, "Description", "Enabled", "KeySpec", "KeyUsage"),
    }


@reads("AWS::KMS::Alias")
def alias(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    (told,) = [
        each
        for each in world.client("kms").list_aliases()["Aliases"]
        if each["AliasName"] == physical_id
    ]
    return given(told, "AliasName", "TargetKeyId")


@reads("AWS::Logs::LogGroup")
def log_group(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    logs = world.client("logs")
    (told,) = logs.describe_log_groups(logGroupNamePrefix=physical_id)["logGroups"]
    listed = logs.list_tags_for_resource(resourceArn=told["arn"].removesuffix(":*"))["tags"]
    return {
        "KmsKeyId": told.get("kmsKeyId"),
        "LogGroupName": told["logGroupName"],
        "RetentionInDays": told.get("retentionInDays"),
        "Tags": tags({"Tags": [{"Key": k, "Value": v} for k, v in listed.items()]}),
    }


@reads("AWS::SNS::Topic")
def topic(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    sns = world.client("sns")
    told = sns.get_topic_attributes(TopicArn=physical_id)["Attributes"]
    inline = [(each["Protocol"], each["Endpoint"]) for each in wanted.get("Subscription", [])]
    subscribed = sns.list_subscriptions_by_topic(TopicArn=physical_id)["Subscriptions"]
    return {
        "DisplayName": told.get("DisplayName"),
        "KmsMasterKeyId": told.get("KmsMasterKeyId"),
        "Subscription": [
            given(each, "Endpoint", "Protocol")
            for each in subscribed
            if (each["Protocol"], each["Endpoint"]) in inline
        ],
        "Tags": tags(sns.list_tags_for_resource(ResourceArn=physical_id)),
        "TopicName": told["TopicArn"].rpartition(":")[2],
    }


@reads("AWS::SNS::Subscription")
def subscription(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.client("sns").get_subscription_attributes(SubscriptionArn=physical_id)
    found = told["Attributes"]
    return {
        "FilterPolicy": texts(found.get("FilterPolicy", "null")),
        "RawMessageDelivery": found.get("RawMessageDelivery") == "true",
        **given(found, "Endpoint", "Protocol", "TopicArn"),
    }


@reads("AWS::CloudWatch::Alarm")
def alarm(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    api = world.client("cloudwatch")
    (told,) = api.describe_alarms(AlarmNames=[physical_id])["MetricAlarms"]
    listed = api.list_tags_for_resource(ResourceARN=told["AlarmArn"])
    return {
        **dict.fromkeys(("ExtendedStatistic", "Statistic", "Unit", "TreatMissingData")),
        **dict.fromkeys(("DatapointsToAlarm", "AlarmDescription")),
        **told,
        "Tags": tags(listed),
    }


@reads("AWS::EC2::FlowLog")
def flow_log(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_flow_logs(FlowLogIds=[physical_id])["FlowLogs"][0]
    return {
        "ResourceType": "VPC" if told["ResourceId"].startswith("vpc-") else None,
        "Tags": [each for each in told["Tags"] if not each["Key"].startswith("aws:")],
        **given(
            told,
            "DeliverLogsPermissionArn",
            "LogDestinationType",
            "LogFormat",
            "LogGroupName",
            "MaxAggregationInterval",
            "ResourceId",
            "TrafficType",
        ),
    }


@reads("AWS::Route53::HostedZone")
def hosted_zone(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    api = world.client("route53")
    whole = api.get_hosted_zone(Id=physical_id)
    told = whole["HostedZone"]
    listed = api.list_tags_for_resource(ResourceType="hostedzone", ResourceId=physical_id)
    return {
        "HostedZoneConfig": given(told["Config"], "Comment"),
        "HostedZoneTags": listed["ResourceTagSet"]["Tags"],
        "Name": told["Name"].removesuffix("."),
        "VPCs": whole.get("VPCs", []),
    }


@reads("AWS::Route53::RecordSet")
def record_set(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    zone = wanted["HostedZoneId"]
    told = world.client("route53").list_resource_record_sets(HostedZoneId=zone)
    place = (f"{physical_id}.", wanted["Type"])
    (found,) = [e for e in told["ResourceRecordSets"] if (e["Name"], e["Type"]) == place]
    return {
        "AliasTarget": found.get("AliasTarget"),
        "HostedZoneId": zone,
        "Name": found["Name"].removesuffix("."),
        "ResourceRecords": [each["Value"] for each in found.get("ResourceRecords", [])],
        "TTL": str(found.get("TTL")),
        "Type": found["Type"],
    }
