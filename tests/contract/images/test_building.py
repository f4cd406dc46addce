"""From a workspace to an image in a real registry, and back."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import Conflict, InvalidDefinitions, NotFound, ProvisimusError, UsageFault
from provisimus.events import Skipped, Warned
from provisimus.images import build_images, find_image, plan_all, plan_images, read_image
from provisimus.images.registry import Registry, open_registry
from provisimus.images.verify import verify_image
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import Scene

JAR_SHA = "provisimus.artifact.sha256"


def config_of(registry: Registry, name: str, digest: Digest) -> dict[str, Any]:
    manifest = registry.manifest(registry.repository(name), str(digest))
    assert manifest is not None
    config = Digest.parse(manifest.data["config"]["digest"])
    parsed: dict[str, Any] = json.loads(registry.blob(registry.repository(name), config))
    return parsed


def files_of(registry: Registry, name: str, digest: Digest) -> list[str]:
    repository = registry.repository(name)
    manifest = registry.manifest(repository, str(digest))
    assert manifest is not None
    found = []
    for layer in manifest.data["layers"]:
        data = registry.blob(repository, Digest.parse(layer["digest"]))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found += [f"{each.name} {each.mode:o}" for each in archive]
    return found


def test_an_image_and_its_base(scene: Scene) -> None:
    built = scene.build("greeter", "1.0.0")
    registry = open_registry(scene.url)
    assert (built.name, built.version, built.ports) == ("greeter", "1.0.0", (1, 8080))
    assert built.repository == f"{scene.url}/greeter"
    assert built.labels["provisimus.artifact"] == "com.acme:greeter:jar:1.0.0"
    assert built.labels["org.opencontainers.image.revision"].startswith("0123456789")
    assert built.labels["org.opencontainers.image.base.name"] == f"{scene.url}/base"
    assert built.labels["team"] == "blue"
    assert built.labels["layer"] == "base"
    config = config_of(registry, "greeter", built.digest)
    assert config["config"]["Entrypoint"] == ["tool", "/app/greeter.jar"]
    assert config["config"]["Env"] == ["PATH=/bin"]
    assert config["config"]["User"] == "1000:1000"
    assert files_of(registry, "greeter", built.digest) == [
        "bin 777",
        "usr 755",
        "usr/bin 755",
        "usr/bin/tool 755",
        "app 755",
        "app/greeter.jar 644",
    ]
    tags = registry.tags(registry.repository("greeter"))
    assert built.fingerprint is not None
    assert tags == ["1.0.0", f"fp-{built.fingerprint.hex[:20]}"]


def test_nothing_is_built_twice(scene: Scene) -> None:
    built = scene.build("greeter", "1.0.0")
    plan = scene.plan("greeter", "1.0.0")
    assert plan.image == built
    assert not plan.changes
    assert plan.steps()[-1].reason == f"fingerprint {plan.fingerprint.short}… is in the registry"
    assert scene.build("greeter", "1.0.0") == built
    assert {type(event) for event in scene.told} == {Skipped}


def test_an_image_that_is_there_costs_one_question(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = scene.build("greeter", "1.0.0")
    assert scene.plan("greeter", "1.0.0").image == built
    asked: list[tuple[str, str]] = []

    def send(client: Any, method: str, url: str, **options: Any) -> Any:
        asked.append((method, url.rpartition("/manifests/")[2]))
        return original(client, method, url, **options)

    from provisimus import http

    original = http.send
    monkeypatch.setattr(http, "send", send)
    assert scene.plan("greeter", "1.0.0").image == built
    assert asked == [("HEAD", "1"), ("HEAD", "1.0.0")]
    # What was remembered may be lost, or not whole.
    for path in (scene.root / ".provisimus/cache/images").iterdir():
        path.write_text("{}")
    assert scene.plan("greeter", "1.0.0").image == built


def test_a_changed_artifact_costs_a_dozen_questions(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a registry far away it is the questions that take time; each of these has its reason."""
    scene.build("greeter", "1.0.0")
    scene.publish("1.0.1", "changed")
    scene.build("greeter", "1.0.1")
    scene.publish("1.0.2", "changed again")
    asked: list[str] = []

    def request(client: Any, method: str, url: str, **options: Any) -> Any:
        asked.append(
            f"{method} " + re.sub(r"^.*/(greeter|base)/|[?].*|(?<=uploads/)[^?]+", "", url)
        )
        return original(client, method, url, **options)

    from provisimus.http import httpx

    original = httpx.Client.request
    monkeypatch.setattr(httpx.Client, "request", request)
    built = scene.build("greeter", "1.0.2")
    assert built.fingerprint is not None
    done = f"fp-{built.fingerprint.hex[:20]}"
    plan = ["HEAD manifests/1", "HEAD manifests/1.0.2", f"GET manifests/{done}"]
    base = next(each for each in asked if each.startswith("HEAD blobs/"))
    layer, config = ["POST", "PATCH", "PUT"], ["POST", "PUT"]
    name = ["GET manifests/1.0.2", "PUT manifests/1.0.2", f"PUT manifests/{done}"]
    ending = [*(f"{each} blobs/uploads/" for each in config), *name, f"HEAD manifests/{done}"]
    # The base's layer is asked for while the image's own goes out.
    asked.remove(base)
    assert asked == [*plan, *(f"{each} blobs/uploads/" for each in layer), *ending]


