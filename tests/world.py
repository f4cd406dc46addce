"""All that there is in a cloud, by the CloudFormation types of this house, to see what was left.

Every type that the local cloud makes stands here: with the call that lists what there is of it, or
with the type within which it lives and goes. What AWS makes by itself is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Client = Callable[[str], Any]
World = Mapping[str, frozenset[str]]


class Listing(NamedTuple):
    """How to list: service, method of its client, key of the list, key of each one's name."""

    service: str
    method: str
    items: str
    name: str


LISTED: Mapping[str, Listing] = {
    "AWS::AutoScaling::AutoScalingGroup": Listing(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupARN"
    ),
    "AWS::CertificateManager::Certificate": Listing(
        "acm", "list_certificates", "CertificateSummaryList", "CertificateArn"
    ),
    "AWS::CloudWatch::Alarm": Listing("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "AWS::DLM::LifecyclePolicy": Listing("dlm", "get_lifecycle_policies", "Policies", "PolicyId"),
    "AWS::EC2::EIP": Listing("ec2", "describe_addresses", "Addresses", "AllocationId"),
    "AWS::EC2::EgressOnlyInternetGateway": Listing(
        "ec2",
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayId",
    ),
    "AWS::EC2::FlowLog": Listing("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    "AWS::EC2::InternetGateway": Listing(
        "ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "AWS::EC2::LaunchTemplate": Listing(
        "ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"
    ),
    "AWS::EC2::NatGateway": Listing("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    "AWS::EC2::NetworkAcl": Listing("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    "AWS::EC2::NetworkInterface": Listing(
        "ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"
    ),
    "AWS::EC2::RouteTable": Listing("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    "AWS::EC2::SecurityGroup": Listing(
        "ec2", "describe_security_groups", "SecurityGroups", "GroupId"
    ),
    "AWS::EC2::Subnet": Listing("ec2", "describe_subnets", "Subnets", "SubnetId"),
    "AWS::EC2::VPC": Listing("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    "AWS::EC2::VPCEndpoint": Listing(
        "ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"
    ),
    "AWS::EC2::Volume": Listing("ec2", "describe_volumes", "Volumes", "VolumeId"),
    "AWS::ECR::Repository": Listing(
        "ecr", "describe_repositories", "repositories", "repositoryName"
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Listing(
        "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Listing(
        "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"
    ),
    "AWS::IAM::InstanceProfile": Listing(
        "iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"
    ),
    "AWS::IAM::Role": Listing("iam", "list_roles", "Roles", "RoleName"),
    "AWS::KMS::Alias": Listing("kms", "list_aliases", "Aliases", "AliasName"),
    "AWS::Logs::LogGroup": Listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::RDS::DBInstance": Listing(
        "rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"
    ),
    "AWS::RDS::DBParameterGroup": Listing(
        "rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"
    ),
    "AWS::RDS::DBSubnetGroup": Listing(
        "rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"
    ),
    "AWS::Route53::HostedZone": Listing("route53", "list_hosted_zones", "HostedZones", "Id"),
    "AWS::S3::Bucket": Listing("s3", "list_buckets", "Buckets", "Name"),
    "AWS::SNS::Subscription": Listing(
        "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"
    ),
    "AWS::SNS::Topic": Listing("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SSM::Parameter": Listing("ssm", "describe_parameters", "Parameters", "Name"),
    "AWS::SecretsManager::Secret": Listing("secretsmanager", "list_secrets", "SecretList", "ARN"),
    # No resources of ours, but what they may leave.
    "snapshot of a volume": Listing("ec2", "describe_snapshots", "Snapshots", "SnapshotId"),
    "snapshot of a database": Listing(
        "rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"
    ),
    "stack": Listing("cloudformation", "describe_stacks", "Stacks", "StackId"),
}

ASKED_OTHERWISE = ("AWS::EC2::Instance", "AWS::IAM::ManagedPolicy", "AWS::KMS::Key")
"""Types of which AWS tells also what is gone, or its own."""

WITHIN: Mapping[str, str] = {
    "AWS::AutoScaling::LifecycleHook": "AWS::AutoScaling::AutoScalingGroup",
    "AWS::AutoScaling::ScalingPolicy": "AWS::AutoScaling::AutoScalingGroup",
    "AWS::CloudFormation::WaitCondition": "stack",
    "AWS::EC2::EIPAssociation": "AWS::EC2::EIP",
    "AWS::EC2::NetworkAclEntry": "AWS::EC2::NetworkAcl",
    "AWS::EC2::Route": "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroupEgress": "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupIngress": "AWS::EC2::SecurityGroup",
    "AWS::EC2::SubnetNetworkAclAssociation": "AWS::EC2::NetworkAcl",
    "AWS::EC2::SubnetRouteTableAssociation": "AWS::EC2::RouteTable",
    "AWS::EC2::VPCGatewayAttachment": "AWS::EC2::InternetGateway",
    "AWS::EC2::VolumeAttachment": "AWS::EC2::Volume",
    "AWS::ElasticLoadBalancingV2::Listener": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::IAM::Policy": "AWS::IAM::Role",
    "AWS::Route53::RecordSet": "AWS::Route53::HostedZone",
    "AWS::S3::BucketPolicy": "AWS::S3::Bucket",
    "AWS::SecretsManager::ResourcePolicy": "AWS::SecretsManager::Secret",
    "AWS::SecretsManager::SecretTargetAttachment": "AWS::SecretsManager::Secret",
}
"""What lives in something else and goes with it. A rule in a group, a policy at a role, and a
record in a zone can be left in one that stays: drift detection tells that."""

GOING = ("deleted", "deleting", "terminated", "shutting-down")


def world_of(client: Client) -> World:
    """The names of all that there is, by type. Types of which there is nothing are left out."""
    found = {kind: _names(client, listing) for kind, listing in LISTED.items()}
    ec2, iam = client("ec2"), client("iam")
    found["AWS::EC2::Instance"] = frozenset(
        each["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for each in reservation["Instances"]
        if each["State"]["Name"] not in GOING
    )
    found["AWS::IAM::ManagedPolicy"] = frozenset(
        each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]
    )
    found["AWS::KMS::Key"] = _keys(client("kms"))
    return {kind: names for kind, names in found.items() if names}


def _keys(kms: Any) -> frozenset[str]:
    """Without those of AWS's own (alias/aws/rds), which are made when first used, and stay."""
    aliases = kms.list_aliases()["Aliases"]
    of_aws = {e.get("TargetKeyId") for e in aliases if e["AliasName"].startswith("alias/aws/")}
    names = {each["KeyId"] for each in kms.list_keys()["Keys"]} - of_aws
    told = {name: kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"] for name in names}
    return frozenset(name for name, state in told.items() if state != "PendingDeletion")


def _names(client: Client, listing: Listing) -> frozenset[str]:
    api = client(listing.service)
    if api.can_paginate(listing.method):
        pages = list(api.get_paginator(listing.method).paginate())
    else:
        pages = [getattr(api, listing.method)()]
    return frozenset(
        str(each[listing.name])
        for page in pages
        for each in page.get(listing.items, ())
        if str(each.get("State", each.get("status", ""))).lower() not in GOING
    )


def more(after: World, before: World) -> dict[str, list[str]]:
    """What there is after and was not before, by type."""
    return {
        kind: sorted(new)
        for kind, names in after.items()
        if (new := names - before.get(kind, frozenset()))
    }
