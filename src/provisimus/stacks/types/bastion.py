"""The stack type `bastion`: no open port and no key; sessions go through AWS, by role."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.stacks.wiring import wired
from provisimus.workspace.definitions.stacks.bastion import BastionDefinition

Wanted = WantedStack[BastionDefinition]


class Bastion(StackType[BastionDefinition]):
    name = "bastion"
    definition = BastionDefinition
    summary = "a small machine within a network, reached through Session Manager, no open port"
    example = """\
type: bastion
network: default                # or a stack of type network: main, in its private subnet
instance_type: t3.nano
# databases: [orders-db]        # stacks of type database that may be reached from it
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        template = {
            **parts.head(f"{wanted.service}: a way in without an open port"),
            "Parameters": {
                **parts.vpc_parameter(),
                "SubnetId": {"Type": "AWS::EC2::Subnet::Id", "Description": "A subnet of the VPC."},
                "MachineImage": {
                    "Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
                    "Description": "The parameter that names its machine image.",
                },
                "InstanceType": {"Type": "String", "Description": "The size of the instance."},
            },
            "Resources": {
                "SecurityGroup": parts.security_group(f"{wanted.service}: nobody", []),
                "Role": parts.instance_role(
                    f"The instance of {wanted.service}", [], "AmazonSSMManagedInstanceCore"
                ),
                "InstanceProfile": parts.instance_profile(),
                "Instance": _instance(wanted),
            },
            "Outputs": {
                "InstanceId": {
                    "Description": "aws ssm start-session --target …",
                    "Value": {"Ref": "Instance"},
                },
                "SecurityGroupId": {"Value": parts.group_id("SecurityGroup")},
            },
        }
        return wired(template, wanted.network.wires)

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        values = {
            "VpcId": wanted.network.vpc,
            "SubnetId": wanted.network.subnet,
            "MachineImage": wanted.definition.machine_image,
            "InstanceType": wanted.definition.instance_type,
        }
        return parts.given(wanted, values)


def _instance(wanted: Wanted) -> dict[str, Any]:
    worn = [
        wanted.others[database].output("ClientSecurityGroupId")
        for database in wanted.definition.databases
    ]
    return {
        "Type": "AWS::EC2::Instance",
        "Properties": {
            "ImageId": {"Ref": "MachineImage"},
            "InstanceType": {"Ref": "InstanceType"},
            "SubnetId": {"Ref": "SubnetId"},
            "SecurityGroupIds": [parts.group_id("SecurityGroup"), *worn],
            "IamInstanceProfile": {"Ref": "InstanceProfile"},
            "MetadataOptions": {**parts.METADATA, "HttpPutResponseHopLimit": 1},
            "BlockDeviceMappings": [
                {
                    "DeviceName": "/dev/xvda",
                    "Ebs": {"Encrypted": True, "VolumeType": "gp3", "DeleteOnTermination": True},
                }
            ],
            "PropagateTagsToVolumeOnCreation": True,
            "Tags": parts.named(),
        },
    }


TYPE = Bastion()