def test_what_is_there_is_found_without_what_builds(scene: Scene) -> None:
    program = (
        "import json, sys\nfrom provisimus.cli import main\n"
        "try:\n    main(['image', 'build', 'greeter@1.0.0', '-C', sys.argv[1]])\n"
        "except SystemExit as ending:\n    assert not ending.code, ending.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    argv = [sys.executable, "-c", program, str(scene.root)]
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "nothing to do" in done.stdout
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"boto3", "botocore", "isal", "jinja2", "rich", "subprocess", "tarfile"}
    ours = {"assemble", "assembly", "bases", "dockerfile", "engine", "layers", "lineage", "prefix"}
    assert loaded & {*heavy, *(f"provisimus.images.{name}" for name in ours)} == set()


def test_images_are_found_by_fingerprint_and_by_reference(scene: Scene) -> None:
    built = scene.build("greeter", "1.0.0")
    assert built.fingerprint is not None
    assert find_image(scene.url, "greeter", built.fingerprint) == built
    assert find_image(scene.url, "greeter", Digest("0" * 64)) is None
    assert read_image(scene.url, built.reference) == built
    assert read_image(scene.url, f"{built.repository}:1.0.0") == built
    with pytest.raises(NotFound, match="has no image"):
        read_image(scene.url, f"{built.repository}:2")


def test_a_changed_artifact_is_named(scene: Scene) -> None:
    first = scene.build("greeter", "1.0.0")
    scene.publish("1.0.1", "changed")
    plan = scene.plan("greeter", "1.0.1")
    assert [step.action for step in plan.steps()] == ["keep", "build"]
    assert plan.steps()[-1].reason == "greeter 1.0.1 was never built"
    second = scene.build("greeter", "1.0.1")
    assert second.labels[JAR_SHA] != first.labels[JAR_SHA]


def test_a_changed_definition_moves_the_tag_and_says_so(scene: Scene) -> None:
    first = scene.build("greeter", "1.0.0")
    path = scene.root / "docker/greeter/manifest.yaml"
    before = path.read_text()
    path.write_text(before.replace("8080", "9090"))
    second = scene.build("greeter", "1.0.0")
    assert second.ports == (1, 9090)
    assert any(isinstance(event, Warned) for event in scene.told)
    # Back again: the image is there, only its tag has to move.
    path.write_text(before)
    plan = scene.plan("greeter", "1.0.0")
    assert [step.action for step in plan.steps()] == ["keep", "tag"]
    assert scene.build("greeter", "1.0.0") == first
    assert read_image(scene.url, f"{first.repository}:1.0.0") == first


