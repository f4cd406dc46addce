"""Templates as values: written one way, named by a fingerprint, taken apart for a swap.

Pure. Knows CloudFormation's shapes, and no stack type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from provisimus.errors import Refused
from provisimus.model import Digest, fingerprint
from provisimus.stacks.types.interface import IMAGE_ID, Template

INSTANCE = "AWS::EC2::Instance"
VOLUME = "AWS::EC2::Volume"
MOUNT = "provisimus:mount"
"""Tag of a data volume: the folder on which it is mounted."""
ATTACHMENT = "AWS::EC2::VolumeAttachment"
WAITING = "AWS::CloudFormation::WaitCondition"
"""Where a stack waits for the signal of a machine that became healthy."""

NESTED = "AWS::CloudFormation::Stack"
DATABASE = "AWS::RDS::DBInstance"
HOLDING_DATA = frozenset(
    {
        VOLUME,
        DATABASE,
        "AWS::S3::Bucket",
        "AWS::ECR::Repository",
        "AWS::RDS::DBCluster",
        "AWS::DynamoDB::Table",
        "AWS::DynamoDB::GlobalTable",
        "AWS::EFS::FileSystem",
        "AWS::OpenSearchService::Domain",
        "AWS::SecretsManager::Secret",
        "AWS::KMS::Key",
        "AWS::Cognito::UserPool",
    }
)
"""What another one made in its place would be without: the data."""

RETAINING = ("Retain", "RetainExceptOnCreate")
"""Deletion policies of what stays as it is when it goes from its stack, or the stack goes. The
second one is removed when the operation that made it is rolled back ("DeletionPolicy attribute").
"""

BODY_LIMIT = 1_048_576
"""Bytes of a template in a bucket ("AWS CloudFormation quotas", template body size in an S3
object); in a request it is less (submission)."""

REPLACING = frozenset({"AvailabilityZone", "BlockDeviceMappings", "ImageId", "KeyName", "SubnetId"})
"""Properties of an instance, of those in use here, whose change makes another instance
(`createOnlyProperties` and its conditional kin in the type's schema)."""

SWAP_OF = "SwapOf"
"""Output of a stack between the two updates of a swap: the fingerprint that it had before."""

_DETACHED = "Provisimus::Detached"


def body_of(template: Template) -> str:
    """The template as it is submitted. Raises Refused for one that CloudFormation never takes."""
    text = json.dumps(template, separators=(",", ":"))
    if len(text.encode()) > BODY_LIMIT:
        raise Refused(
            f"the template has {len(text.encode())} bytes; CloudFormation takes {BODY_LIMIT}",
            hint="split the stack",
        )
    return text


def yaml_of(template: Template) -> str:
    """The template for people, in its own order."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    plain = json.loads(json.dumps(template))
    return str(yaml.dump(plain, Dumper=Dumper, sort_keys=False, width=100))


def fingerprint_of(
    template: Template,
    parameters: Mapping[str, str],
    machine_fingerprint: Digest | None,
    tags: Mapping[str, str] | None = None,
) -> Digest:
    """What names a stack: the machine's fingerprint stands in for the id of its AMI.

    So the name is known before the AMI is baked, and is the same in every account. None is a stack
    without a machine. `tags` are the company's own.
    """
    image = {IMAGE_ID: str(machine_fingerprint)} if machine_fingerprint else {}
    own = {"tags": dict(tags)} if tags else {}
    return fingerprint({"template": template, "parameters": {**parameters, **image}, **own})


def resources_of(template: Template, kind: str) -> dict[str, Any]:
    resources = template.get("Resources", {})
    return {name: each for name, each in resources.items() if each.get("Type") == kind}


def hidden_parameters(template: Template) -> set[str]:
    """The parameters whose values CloudFormation tells nobody (`NoEcho`)."""
    declared = template.get("Parameters", {})
    return {name for name, each in declared.items() if str(each.get("NoEcho")).lower() == "true"}


def capabilities_of(template: Template) -> list[str]:
    """What CloudFormation wants acknowledged for this template (CreateChangeSet, Capabilities).

    What nested stacks have in them is not known here, so all of it is acknowledged.
    """
    resources = template["Resources"].values()
    nested = any(each["Type"] == NESTED for each in resources)
    iam = [each for each in resources if each["Type"].startswith("AWS::IAM::")]
    named = any(key in each.get("Properties", {}) for each in iam for key in _NAMES_OF_IAM)
    rights = ["CAPABILITY_NAMED_IAM"] if named or nested else ["CAPABILITY_IAM"] if iam else []
    expanded = nested or "Transform" in template or "Fn::Transform" in body_of(template)
    if "Transform" in template:
        # What a transform makes may be roles: a function of SAM's has one.
        rights = rights or ["CAPABILITY_IAM"]
    return [*rights, *(["CAPABILITY_AUTO_EXPAND"] if expanded else [])]


_NAMES_OF_IAM = (
    "RoleName",
    "InstanceProfileName",
    "UserName",
    "GroupName",
    "ManagedPolicyName",
)


# ---- the swap ------------------------------------------------------------------------------------


def detached(template: Template, named: str) -> dict[str, Any]:
    """The template without its attachments, which it keeps in its metadata for the way back.

    That the stack is half-way, and which fingerprint (`named`) it had, is told by an output: a tag
    would be handed on to the resources, and no resource but the attachments may change now.
    """
    gone = resources_of(template, ATTACHMENT)
    rest = {name: each for name, each in template["Resources"].items() if name not in gone}
    # What comes after an attachment stays as it is; only its order means nothing now.
    later = {name: each for name, each in rest.items() if gone.keys() & {*_before(each)}}
    for name, each in later.items():
        order = [other for other in _before(each) if other not in gone]
        rest[name] = {**each, "DependsOn": order}
    held = {**gone, **later}
    metadata = {**template.get("Metadata", {}), _DETACHED: held}
    outputs = {**template.get("Outputs", {}), SWAP_OF: {"Value": named}}
    return {**template, "Metadata": metadata, "Resources": rest, "Outputs": outputs}


def _before(resource: Mapping[str, Any]) -> list[str]:
    order = resource.get("DependsOn", [])
    return [order] if isinstance(order, str) else list(order)


def is_detached(template: Template) -> bool:
    return _DETACHED in template.get("Metadata", {})


def attached(template: Template) -> dict[str, Any]:
    """What `detached` was made from."""
    metadata = dict(template.get("Metadata", {}))
    held = metadata.pop(_DETACHED, {})
    outputs = {key: each for key, each in template.get("Outputs", {}).items() if key != SWAP_OF}
    whole = {**template, "Resources": {**template["Resources"], **held}, "Outputs": outputs}
    if metadata:
        return {**whole, "Metadata": metadata}
    whole.pop("Metadata", None)
    return whole


def needs_swap(
    before: Template,
    before_parameters: Mapping[str, str],
    after: Template,
    after_parameters: Mapping[str, str],
) -> bool:
    """Whether a volume that is attached now would have to change hands within one update, or to
    leave an instance that writes to it.

    CloudFormation makes the new before it removes the old, so a new attachment of a volume fails
    while the old instance holds it. It removes an attachment before the instance, and what that did
    not write yet would be neither on the volume nor in its last snapshot. `ImageId` in the
    parameters may be any name of the image, as long as both sides use the same kind of name.
    """
    old = dict(_hands(before, before_parameters))
    new = dict(_hands(after, after_parameters))
    return any(new.get(volume) != hand for volume, hand in old.items())


def volumes_gone(before: Template, after: Template) -> set[str]:
    """The mounts (or logical ids) of volumes that one template has and the other has no more."""
    kept = resources_of(after, VOLUME)
    return {
        next(
            (tag["Value"] for tag in each["Properties"].get("Tags", ()) if tag["Key"] == MOUNT),
            name,
        )
        for name, each in resources_of(before, VOLUME).items()
        if name not in kept
    }


def _hands(template: Template, parameters: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Each attached volume's logical id, with all that decides whose it is and under which name."""
    instances = resources_of(template, INSTANCE)
    for each in resources_of(template, ATTACHMENT).values():
        properties = each["Properties"]
        name = properties["InstanceId"]["Ref"]
        instance = instances.get(name, {}).get("Properties", {})
        identity = {key: instance[key] for key in REPLACING if key in instance}
        what = json.dumps(_resolved(identity, parameters), sort_keys=True)
        yield properties["VolumeId"]["Ref"], (name, properties["Device"], what)


def _resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"Ref"}:
            return parameters.get(value["Ref"], value["Ref"])
        return {key: _resolved(inner, parameters) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, parameters) for inner in value]
    return value
