"""What a stack was before its last change, kept in its own template, and until when it counts.

A run that is killed while it waits for an answer leaves a stack that CloudFormation calls complete
and that may never answer. So each change carries what the stack was before in its template's
metadata, and an instance that answered is marked as accepted: any machine can tell whether there is
still something to go back from, and to what.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from provisimus.aws import as_tags, speaking, tags_of
from provisimus.environment import Environment
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Deployment
from provisimus.stacks.instances import find_instance
from provisimus.stacks.types.interface import Template

ACCEPTED = "provisimus:accepted"
"""Tag of an instance's root volume: the fingerprint of the stack with which it was taken for good.

Not on the instance, whose tags the template declares: that would be drift. The root volume is no
resource of the stack, lives as long as its instance, and no longer.
"""

_BEFORE = "Provisimus::Before"


# ---- what was before: pure -----------------------------------------------------------------------


def remembering(template: Template, before: Deployment | None) -> Template:
    """The template with what the stack was before it; None keeps nothing.

    Packed, for both together must be within CloudFormation's limit.
    """
    if before is None:
        return template
    data = {
        "template": forgetting(before.template),
        "parameters": dict(before.parameters),
        "tags": dict(before.tags),
    }
    packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
    metadata = {**template.get("Metadata", {}), _BEFORE: base64.b64encode(packed).decode()}
    return {**template, "Metadata": metadata}


def remembered(template: Template) -> Deployment | None:
    """What the stack was before; None where the template does not tell."""
    packed = template.get("Metadata", {}).get(_BEFORE)
    if packed is None:
        return None
    data: Any = json.loads(zlib.decompress(base64.b64decode(packed)))
    return Deployment(data["template"], data["parameters"], data["tags"])


def forgetting(template: Template) -> Template:
    """The template without what was before it."""
    metadata = {key: each for key, each in template.get("Metadata", {}).items() if key != _BEFORE}
    rest = {key: each for key, each in template.items() if key != "Metadata"}
    return {**rest, "Metadata": metadata} if metadata else rest


def way_back(now: Deployment, wanted: str, *, accepted: bool) -> Deployment | None:
    """Where a change from `now` to the fingerprint `wanted` goes back to when it does not answer.

    That is what runs now. But what was never accepted is nothing to go back to while it knows of
    something before it; and nothing goes back to itself.
    """
    earlier = None if accepted else remembered(now.template)
    target = earlier or now
    return None if target.tags.get(live.FINGERPRINT) == wanted else target


# ---- whether it was accepted ---------------------------------------------------------------------


def is_accepted(environment: Environment, stack: Stack) -> bool:
    """Whether the stack's instance was taken for good with what the stack is now."""
    volume = _root_volume(environment, stack)
    if volume is None:
        return False
    with speaking(environment.cloud, f"look at volume {volume}"):
        found = environment.cloud.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    tags = tags_of(found[0].get("Tags")) if found else {}
    return tags.get(ACCEPTED) == stack.tags.get(live.FINGERPRINT)


def accept(environment: Environment, stack: Stack) -> None:
    """Take the stack's instance for good: from now on it is no longer gone back from."""
    volume = _root_volume(environment, stack)
    fingerprint = stack.tags.get(live.FINGERPRINT)
    if volume is None or fingerprint is None:
        return
    with speaking(environment.cloud, f"mark the instance of {stack.name} as accepted"):
        environment.cloud.ec2.create_tags(Resources=[volume], Tags=as_tags({ACCEPTED: fingerprint}))


def _root_volume(environment: Environment, stack: Stack) -> str | None:
    instance = stack.outputs.get("InstanceId")
    found = find_instance(environment, instance) if instance else None
    if found is None:
        return None
    for each in found.get("BlockDeviceMappings", ()):
        if each["DeviceName"] == found.get("RootDeviceName"):
            return str(each["Ebs"]["VolumeId"])
    return None
