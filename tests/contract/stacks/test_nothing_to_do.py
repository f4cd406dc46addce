"""A stack with the wanted fingerprint: the plan of the whole chain asks for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.machines import ImageInput, define_machine
from provisimus.model import Commits, Plan, ServiceVersion
from provisimus.release import define_images_of_machine, plan_release
from provisimus.stacks import apply_stack, plan_stack

if TYPE_CHECKING:
    from conftest import Scene


def released(scene: Scene) -> None:
    """The stack with the fingerprint of the whole chain; image and machine image are nowhere."""
    (scene.root / "provisimus.yaml").write_text(
        f"project: {scene.workspace.name}\n"
        "bases: {debian-12: {aws: {owner: amazon, name: debian-12-*}}}\n"
    )
    (scene.root / "docker/greeter").mkdir()
    (scene.root / "docker/greeter/manifest.yaml").write_text("{}\n")
    (scene.root / "docker/greeter/Dockerfile.j2").write_text("FROM scratch\nENTRYPOINT [run]\n")
    workspace, environment = scene.workspace, scene.environment
    images = define_images_of_machine(workspace, environment, "greeter", "1.0.0").planned
    inputs = {name: ImageInput(name, plan.fingerprint) for name, plan in images.items()}
    machine = define_machine(workspace, environment, "greeter", "1.0.0", inputs)
    plan = plan_stack(workspace, environment, "greeter", "1.0.0", machine.fingerprint)
    image = scene.image("1.0.0")
    apply_stack(plan, environment, image, Commits({}), scene.events.append, "run-1")


def planned(scene: Scene) -> Plan:
    asked = ServiceVersion("greeter", "1.0.0")
    return plan_release(scene.workspace, scene.environment, asked).plan


def test_neither_registry_nor_machine_image_is_asked_for(scene: Scene) -> None:
    released(scene)
    ami = scene.image("1.0.0").image_id
    assert [(each.stage, each.action, each.reason) for each in planned(scene).steps] == [
        ("image", "keep", "the machine image holds it"),
        ("machine", "keep", f"the stack runs {ami}"),
        ("stack", "keep", "the stack has this fingerprint and version 1.0.0"),
    ]