def test_what_somebody_else_pushed_stays(scene: Scene) -> None:
    foreign = scene.build("greeter", "1.0.0")
    registry = open_registry(scene.url)
    repository = registry.repository("greeter")
    found = registry.manifest(repository, str(foreign.digest))
    assert found is not None
    body = json.dumps({**found.data, "annotations": {}}).encode()
    registry.put_manifest(repository, "2.0.0", found.media_type, body)
    scene.publish("2.0.0")
    plan = scene.plan("greeter", "2.0.0")
    assert plan.wanted[-1].reason == "what is called greeter:2.0.0 was not built by us"
    for _ in range(2):
        with pytest.raises(Conflict, match="names something that Provisimus did not build"):
            scene.build("greeter", "2.0.0")
        assert registry.digest_of(repository, "2.0.0") == Digest.of(body)
        assert find_image(registry, "greeter", plan.wanted[-1].fingerprint) is None


def test_a_changed_base_cascades(scene: Scene) -> None:
    scene.build("greeter", "1.0.0")
    scene.write("docker/base/files/new", "x")
    plan = scene.plan("greeter", "1.0.0")
    assert [step.action for step in plan.steps()] == ["build", "build"]
    assert plan.steps()[-1].reason == "its base changed: base"


def test_several_images_at_the_same_time(scene: Scene) -> None:
    scene.image("side", 'version: "2"\n', 'FROM {{ image("base") }}\nEXPOSE 3\n')
    scene.image("alone", 'version: "3"\n', "FROM scratch\nEXPOSE 4\n")
    plan = plan_images(
        scene.workspace, scene.environment, [("greeter", "1.0.0"), ("side", None), ("alone", None)]
    )
    assert [each.name for each in plan.wanted] == ["base", "greeter", "side", "alone"]
    made = build_images(plan, scene.environment, scene.told.append, "run-1")
    assert {name: each.version for name, each in made.items()} == {
        "base": "1",
        "greeter": "1.0.0",
        "side": "2",
        "alone": "3",
    }
    everything = plan_all(scene.workspace, scene.environment)
    assert not everything.changes
    assert everything.asked == ("alone", "base", "side")
    assert everything.left_out == {"greeter": "which version of greeter?"}
    with pytest.raises(UsageFault, match=r"cannot be 1\.0\.0 and 2"):
        plan_images(scene.workspace, scene.environment, [("greeter", "1.0.0"), ("greeter", "2")])


def test_a_failure_lets_the_others_finish(scene: Scene) -> None:
    scene.image("wrong", 'version: "1"\n', "FROM scratch\nCOPY none /\n")
    scene.image("above", 'version: "1"\n', 'FROM {{ image("wrong") }}\n')
    plan = plan_all(scene.workspace, scene.environment)
    with pytest.raises(InvalidDefinitions, match="there is no none"):
        build_images(plan, scene.environment, scene.told.append, "run-1")
    skipped = [event for event in scene.told if isinstance(event, Skipped)]
    assert [event.reason for event in skipped] == [
        "not tried: wrong, which it is built on, was not built"
    ]
    steps = plan_all(scene.workspace, scene.environment).steps()
    assert {step.subject for step in steps if step.action == "keep"} == {"base@1"}


def test_the_same_inputs_give_the_same_image(new_scene: Callable[[str], Scene]) -> None:
    one, two = new_scene(f"a{os.urandom(4).hex()}"), new_scene(f"b{os.urandom(4).hex()}")
    for path in (two.root / "docker").rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1, 1))
    first, second = one.build("greeter", "1.0.0"), two.build("greeter", "1.0.0")
    assert first.fingerprint == second.fingerprint

    def documents(scene: Scene, digest: Digest) -> str:
        return json.dumps(config_of(open_registry(scene.url), "greeter", digest))

    # Only where it is differs, and that is a label.
    assert documents(one, first.digest).replace(one.url, two.url) == documents(two, second.digest)


