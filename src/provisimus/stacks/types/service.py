"""The stack type `service`: one instance of a machine image, with data volumes that outlive it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.ondisk.places import POLICY, RHYTHM
from provisimus.stacks import permissions
from provisimus.stacks.effects import SWAPPED
from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.template import ATTACHMENT, INSTANCE, MOUNT, WAITING, resources_of
from provisimus.stacks.types import around_service as around
from provisimus.stacks.types import logs, parts
from provisimus.stacks.types.interface import IMAGE_ID, StackType, Template, WantedStack
from provisimus.stacks.wiring import wired
from provisimus.user_data import (
    ENVIRONMENT_FILE,
    LOGGING_FILE,
    PUBLISH_FILE,
    SNAPSHOTS_FILE,
    literally,
    user_data_of,
)
from provisimus.workspace.definitions.stack import DataVolume
from provisimus.workspace.definitions.stacks.service import ServiceDefinition

SIGNAL_MARGIN = 300
"""Seconds more than a machine takes before it gives up: until it is powered on, and its signal is
there. A machine that is up tells that it failed, so nobody waits for the end of them."""


Wanted = WantedStack[ServiceDefinition]


class Service(StackType[ServiceDefinition]):
    name = "service"
    definition = ServiceDefinition
    summary = "one instance of a machine image, with data volumes that outlive it"
    example = """\
type: service
version: 1.0.0                  # what runs; without it, name one: release greeter@1.0.0
machine: greeter                # packer/greeter; the default is the service's own name
network: default                # the account's default VPC; or a stack of type network: main, or
                                # {stack: main, subnet: public, zone: a}, or {vpc: …, subnet: …}
instance_type: t3.small
ingress:                        # who may reach it; everything else is closed
  - {port: 8080, from: 0.0.0.0/0}
data_volumes:                   # encrypted, outlive every instance, snapshotted when removed
  - {mount: /data, size: 20 GiB, snapshots: {every: 24h, keep: 14}}
health: {signal: true, metric: true}  # the stack waits for the first healthy answer; CloudWatch
# fixed_address: true           # a public address that outlives the instance
# dns: {zone: names, name: greeter.acme.example}   # zone: a stack of type dns, or Z…
# recovery: true                # moved to another computer when its own fails
# alarms: {cpu: 90, disk: 85, notify: ["arn:aws:sns:eu-west-1:111122223333:pager"]}
# logs: {keep: 30d}             # what the containers log, in CloudWatch Logs
# database: orders-db           # a stack of type database: DATABASE_HOST, …, DATABASE_PASSWORD
environment:                    # of the main container; the machine fetches what is only named
  GREETER_MODE: blue
  # DB_PASSWORD: "${secret:acme/greeter/db}"
environments:                   # what differs, per environment
  production: {instance_type: m6i.large}
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        volumes = named_volumes(wanted.definition.data_volumes)
        signal = _signal_id(wanted, volumes) if wanted.definition.health.signal else ""
        user_data = _user_data(wanted, volumes, signal)
        # The definition's own variables may stand in the place of some.
        values = {
            name: value
            for name, value in around.database_values(wanted).items()
            if f"${{{name}}}" in user_data
        }
        instance = instance_id_of(user_data + (repr(values) if values else ""))
        attachments = _attachments(volumes, instance)
        template = {
            **parts.head(f"{wanted.service}: one instance with its data volumes"),
            "Parameters": _parameters(wanted),
            "Resources": {
                "SecurityGroup": parts.security_group(
                    f"{wanted.service}: who may reach it",
                    map(parts.rule, wanted.definition.ingress),
                ),
                "Role": _role(wanted, volumes),
                "InstanceProfile": parts.instance_profile(),
                **{name: _volume(volume) for name, volume in volumes.items()},
                instance: _instance(wanted, user_data, values),
                **attachments,
                **around.address(wanted, instance),
                **around.alarms(wanted, instance),
                **logs.log_group(wanted.definition.logs),
                **around.snapshots(wanted, volumes),
                **({signal: _waiting(wanted, [instance, *attachments])} if signal else {}),
            },
            "Outputs": _outputs(wanted, volumes, instance),
        }
        return wired(template, wanted.network.wires)

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        given = {
            "Version": wanted.version,
            "VpcId": wanted.network.vpc,
            "SubnetId": wanted.network.subnet,
            "AvailabilityZone": wanted.network.zone,
            "InstanceType": wanted.definition.instance_type,
        }
        if wanted.definition.key_name:
            given["KeyName"] = wanted.definition.key_name
        return parts.given(wanted, given)

    def effect(self, change: ResourceChange, template: Template) -> str | None:
        if change.kind == INSTANCE and change.replacement == "True":
            return _swapped(template)
        if change.kind == ATTACHMENT and change.action == "Modify":
            return "the volume moves to the new machine"
        return None


