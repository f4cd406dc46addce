"""What may stand around the subnets of a network: endpoints of AWS services, flow logs, names."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stacks.network import NetworkDefinition

Wanted = WantedStack[NetworkDefinition]


def endpoints(asked: NetworkDefinition) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tables = [
        *(["PublicRoutes"] if "public" in asked.tiers else []),
        *(f"PrivateRoutes{x.upper()}" for x in asked.letters if "private" in asked.tiers),
        *(["DataRoutes"] if "data" in asked.tiers and not asked.closed_data else []),
    ]
    for gateway in asked.endpoints.gateway if tables else ():
        found[f"Endpoint{_camel(gateway)}"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "VpcEndpointType": "Gateway",
                "ServiceName": _service(gateway),
                "RouteTableIds": [{"Ref": table} for table in tables],
            },
        }
    if asked.endpoints.interface:
        found["EndpointSecurityGroup"] = {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "Endpoints of AWS services, for the VPC alone",
                "VpcId": {"Ref": "Vpc"},
                "SecurityGroupIngress": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 443,
                        "ToPort": 443,
                        "CidrIp": asked.cidr,
                        "Description": "the VPC",
                    }
                ],
                "Tags": parts.named("endpoints"),
            },
        }
    for service in asked.endpoints.interface:
        found[f"Endpoint{_camel(service)}"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "VpcEndpointType": "Interface",
                "ServiceName": _service(service),
                "SubnetIds": [{"Ref": f"PrivateSubnet{x.upper()}"} for x in asked.letters],
                "SecurityGroupIds": [{"Fn::GetAtt": ["EndpointSecurityGroup", "GroupId"]}],
                "PrivateDnsEnabled": True,
            },
        }
    return found


def _service(name: str) -> dict[str, Any]:
    return {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{name}"}


def flow_logs(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition.flow_logs
    assert asked is not None
    return {
        "FlowLogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"RetentionInDays": asked.keep // 86400},
        },
        "FlowLogRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": f"Flow logs of {wanted.service}",
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
                            },
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "write",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": [
                                        "logs:CreateLogStream",
                                        "logs:PutLogEvents",
                                        "logs:DescribeLogStreams",
                                    ],
                                    "Resource": {"Fn::GetAtt": ["FlowLogGroup", "Arn"]},
                                }
                            ],
                        },
                    }
                ],
            },
        },
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceType": "VPC",
                "ResourceId": {"Ref": "Vpc"},
                "TrafficType": asked.traffic,
                "LogDestinationType": "cloud-watch-logs",
                "LogGroupName": {"Ref": "FlowLogGroup"},
                "DeliverLogsPermissionArn": {"Fn::GetAtt": ["FlowLogRole", "Arn"]},
                "Tags": parts.named(),
            },
        },
    }


def zone(asked: NetworkDefinition) -> dict[str, Any]:
    return {
        "Names": {
            "Type": "AWS::Route53::HostedZone",
            "Properties": {
                "Name": asked.dns,
                "VPCs": [{"VPCId": {"Ref": "Vpc"}, "VPCRegion": {"Ref": "AWS::Region"}}],
            },
        }
    }


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace(".", "-").split("-"))