@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_a_portable_image_has_the_same_digest(
    new_scene: Callable[[str], Scene], monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """Built in another folder, at another time, with and without the quick library."""
    seen = []
    for each in ("isal", library):
        scene = new_scene(f"p{os.urandom(4).hex()}")
        if each == "zlib":
            monkeypatch.setitem(sys.modules, "isal", None)
        plan = replace(scene.plan("greeter", "1.0.0"), portable=True)
        built = build_images(plan, scene.environment, scene.told.append, "run-1")["greeter"]
        registry = open_registry(scene.url)
        manifest = registry.manifest(registry.repository("greeter"), str(built.digest))
        assert manifest is not None
        # Where the base is stands in a label; all else is equal.
        seen.append([layer["digest"] for layer in manifest.data["layers"]])
    assert seen[0] == seen[1]


def test_verifying(scene: Scene) -> None:
    with pytest.raises(NotFound, match="not built"):
        verify_image(scene.plan("greeter", "1.0.0"))
    built = scene.build("greeter", "1.0.0")
    found = verify_image(scene.plan("greeter", "1.0.0"))
    assert found.same, found.differences
    assert found.reference == built.reference
    assert found.taken == (f"its base {scene.url}/base",)


def test_an_image_that_is_not_what_it_says(scene: Scene) -> None:
    scene.build("greeter", "1.0.0")
    plan = scene.plan("greeter", "1.0.0")
    wanted = plan.wanted[-1]
    other = tuple(
        replace(each, mode=0o755) if each.kind == "file" else each
        for each in wanted.definition.context
    )
    text = replace(wanted.definition.manifest, labels={"team": "red"})
    forged = replace(wanted.definition, context=other, manifest=text)
    forged_plan = replace(plan, wanted=(*plan.wanted[:-1], replace(wanted, definition=forged)))
    found = verify_image(forged_plan)
    assert not found.same
    said = "COPY greeter-1.0.0.jar /app/greeter.jar"
    assert [each.partition(" content")[0] for each in found.differences] == [
        f"{said}: /app/greeter.jar is wanted with mode 755, owner 0:0,",
        "config/Labels/team: wanted 'red', the registry has 'blue'",
    ]


def test_layers_are_not_sent_again(scene: Scene) -> None:
    scene.build("greeter", "1.0.0")
    scene.write(
        "docker/greeter/manifest.yaml", "source: {maven: 'com.acme:greeter'}\nvars: {port: 1}\n"
    )
    sent: list[int] = []
    original = Registry.upload

    def counted(self: Registry, repository: str, pieces: Any) -> Any:
        blob = original(self, repository, pieces)
        sent.append(blob.size)
        return blob

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "upload", counted)
        scene.build("greeter", "1.0.0")
    assert sent == []  # the layer with the artifact was there


def test_tests_wait_for_an_engine(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    manifest = scene.root / "docker/greeter/manifest.yaml"
    manifest.write_text(manifest.read_text() + "tests: [{run: [tool]}]\n")
    built = scene.build("greeter", "1.0.0")
    skipped = [event for event in scene.told if isinstance(event, Skipped)]
    assert any("Docker" in event.reason or "docker" in event.reason for event in skipped)
    assert read_image(scene.url, f"{built.repository}:1.0.0") == built


def test_the_engine_lane_needs_an_engine(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    scene.image("runs", 'version: "1"\n', 'FROM {{ image("base") }}\nRUN true\n')
    assert scene.plan("runs").wanted[-1].definition.lane == "split"
    with pytest.raises(ProvisimusError, match=r"(?i)docker") as caught:
        scene.build("runs")
    assert "install and start Docker" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        ('FROM {{ image("greeter") }}', InvalidDefinitions, "in a circle"),
        ('FROM {{ image("nope") }}', InvalidDefinitions, "j2:1: there is no image 'nope'"),
        ("FROM {{ image }}\nCOPY {{ vars.nope }} /", InvalidDefinitions, "1 problem"),
    ],
)
def test_wrong_definitions(
    scene: Scene, template: str, error: type[ProvisimusError], message: str
) -> None:
    scene.write("docker/base/Dockerfile.j2", template)
    with pytest.raises(error, match=message):
        scene.plan("greeter", "1.0.0")


def test_a_version_is_needed_and_must_agree(scene: Scene) -> None:
    with pytest.raises(UsageFault, match="which version of greeter"):
        scene.plan("greeter")
    with pytest.raises(UsageFault, match="has its own version, 1"):
        scene.plan("base", "2")
    scene.write("stacks/greeter.yaml", "version: 1.0.0\n")
    assert scene.plan("greeter").wanted[-1].version == "1.0.0"


def test_an_unknown_version_names_the_nearest(scene: Scene) -> None:
    with pytest.raises(NotFound, match=r"the nearest is 1\.0\.0"):
        scene.plan("greeter", "1.0.3")