def _swapped(template: Template) -> str:
    if resources_of(template, ATTACHMENT):
        return f"{SWAPPED}; its data volumes are snapshotted and move over"
    if resources_of(template, "AWS::EC2::EIP"):
        return "a new machine starts and takes the address over, then the old one goes"
    return "a new machine starts under another address, then the old one goes"


def named_volumes(volumes: tuple[DataVolume, ...]) -> dict[str, DataVolume]:
    """Data volumes by logical id, which follows from the mount and what it was made of.

    So a volume keeps its identity, and its data, when others come, go or change places. What a
    volume is made of cannot be changed in place, so one of another snapshot is another volume.
    """
    plain = [_camel(volume.mount) for volume in volumes]
    return {
        "DataVolume"
        + (name if plain.count(name) == 1 else name + _short(volume.mount))
        + (_short(volume.made_of) if volume.made_of else ""): volume
        for name, volume in zip(plain, volumes, strict=True)
    }


def instance_id_of(user_data: str) -> str:
    """The instance's logical id. cloud-init reads user data on the first boot only, so an
    instance with other user data must be another instance; CloudFormation would merely restart it.
    """
    return "Instance" + _short(user_data)


def _user_data(wanted: Wanted, volumes: Mapping[str, DataVolume], signal: str) -> str:
    """Text for Fn::Sub, which puts the ids of the volumes in."""
    told: dict[str, Any] = {}
    health = wanted.definition.health
    if health.metric or signal:
        told[PUBLISH_FILE] = {
            "service": wanted.service,
            "stack": "${AWS::StackName}",
            "metric": health.metric,
            "signal": signal,
        }
    if kept := _kept(volumes):
        told[SNAPSHOTS_FILE] = [
            {
                "mount": each.mount,
                "volume": f"${{{name}}}",
                "tags": {**wanted.ours, POLICY: _policy(each)},
            }
            for name, each in kept.items()
        ]
    if logging := logs.logging_of(wanted.definition.logs):
        told[LOGGING_FILE] = logging
    own = {name: literally(value) for name, value in wanted.definition.environment.items()}
    given = {**around.database_variables(wanted), **logs.log_variables(wanted.definition.logs)}
    if variables := {**given, **own}:
        told[ENVIRONMENT_FILE] = variables
    return user_data_of(((f"${{{name}}}", each.mount) for name, each in volumes.items()), told)


def _kept(volumes: Mapping[str, DataVolume]) -> dict[str, DataVolume]:
    """The volumes of which the machine takes snapshots."""
    taken = around.taken_by_dlm(volumes)
    return {name: each for name, each in volumes.items() if each.snapshots and name not in taken}


def _policy(volume: DataVolume) -> str:
    """Its name, as text for Fn::Sub: a volume's successor goes on with the same."""
    return f"${{AWS::StackName}}:{volume.mount}"


def _signal_id(wanted: Wanted, volumes: Mapping[str, DataVolume]) -> str:
    """The logical id of what waits for the machine's signal.

    It waits when it is made and never again, so each new instance needs another: its name is made
    of all that makes another instance. It is no creation policy of the instance itself, for that
    would be waited for before the instance's volumes are attached, without which no answer comes.
    Raises InvalidDefinitions for a machine that cannot know whether it is healthy.
    """
    if wanted.health is None:
        where = f"stacks/{wanted.service}.yaml"
        message = "the machine declares no health check, so there is nothing to wait for"
        hint = "add health: to machine.yaml, or remove signal"
        raise InvalidDefinitions([Problem(where, None, "health/signal", message, hint)])
    network, key = wanted.network, wanted.definition.key_name
    identity = (wanted.machine, network.subnet, network.zone, key)
    return "Healthy" + _short(repr((identity, _user_data(wanted, volumes, "Healthy"))))


def _waiting(wanted: Wanted, begun: list[str]) -> dict[str, Any]:
    """`begun` is what must be there before the machine can have an answer."""
    assert wanted.health is not None
    # At most twelve hours ("CreationPolicy attribute", Timeout).
    seconds = min(wanted.health.within + SIGNAL_MARGIN, 12 * 3600)
    return {
        "Type": WAITING,
        "DependsOn": begun,
        "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": f"PT{seconds}S"}},
    }


def _parameters(wanted: Wanted) -> dict[str, Any]:
    return {
        **parts.image_parameters(),
        **parts.vpc_parameter(),
        "SubnetId": {"Type": "AWS::EC2::Subnet::Id", "Description": "A subnet of the VPC."},
        "AvailabilityZone": {
            "Type": "AWS::EC2::AvailabilityZone::Name",
            "Description": "The zone of the subnet; data volumes live in it.",
        },
        **parts.size_parameters(wanted.definition.key_name),
    }


