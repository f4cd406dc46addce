"""From an instance back to its commits, read from tags and labels. What is not known is unknown.

Every answer is read where it was written when the thing was made: the stack's and the machine
image's tags in the account, the container images' labels in the registry. No file of this machine
is asked, so anyone with the same rights gets the same answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provisimus.aws import CloudFault, speaking, tags_of
from provisimus.environment import Environment
from provisimus.errors import NotFound, ProvisimusError, UsageFault
from provisimus.model import UNKNOWN, ContainerImage
from provisimus.workspace.workspace import Workspace

COMMIT = "provisimus:commit/"
IMAGE = "provisimus:image/"


@dataclass(frozen=True)
class InstanceSeen:
    instance_id: str
    state: str
    instance_type: str
    launched: str
    public_address: str | None
    private_address: str | None


@dataclass(frozen=True)
class StackSeen:
    name: str
    status: str
    service: str = UNKNOWN
    environment: str = UNKNOWN
    version: str = UNKNOWN
    fingerprint: str = UNKNOWN
    run: str = UNKNOWN
    commits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MachineImageSeen:
    image_id: str
    name: str = UNKNOWN
    machine: str = UNKNOWN
    version: str = UNKNOWN
    fingerprint: str = UNKNOWN
    base: str = UNKNOWN
    created: str = UNKNOWN
    run: str = UNKNOWN
    commits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ArtifactSeen:
    coordinates: str
    sha256: str = UNKNOWN
    commit: str = UNKNOWN


@dataclass(frozen=True)
class ImageSeen:
    """A container image; `service` is its name in the Compose file."""

    service: str
    reference: str
    version: str = UNKNOWN
    fingerprint: str = UNKNOWN
    created: str = UNKNOWN
    commits: Mapping[str, str] = field(default_factory=dict)
    artifact: ArtifactSeen | None = None


@dataclass(frozen=True)
class Lineage:
    instance: InstanceSeen
    stack: StackSeen | None
    machine_image: MachineImageSeen
    images: tuple[ImageSeen, ...]


def trace(environment: Environment, workspace: Workspace, what: str) -> Lineage:
    """The lineage of an instance, named by its id, its address or its service. Raises NotFound."""
    return _lineage(environment, find_traced(environment, workspace, what))


def trace_service(environment: Environment, project: str, services: Sequence[str]) -> list[Lineage]:
    """The lineages of all instances of services: a group's, or those of a cluster's members. What
    they have in common is looked up once. Raises NotFound."""
    found = [each for name in services for each in _of_service(environment, project, name)]
    if not found:
        raise _nothing_runs(environment, " or ".join(services))
    known: dict[tuple[str, str], Lineage] = {}
    told = []
    for each in sorted(found, key=lambda one: (one["LaunchTime"], one["InstanceId"])):
        key = (str(each["ImageId"]), tags_of(each.get("Tags")).get("provisimus:service", ""))
        if key not in known:
            known[key] = _lineage(environment, each)
        told.append(replace(known[key], instance=instance_seen(each)))
    return told


def _lineage(environment: Environment, found: Any) -> Lineage:
    tags = tags_of(found.get("Tags"))
    image, image_tags = _machine_image(environment, str(found["ImageId"]))
    return Lineage(
        instance_seen(found),
        _stack(environment, tags),
        image,
        tuple(
            _image(environment, key.removeprefix(IMAGE), value)
            for key, value in sorted(image_tags.items())
            if key.startswith(IMAGE)
        ),
    )


def find_traced(environment: Environment, workspace: Workspace, what: str) -> Any:
    """The instance that an id, an address or a service's name means.

    Raises NotFound, UsageFault for a service that has several.
    """
    if what.startswith("i-"):
        return _instance(environment, [{"Name": "instance-id", "Values": [what]}], what)
    if _is_address(what):
        for name in ("ip-address", "private-ip-address"):
            try:
                return _instance(environment, [{"Name": name, "Values": [what]}], what)
            except NotFound:
                continue
        raise _no_instance(environment, what)
    from provisimus.stacks import find_of

    stack = find_of(workspace, environment, what)
    if stack is not None and "InstanceId" in stack.outputs:
        own = [{"Name": "instance-id", "Values": [stack.outputs["InstanceId"]]}]
        return _instance(environment, own, stack.outputs["InstanceId"])
    several = _of_service(environment, workspace.name, what) if stack is not None else []
    if len(several) > 1:
        raise UsageFault(
            f"{what} has {len(several)} instances in {environment.name}",
            hint="name one: " + ", ".join(sorted(each["InstanceId"] for each in several)),
        )
    if not several:
        raise _nothing_runs(environment, what)
    return several[0]


def _nothing_runs(environment: Environment, what: str) -> NotFound:
    return NotFound(
        f"no service {what!r} runs in {environment.name}",
        hint="name an instance id, its address or a service: provisimus instance list",
    )


def _of_service(environment: Environment, project: str, service: str) -> list[Any]:
    """The instances of a group or a cluster that live."""
    filters: list[Any] = [
        {"Name": "tag:provisimus:project", "Values": [project]},
        {"Name": "tag:provisimus:service", "Values": [service]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    with speaking(environment.cloud, f"look for the instances of {service}"):
        groups = environment.cloud.ec2.describe_instances(Filters=filters)["Reservations"]
    return [each for group in groups for each in group["Instances"]]


def _instance(environment: Environment, filters: list[Any], what: str) -> Any:
    with speaking(environment.cloud, f"look for instance {what}"):
        groups = environment.cloud.ec2.describe_instances(Filters=filters)["Reservations"]
    found = [each for group in groups for each in group["Instances"]]
    alive = [each for each in found if each["State"]["Name"] != "terminated"]
    if not found:
        raise _no_instance(environment, what)
    return (alive or found)[0]


def _no_instance(environment: Environment, what: str) -> NotFound:
    return NotFound(
        f"there is no instance {what} in {environment.name}",
        hint="see: provisimus instance list; is it in another environment (--env)?",
    )


def instance_seen(found: Any) -> InstanceSeen:
    launched = found.get("LaunchTime")
    return InstanceSeen(
        found["InstanceId"],
        found["State"]["Name"],
        found.get("InstanceType", UNKNOWN),
        launched.strftime("%Y-%m-%dT%H:%M:%SZ") if launched else UNKNOWN,
        found.get("PublicIpAddress"),
        found.get("PrivateIpAddress"),
    )


def _stack(environment: Environment, tags: Mapping[str, str]) -> StackSeen | None:
    stack_id = tags.get("aws:cloudformation:stack-id") or tags.get("aws:cloudformation:stack-name")
    if stack_id is None:
        return None
    from provisimus.stacks import find_stack

    try:
        stack = find_stack(environment, stack_id)
    except ProvisimusError:
        stack = None
    if stack is None:
        return StackSeen(tags.get("aws:cloudformation:stack-name", UNKNOWN), UNKNOWN)
    return stack_seen(stack.name, stack.status, stack.tags)


def stack_seen(name: str, status: str, tags: Mapping[str, str]) -> StackSeen:
    def tag(key: str) -> str:
        return tags.get(f"provisimus:{key}", UNKNOWN)

    return StackSeen(
        name,
        status,
        tag("service"),
        tag("environment"),
        tag("version"),
        tag("fingerprint"),
        tag("run"),
        commits_in(tags),
    )


def _machine_image(
    environment: Environment, image_id: str
) -> tuple[MachineImageSeen, Mapping[str, str]]:
    try:
        with speaking(environment.cloud, f"look at machine image {image_id}"):
            images = environment.cloud.ec2.describe_images(ImageIds=[image_id])["Images"]
    except CloudFault:
        images = []
    if not images:
        return MachineImageSeen(image_id), {}
    tags = tags_of(images[0].get("Tags"))
    return machine_image_seen(dict(images[0]), tags), tags


def machine_image_seen(image: Mapping[str, Any], tags: Mapping[str, str]) -> MachineImageSeen:
    def tag(key: str) -> str:
        return tags.get(f"provisimus:{key}", UNKNOWN)

    return MachineImageSeen(
        image["ImageId"],
        image.get("Name", UNKNOWN),
        tag("machine"),
        tag("version"),
        tag("fingerprint"),
        tag("base"),
        str(image.get("CreationDate") or UNKNOWN),
        tag("run"),
        commits_in(tags),
    )


def commits_in(tags: Mapping[str, str]) -> dict[str, str]:
    return {
        key.removeprefix(COMMIT): value
        for key, value in sorted(tags.items())
        if key.startswith(COMMIT)
    }


def _image(environment: Environment, service: str, short: str) -> ImageSeen:
    from provisimus.images import read_image

    host = environment.registry.partition("/")[0]
    reference = short if _has_host(short) else f"{host}/{short}"
    try:
        return image_seen(service, read_image(environment.registry, reference))
    except ProvisimusError:
        # A registry that is off, an image that was removed, a vendor's: its name is still known.
        return ImageSeen(service, short)


def _has_host(reference: str) -> bool:
    host, separator, _ = reference.partition("/")
    return bool(separator) and ("." in host or ":" in host or host == "localhost")


def image_seen(service: str, image: ContainerImage) -> ImageSeen:
    """What an image's labels tell (OCI annotations and our own)."""
    labels = image.labels
    commits = {
        key.removeprefix("provisimus.commit."): value
        for key, value in sorted(labels.items())
        if key.startswith("provisimus.commit.")
    }
    coordinates = labels.get("provisimus.artifact")
    artifact = (
        ArtifactSeen(
            coordinates,
            labels.get("provisimus.artifact.sha256", UNKNOWN),
            labels.get("provisimus.artifact.commit", UNKNOWN),
        )
        if coordinates
        else None
    )
    return ImageSeen(
        service,
        image.reference,
        labels.get("org.opencontainers.image.version", UNKNOWN),
        labels.get("provisimus.fingerprint", UNKNOWN),
        labels.get("org.opencontainers.image.created", UNKNOWN),
        commits,
        artifact,
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ---- for people ----------------------------------------------------------------------------------


def as_tree(lineage: Lineage) -> str:
    """The lineage as an indented tree, from the instance down to the commits."""
    lines: list[str] = []
    seen = lineage.instance
    address = seen.public_address or seen.private_address or "no address"
    lines.append(f"instance {seen.instance_id}  {seen.state}  {address}  since {seen.launched}")
    stack = lineage.stack
    if stack is None:
        lines.append("└─ stack unknown")
    else:
        lines.append(f"└─ stack {stack.name}  {stack.status}  version {stack.version}")
        lines += _facts("   ", stack.fingerprint, stack.run, stack.commits)
    image = lineage.machine_image
    lines.append(f"   └─ machine image {image.image_id}  {image.name}  version {image.version}")
    lines.append(f"      · base {image.base}, baked {image.created}")
    lines += _facts("      ", image.fingerprint, image.run, image.commits)
    if not lineage.images:
        lines.append("      └─ container images unknown")
    for index, each in enumerate(lineage.images):
        last = index == len(lineage.images) - 1
        lines.append(
            f"      {'└─' if last else '├─'} container image {each.service}  {each.reference}"
        )
        lead = "         " if last else "      │  "
        lines.append(f"{lead}· version {each.version}, built {each.created}")
        lines += _facts(lead, each.fingerprint, None, each.commits)
        if each.artifact:
            lines.append(f"{lead}└─ artifact {each.artifact.coordinates}")
            lines.append(f"{lead}   · sha256 {each.artifact.sha256.removeprefix('sha256:')}")
            lines.append(f"{lead}   └─ commit {each.artifact.commit}")
    return "\n".join(lines)


def _facts(lead: str, fingerprint: str, run: str | None, commits: Mapping[str, str]) -> list[str]:
    short = fingerprint.removeprefix("sha256:")[:12]
    lines = [f"{lead}· fingerprint {short}" + (f", made by run {run}" if run else "")]
    if commits:
        told = ", ".join(f"{name} {_short(commit)}" for name, commit in commits.items())
        lines.append(f"{lead}· commits: {told}")
    return lines


def _short(commit: str) -> str:
    """Twelve digits, and the mark of what was not committed."""
    digits, dash, rest = commit.partition("-")
    return digits[:12] + dash + rest if len(digits) == 40 else commit