def test_a_lost_cache_loses_nothing(scene: Scene) -> None:
    built = scene.build("greeter", "1.0.0")
    cache = scene.root / ".provisimus/cache"
    for path in cache.rglob("*.json"):
        path.write_text("{ half")
    scene.publish("1.0.1", "changed")
    assert scene.build("greeter", "1.0.1").digest != built.digest


def test_a_vendors_image_is_mirrored(scene: Scene, new_scene: Callable[[str], Scene]) -> None:
    vendor = new_scene(f"v{os.urandom(4).hex()}").build("base")
    scene.image(
        "mirrored",
        f'version: "9"\nsource: {{image: "{vendor.reference}"}}\n',
        "FROM {{ base }}\nEXPOSE 2\n",
    )
    built = scene.build("mirrored")
    assert built.ports == (1, 2)
    assert built.labels["org.opencontainers.image.base.digest"] == str(vendor.digest)
    assert built.labels["org.opencontainers.image.base.name"] == vendor.repository
    assert built.labels["org.opencontainers.image.version"] == "9"


def test_a_vendors_image_of_another_processor(scene: Scene) -> None:
    registry = open_registry(scene.url)
    base = scene.build("base")
    repository = registry.repository("base")
    manifest = registry.manifest(repository, str(base.digest))
    assert manifest is not None
    config = {**config_of(registry, "base", base.digest), "architecture": "mips"}
    blob = registry.put_blob(repository, json.dumps(config).encode())
    pointer = {**manifest.data["config"], "digest": str(blob.digest), "size": blob.size}
    body = json.dumps({**manifest.data, "config": pointer}).encode()
    digest = registry.put_manifest(repository, str(Digest.of(body)), manifest.media_type, body)
    scene.image("vendor", f'version: "1"\nsource: {{image: "{scene.url}/base@{digest}"}}\n')
    with pytest.raises(NotFound, match="is for linux/mips, and this machine builds for") as caught:
        scene.build("vendor")
    assert "digest of all its platforms" in (caught.value.hint or "")
    assert registry.tags(registry.repository("vendor")) == []


@pytest.mark.parametrize("wait", [0.0, 0.3])
def test_a_killed_build_names_nothing_and_the_next_goes_on(scene: Scene, wait: float) -> None:
    scene.publish("2.0.0", os.urandom(20_000_000).hex())
    scene.build("base")
    script = (
        "import sys; from provisimus.aws import Cloud\n"
        "from provisimus.environment import Environment\n"
        "from provisimus.images import build_image, plan_image\n"
        "from provisimus.workspace import open_workspace\n"
        "environment = Environment('local', Cloud('x', None, None, None), sys.argv[2])\n"
        "plan = plan_image(open_workspace(sys.argv[1]), environment, 'greeter', '2.0.0')\n"
        "print('planned', flush=True)\n"
        "build_image(plan, environment, lambda event: None, 'run')\n"
    )
    arguments = [sys.executable, "-c", script, str(scene.root), scene.url]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"planned\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
    registry = open_registry(scene.url)
    tags = registry.tags(registry.repository("greeter"))
    plan = scene.plan("greeter", "2.0.0")
    assert (plan.image is not None) == any(tag.startswith("fp-") for tag in tags)
    built = scene.build("greeter", "2.0.0")
    assert read_image(scene.url, f"{built.repository}:2.0.0") == built


def test_a_changed_artifact_loads_no_template_engine(scene: Scene) -> None:
    program = (
        "import json, sys\nfrom provisimus.cli import main\n"
        "try:\n    main(['image', 'build', 'greeter@1.0.0', '-C', sys.argv[1]])\n"
        "except SystemExit as ending:\n    assert not ending.code, ending.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    argv = [sys.executable, "-c", program, str(scene.root)]
    jar = scene.root / "artifacts/com/acme/greeter/1.0.0/greeter-1.0.0.jar"
    for text in ("one", "two"):
        for each in jar.parent.iterdir():
            each.unlink()
        scene.publish("1.0.0", text)
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "built" in done.stdout
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "provisimus.images.assemble" in loaded
    assert not loaded & {"jinja2", "boto3", "botocore", "rich", "h2", "asyncio"}
