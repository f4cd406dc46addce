"""Who in an account refers to AMIs, apart from stacks: instances, launch templates and
configurations, Auto Scaling groups. Read-only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.aws import Cloud, CloudFault, speaking


@dataclass(frozen=True, order=True)
class Use:
    """One thing that refers to an AMI: `kind` and `name`, and how in words."""

    kind: str
    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.how}"


Uses = Mapping[str, tuple[Use, ...]]
"""By AMI."""


def find_uses(cloud: Cloud) -> Uses:
    """Everything in one account and region that refers to an AMI. Raises CloudFault, Unreachable.

    What cannot be asked is an error, never "nobody": an image would be removed on its account.
    """
    found: dict[str, set[Use]] = defaultdict(set)
    with speaking(cloud, "ask who uses machine images"):
        for image, use in (*_instances(cloud.ec2), *_templates(cloud.ec2)):
            found[image].add(use)
        for image, use in _configurations(cloud):
            found[image].add(use)
    return {image: tuple(sorted(uses)) for image, uses in found.items()}


def _instances(ec2: Any) -> Iterator[tuple[str, Use]]:
    states = ["pending", "running", "stopping", "stopped", "shutting-down"]
    filters = [{"Name": "instance-state-name", "Values": states}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for group in page["Reservations"]:
            for each in group["Instances"]:
                how = f"runs it ({each['State']['Name']})"
                yield each["ImageId"], Use("instance", each["InstanceId"], how)


def _templates(ec2: Any) -> Iterator[tuple[str, Use]]:
    for page in ec2.get_paginator("describe_launch_templates").paginate():
        for each in page["LaunchTemplates"]:
            versions = ec2.get_paginator("describe_launch_template_versions").paginate(
                LaunchTemplateId=each["LaunchTemplateId"]
            )
            for version in (one for more in versions for one in more["LaunchTemplateVersions"]):
                image = version["LaunchTemplateData"].get("ImageId", "")
                how = f"names it in version {version['VersionNumber']}"
                yield image, Use("launch template", each["LaunchTemplateName"], how)


def _configurations(cloud: Cloud) -> Iterator[tuple[str, Use]]:
    """Launch configurations, which Auto Scaling groups of old have instead of a template.

    Groups with a template are seen by its versions, whichever of them they name.
    """
    scaling = cloud.autoscaling
    try:
        pages = list(scaling.get_paginator("describe_launch_configurations").paginate())
    except scaling.exceptions.ClientError as error:
        raise CloudFault(
            f"could not ask for launch configurations: {error}",
            code=error.response.get("Error", {}).get("Code", "Unknown"),
            hint="allow autoscaling:DescribeLaunchConfigurations",
        ) from error
    for page in pages:
        for each in page["LaunchConfigurations"]:
            yield (
                each["ImageId"],
                Use("launch configuration", each["LaunchConfigurationName"], "names it"),
            )
