"""Several images from one folder: what differs differs, everything else is there once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import UsageFault
from provisimus.events import Progress
from provisimus.images import build_images, plan_all, plan_images
from provisimus.images.registry import Registry, open_registry
from provisimus.images.verify import verify_image
from provisimus.model import ContainerImage, Digest

if TYPE_CHECKING:
    from conftest import Scene

MANIFEST = """\
source: {maven: 'com.acme:greeter'}
vars: {port: 8080}
labels: {team: blue}
variants:
  debug:
    vars: {port: 8081}
    labels: {team: red}
  shell: {dockerfile: Dockerfile.shell.j2}
"""
SHELL = 'FROM {{ image("greeter") }}\nCMD ["sh"]\n'


@pytest.fixture
def family(scene: Scene) -> Scene:
    scene.write("docker/greeter/manifest.yaml", MANIFEST)
    scene.write("docker/greeter/Dockerfile.shell.j2", SHELL)
    return scene


def layers(registry: Registry, image: ContainerImage) -> list[str]:
    manifest = registry.manifest(registry.repository(image.name), str(image.digest))
    assert manifest is not None
    return [each["digest"] for each in manifest.data["layers"]]


def config(registry: Registry, image: ContainerImage) -> dict[str, Any]:
    manifest = registry.manifest(registry.repository(image.name), str(image.digest))
    assert manifest is not None
    digest = Digest.parse(manifest.data["config"]["digest"])
    found: dict[str, Any] = json.loads(registry.blob(registry.repository(image.name), digest))
    return found["config"]  # type: ignore[no-any-return]


def build_all(scene: Scene, *names: str) -> dict[str, ContainerImage]:
    scene.told.clear()
    plan = plan_images(scene.workspace, scene.environment, [(name, "1.0.0") for name in names])
    return build_images(plan, scene.environment, scene.told.append, "run-1")


def test_one_version_and_one_jar_for_all(family: Scene) -> None:
    made = build_all(family, "greeter", "greeter-debug", "greeter-shell")
    registry = open_registry(family.url)
    plain, debug, shell = (made[f"greeter{end}"] for end in ("", "-debug", "-shell"))
    assert [(each.version, each.ports) for each in (plain, debug, shell)] == [
        ("1.0.0", (1, 8080)),
        ("1.0.0", (1, 8081)),
        ("1.0.0", (1, 8080)),
    ]
    assert debug.repository == f"{family.url}/greeter-debug"
    assert debug.labels["org.opencontainers.image.title"] == "greeter-debug"
    assert (debug.labels["team"], plain.labels["team"]) == ("red", "blue")
    assert debug.labels["provisimus.variant-of"] == "greeter"
    assert "provisimus.variant-of" not in plain.labels
    assert shell.labels["org.opencontainers.image.base.name"] == f"{family.url}/greeter"
    assert config(registry, shell)["Cmd"] == ["sh"]
    assert layers(registry, plain) == layers(registry, debug) == layers(registry, shell)
    assert len({each.fingerprint for each in made.values()}) == len(made)
    # The layer with the JAR was made and sent for one of them; the others mounted it.
    senders = [event.step for event in family.told if isinstance(event, Progress)]
    assert len([step for step in set(senders) if "greeter" in step]) == 1
    for name in ("greeter-debug", "greeter-shell"):
        assert not family.plan(name, "1.0.0").changes
        assert verify_image(family.plan(name, "1.0.0")).same


def test_what_belongs_to_one_variant_changes_no_other(family: Scene) -> None:
    before = build_all(family, "greeter", "greeter-debug", "greeter-shell")
    family.write("docker/greeter/Dockerfile.shell.j2", SHELL + "EXPOSE 9\n")
    after = build_all(family, "greeter", "greeter-debug", "greeter-shell")
    assert {name for name in after if after[name] != before[name]} == {"greeter-shell"}
    family.write("docker/greeter/manifest.yaml", MANIFEST.replace("port: 8081", "port: 8082"))
    assert not family.plan("greeter", "1.0.0").changes
    assert family.plan("greeter-debug", "1.0.0").changes


def test_a_variant_on_another_has_its_version(family: Scene) -> None:
    family.publish("1.0.1", "changed")
    plan = family.plan("greeter-shell", "1.0.1")
    assert [(each.name, each.version) for each in plan.wanted] == [
        ("base", "1"),
        ("greeter", "1.0.1"),
        ("greeter-shell", "1.0.1"),
    ]
    with pytest.raises(UsageFault, match=r"greeter cannot be 1\.0\.0 and 1\.0\.1"):
        plan_images(
            family.workspace,
            family.environment,
            [("greeter", "1.0.0"), ("greeter-shell", "1.0.1")],
        )


def test_all_images_are_planned_with_their_variants(family: Scene) -> None:
    family.write("docker/greeter/manifest.yaml", MANIFEST + 'version: "1.0.0"\n')
    plan = plan_all(family.workspace, family.environment)
    assert plan.asked == ("base", "greeter", "greeter-debug", "greeter-shell")


def test_a_prefix_is_built_once_for_all(
    with_engine: Scene,
) -> None:
    scene = with_engine
    scene.write("docker/greeter/manifest.yaml", MANIFEST)
    scene.write("docker/greeter/Dockerfile.shell.j2", SHELL)
    template = (
        'FROM {{ image("base") }}\nRUN echo made > /made\nCOPY {{ artifact.file }} /app/\n'
        "EXPOSE {{ vars.port }}\n"
    )
    scene.write("docker/greeter/Dockerfile.j2", template)
    made = build_all(scene, "greeter-debug", "greeter")
    registry = open_registry(scene.url)
    tags = {name: registry.tags(registry.repository(name)) for name in made}
    prefixes = [tag for tag in tags["greeter"] if tag.startswith("prefix-")]
    assert len(prefixes) == 1
    assert not any(tag.startswith("prefix-") for tag in tags["greeter-debug"])
    said = [event.text for event in scene.told if getattr(event, "text", "").startswith("built by")]
    assert len(said) == 1
    assert layers(registry, made["greeter"]) == layers(registry, made["greeter-debug"])
    lane = scene.plan("greeter-debug", "1.0.0").wanted[-1].lane
    assert lane == "split"