def _role(wanted: Wanted, volumes: Mapping[str, DataVolume]) -> dict[str, Any]:
    health = wanted.definition.health
    statements = [
        *permissions.reading(wanted.definition.environment),
        *permissions.telling(metric=health.metric, signal=health.signal),
        *permissions.snapshotting(
            list(kept := _kept(volumes)), [{"Fn::Sub": _policy(each)} for each in kept.values()]
        ),
        *around.reading_database(wanted),
        *logs.writing_logs(wanted.definition.logs),
    ]
    return parts.instance_role(f"The instance of {wanted.service}", statements)


def _volume(volume: DataVolume) -> dict[str, Any]:
    tags = [
        {"Key": "Name", "Value": {"Fn::Sub": f"${{AWS::StackName}} {volume.mount}"}},
        {"Key": MOUNT, "Value": volume.mount},
    ]
    if volume.snapshots and volume.snapshots.by == "dlm":
        tags.append({"Key": around.BY_DLM, "Value": around.dlm_policy(volume)})
    elif volume.snapshots:
        rhythm = f"every={volume.snapshots.every} keep={volume.snapshots.keep}"
        tags.append({"Key": RHYTHM, "Value": rhythm})
    return {
        "Type": "AWS::EC2::Volume",
        "DeletionPolicy": "Snapshot",
        "UpdateReplacePolicy": "Snapshot",
        "Properties": {
            "AvailabilityZone": {"Ref": "AvailabilityZone"},
            "Encrypted": True,
            "VolumeType": "gp3",
            "Size": volume.size,
            **({"SnapshotId": volume.made_of} if volume.made_of else {}),
            "Tags": tags,
        },
    }


def _instance(wanted: Wanted, user_data: str, values: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ImageId": {"Ref": IMAGE_ID},
        "InstanceType": {"Ref": "InstanceType"},
        "SubnetId": {"Ref": "SubnetId"},
        "SecurityGroupIds": [parts.group_id("SecurityGroup"), *around.database_group(wanted)],
        "IamInstanceProfile": {"Ref": "InstanceProfile"},
        "MetadataOptions": dict(parts.METADATA),
        "BlockDeviceMappings": parts.root_disk(),
        "PropagateTagsToVolumeOnCreation": True,
        "Tags": parts.named(),
    }
    if user_data:
        text = [user_data, dict(values)] if values else user_data
        properties["UserData"] = {"Fn::Base64": {"Fn::Sub": text}}
    if wanted.definition.key_name:
        properties["KeyName"] = {"Ref": "KeyName"}
    return {"Type": "AWS::EC2::Instance", "Properties": properties}


def _attachments(volumes: Mapping[str, DataVolume], instance: str) -> dict[str, Any]:
    """Names from /dev/sdf on are EC2's for data volumes ("Device names on Linux instances")."""
    return {
        f"Attach{name}": {
            "Type": "AWS::EC2::VolumeAttachment",
            "Properties": {
                "Device": f"/dev/sd{chr(ord('f') + index)}",
                "InstanceId": {"Ref": instance},
                "VolumeId": {"Ref": name},
            },
        }
        for index, name in enumerate(volumes)
    }


def _outputs(wanted: Wanted, volumes: Mapping[str, DataVolume], instance: str) -> dict[str, Any]:
    outputs: dict[str, Any] = {
        "Version": {"Value": {"Ref": "Version"}},
        "AvailabilityZone": {"Value": {"Ref": "AvailabilityZone"}},
        "InstanceId": {"Value": {"Ref": instance}},
        "PrivateIp": {"Value": {"Fn::GetAtt": [instance, "PrivateIp"]}},
    }
    address = f"{instance}.PrivateIp"
    if wanted.definition.fixed_address:
        outputs["PublicIp"] = {"Value": {"Ref": "Address"}}
        address = "Address"
    elif wanted.network.public:
        outputs["PublicIp"] = {"Value": {"Fn::GetAtt": [instance, "PublicIp"]}}
        address = f"{instance}.PublicIp"
    if wanted.health and wanted.health.http:
        port = wanted.health.http.port
        outputs["Url"] = {"Value": {"Fn::Sub": f"http://${{{address}}}:{port}/"}}
    outputs |= logs.log_output(wanted.definition.logs)
    for name, volume in volumes.items():
        outputs[name] = {"Description": volume.mount, "Value": {"Ref": name}}
    return outputs


def _camel(mount: str) -> str:
    return "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", mount)) or "Root"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


TYPE = Service()
