"""A dated table of what resources cost: rough list prices on demand, without taxes and discounts.

Written down from the public price lists ("Amazon EC2 On-Demand Pricing" and the pages of the other
services) and not asked for again: `AS_OF` says when. A region, an instance type or a resource type
that is not here has no price, which is not the same as costing nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2026-01"

HOURS: Final = 730
"""Hours of a month, as AWS's own calculator has them."""


@dataclass(frozen=True)
class Prices:
    """US dollars. Instances and what is running per hour, storage per GiB and month."""

    instances: dict[str, float]
    databases: dict[str, float]
    volumes: dict[str, float]
    database_storage: float
    nat_gateway: float
    load_balancer: float
    endpoint: float
    """Of an interface endpoint, per subnet that it is in."""
    public_address: float = 0.005
    alarm: float = 0.10
    """A month, of a metric at the standard resolution."""
    secret: float = 0.40
    key: float = 1.00
    zone: float = 0.50


def sizes(family: str, large: float) -> dict[str, float]:
    """The sizes of a family of instance types, whose prices double from one to the next."""
    small = {"nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2}
    steps = {"large": 1.0, "xlarge": 2.0, "2xlarge": 4.0, "4xlarge": 8.0}
    burst = family.partition(".")[0].removeprefix("db.").startswith("t")
    factors = {**small, **steps} if burst else steps
    # Bursting families end at 2xlarge.
    return {
        f"{family}.{size}": round(large * factor, 5)
        for size, factor in factors.items()
        if not (burst and size == "4xlarge")
    }


PRICES: Final = {
    "us-east-1": Prices(
        instances={
            **sizes("t3", 0.0832),
            **sizes("t3a", 0.0752),
            **sizes("m5", 0.096),
            **sizes("m6i", 0.096),
            **sizes("c5", 0.085),
            **sizes("c6i", 0.085),
            **sizes("r5", 0.126),
            **sizes("r6i", 0.126),
        },
        databases={"db.t3.micro": 0.018, "db.t3.small": 0.036, "db.t3.medium": 0.072},
        volumes={"gp3": 0.08, "gp2": 0.10, "standard": 0.05},
        database_storage=0.115,
        nat_gateway=0.045,
        load_balancer=0.0225,
        endpoint=0.01,
    ),
    "eu-west-1": Prices(
        instances={
            **sizes("t3", 0.0912),
            **sizes("t3a", 0.0816),
            **sizes("m5", 0.107),
            **sizes("m6i", 0.107),
            **sizes("c5", 0.096),
            **sizes("c6i", 0.0912),
            **sizes("r5", 0.141),
            **sizes("r6i", 0.141),
        },
        databases={"db.t3.micro": 0.02, "db.t3.small": 0.039, "db.t3.medium": 0.079},
        volumes={"gp3": 0.088, "gp2": 0.11, "standard": 0.055},
        database_storage=0.127,
        nat_gateway=0.048,
        load_balancer=0.0252,
        endpoint=0.011,
    ),
}

FREE: Final = frozenset(
    f"AWS::{name}"
    for name in (
        *("IAM::Role", "IAM::Policy", "IAM::ManagedPolicy", "IAM::InstanceProfile"),
        *("EC2::VPC", "EC2::Subnet", "EC2::InternetGateway", "EC2::VPCGatewayAttachment"),
        *("EC2::RouteTable", "EC2::Route", "EC2::SubnetRouteTableAssociation"),
        *("EC2::SecurityGroup", "EC2::SecurityGroupIngress", "EC2::SecurityGroupEgress"),
        *("EC2::NetworkAcl", "EC2::NetworkAclEntry", "EC2::SubnetNetworkAclAssociation"),
        *("EC2::VolumeAttachment", "EC2::EIPAssociation", "EC2::LaunchTemplate"),
        *("EC2::NetworkInterface", "EC2::EgressOnlyInternetGateway"),
        *("AutoScaling::ScalingPolicy", "AutoScaling::LifecycleHook"),
        *("ElasticLoadBalancingV2::TargetGroup", "ElasticLoadBalancingV2::Listener"),
        *("ElasticLoadBalancingV2::ListenerRule", "ElasticLoadBalancingV2::ListenerCertificate"),
        *("RDS::DBSubnetGroup", "RDS::DBParameterGroup", "CertificateManager::Certificate"),
        *("CloudFormation::WaitCondition", "CloudFormation::WaitConditionHandle"),
        *("DLM::LifecyclePolicy", "KMS::Alias", "S3::BucketPolicy", "Route53::RecordSet"),
        *("SecretsManager::ResourcePolicy", "SecretsManager::SecretTargetAttachment"),
        *("SNS::Subscription", "SNS::TopicPolicy", "SSM::Parameter"),
    )
)
"""What costs nothing by being there. What passes through is never counted."""

BY_USE: Final = {
    "AWS::S3::Bucket": "by what it holds and what is asked of it",
    "AWS::ECR::Repository": "by what it holds",
    "AWS::Logs::LogGroup": "by what is written to it",
    "AWS::EC2::FlowLog": "by what is written to it",
    "AWS::SNS::Topic": "by what it sends",
}
"""What is billed by its use, which a template does not tell."""
