"""Who refers to a machine image: stacks live and on their way back, and all that an account holds.

Stacks are asked whatever project or environment they are of: several may share an account.
"""

from __future__ import annotations

from collections import defaultdict

from provisimus.aws import Cloud, speaking
from provisimus.environment import Environment
from provisimus.errors import Conflict
from provisimus.machines.uses import Use, Uses, find_uses
from provisimus.model import Stack
from provisimus.stacks.live import PROJECT, stack_of, template_of
from provisimus.stacks.way_back import remembered


def image_uses(environment: Environment) -> Uses:
    """Every use of an AMI in an account and region. Raises CloudFault, Unreachable."""
    found: dict[str, set[Use]] = defaultdict(set)
    for image, uses in find_uses(environment.cloud).items():
        found[image].update(uses)
    for stack in _stacks(environment.cloud):
        for image in _images_in(stack.parameters):
            found[image].add(Use("stack", stack.name, f"has it (version {_version(stack)})"))
        for image, version in _before(environment, stack):
            found[image].add(Use("stack", stack.name, f"would go back to it (version {version})"))
    return {image: tuple(sorted(uses)) for image, uses in found.items()}


def _before(environment: Environment, stack: Stack) -> list[tuple[str, str]]:
    if PROJECT not in stack.tags:
        return []
    try:
        before = remembered(template_of(environment, stack))
    except Conflict:
        # Another program's template holds no way back of ours.
        return []
    if before is None:
        return []
    version = before.tags.get("provisimus:version", "unknown")
    return [(image, version) for image in _images_in(before.parameters)]


def _images_in(parameters: object) -> list[str]:
    values = parameters.values() if hasattr(parameters, "values") else ()
    return [value for value in values if isinstance(value, str) and value.startswith("ami-")]


def _version(stack: Stack) -> str:
    return stack.tags.get("provisimus:version", "unknown")


def _stacks(cloud: Cloud) -> list[Stack]:
    with speaking(cloud, "list the stacks"):
        pages = cloud.cloudformation.get_paginator("describe_stacks").paginate()
        found = [stack_of(each) for page in pages for each in page["Stacks"]]
    return [each for each in found if each.status != "DELETE_COMPLETE"]
