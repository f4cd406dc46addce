"""A real bake: Packer, the local cloud, a virtual machine, and the image booted afterwards.

Takes minutes; one bake serves all tests. The container images are the smallest that answer over
HTTP: busybox and a page.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import shlex
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from tests.contract.conftest import serving
from tests.contract.machines.pushing import HTPASSWD, PASSWORD
from tests.contract.machines.test_packer_templates import documented_template
from tests.rehearsal.bases import own_cloud
from tests.rehearsal.lives import answer, first_life, furnish, launched, second_life, volumes

from provisimus.environment import Environment, open_environment
from provisimus.errors import ToolFailed
from provisimus.events import Event, Finished, Said
from provisimus.machines import ImageInput, Leftover, bake, find_temporary, plan_machine, reap
from provisimus.machines.sbom import kept_at, key_of_image
from provisimus.model import Commits, ContainerImage, Digest, MachineImage
from provisimus.release.registries import RegistryAccess
from provisimus.workspace import Workspace, open_workspace

RUN = time.strftime("%Y%m%dT%H%M%S-abcdef", time.gmtime())
OWN_RUN = RUN.replace("abcdef", "fedcba")
KEPT_RUN = RUN.replace("abcdef", "00cafe")
PROJECT = "bake-" + time.strftime("%H%M%S")
"""One of its own: with PROVISIMUS_REHEARSAL_DIR the cloud still holds earlier rehearsals."""
BUSYBOX = shutil.which("busybox")
pytestmark = [
    pytest.mark.skipif(BUSYBOX is None, reason="busybox-static is not installed"),
]


@dataclass(frozen=True)
class Scene:
    workspace: Workspace
    environment: Environment
    images: dict[str, ContainerImage]
    key: Path
    """The private half of the users' SSH key."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A workspace with one machine, a local cloud of its own, two images in its registry."""
    folder = tmp_path_factory.mktemp("bake")
    with own_cloud(folder / "cloud", tmp_path_factory):
        key = folder / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehearsal", "-f", str(key)],
            check=True,
        )
        workspace = write_workspace(folder / "acme", key.with_suffix(".pub").read_text().strip())
        environment = open_environment(workspace, "local", start=True)
        assert environment.local is not None
        try:
            images = {
                # The main image answers from the data volume, the side cart may write nothing.
                "greeter": push(
                    environment.registry,
                    "greeter",
                    8080,
                    "busybox cp /page /data/health;"
                    ' echo "$GREETER_MODE ${#GREETER_PASSWORD} $GREETER_BAKED" >/data/settings;'
                    " exec busybox httpd -f -p 8080 -h /data",
                ),
                "metrics": push(
                    environment.registry,
                    "metrics",
                    9100,
                    "busybox touch /health 2>/tmp/why || exec busybox httpd -f -p 9100 -h /www",
                ),
            }
            furnish(environment, PROJECT)
            yield Scene(workspace, environment, images, key)
        finally:
            environment.local.down()


@pytest.fixture(scope="module")
def image(scene: Scene) -> MachineImage:
    image, events = baked(scene)
    said = [event.text for event in events if isinstance(event, Said)]
    assert "hello from the setup script of greeter 1.0.0" in said
    return image


def test_what_is_baked_says_what_it_is_and_nothing_else_is_left(
    scene: Scene, image: MachineImage
) -> None:
    assert image.tags["provisimus:run"] == RUN
    assert image.tags["provisimus:image/greeter"] == f"greeter@{scene.images['greeter'].digest}"
    assert "provisimus:expires" not in image.tags
    assert find_temporary(scene.environment, PROJECT, scene.workspace.state) == ()
    key = key_of_image(image)
    assert key is not None
    said = json.loads(kept_at(scene.workspace.state, key).read_bytes())
    assert {"docker.io", "systemd"} <= {each["name"] for each in said["components"]}

    again = plan_machine(scene.workspace, scene.environment, "greeter", "1.0.0", inputs(scene))
    assert again.image == image


def test_a_machine_lives_and_another_takes_its_data_over(scene: Scene, image: MachineImage) -> None:
    with volumes(scene) as make:
        data = make(Size=1)
        snapshot = first_life(scene, image, {"/data": data, "/copy": make(Size=1)})
        # The instance is lost, its volume is not; and a copy of it comes back with more room.
        second_life(scene, image, {"/data": data, "/copy": make(Size=2, SnapshotId=snapshot)})


def test_a_template_of_ones_own_and_a_registry_that_wants_credentials(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    """The template is the documents', the registry a real one, and Docker pulls from it."""
    if not long:
        pytest.skip("takes another bake; runs with --all")
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"auth": {"htpasswd": {"realm": "here", "path": str(tmp_path / "htpasswd")}}}
    pair = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
    folder = scene.workspace.packer / "own"
    folder.mkdir()
    (folder / "machine.yaml").write_text("base: debian-12\nmain: greeter\n")
    (folder / "template.pkr.hcl").write_text(documented_template())
    with serving(tmp_path, auth) as registry:
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": pair}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        command = "exec busybox httpd -f -p 8080 -h /www"
        images = {"greeter": push(registry, "greeter", 8080, command, ("ci", PASSWORD))}
        environment = replace(scene.environment, registry=registry)
        given = {name: ImageInput(name, image.digest) for name, image in images.items()}
        plan = plan_machine(scene.workspace, environment, "own", "1.0.0", given)
        events: list[Event] = []
        made = bake(
            *(plan, environment, images, Commits({}), events.append, OWN_RUN), RegistryAccess()
        )
    told = str(events)
    assert f"pulling {images['greeter'].reference}" in told
    assert "nothing that must not be in an image" in told
    assert PASSWORD not in told
    assert pair not in told
    assert made.tags["provisimus:run"] == OWN_RUN
    assert made.tags["provisimus:healthy-after"]
    assert find_temporary(environment, PROJECT, scene.workspace.state) == ()


def test_a_machine_whose_disk_fills_is_kept_for_whoever_asks(scene: Scene, long: bool) -> None:
    if not long:
        pytest.skip("takes another bake; runs with --all")
    folder = scene.workspace.packer / "fills"
    (folder / "setup").mkdir(parents=True)
    (folder / "machine.yaml").write_text("base: debian-12\nmain: greeter\n")
    (folder / "setup/10-fills").write_text("#!/bin/sh\nfallocate -l 100G /var/full\n")
    images = {"greeter": scene.images["greeter"]}
    given = {name: ImageInput(name, image.digest) for name, image in images.items()}
    plan = plan_machine(scene.workspace, scene.environment, "fills", "1.0.0", given)
    with pytest.raises(ToolFailed) as caught:
        bake(
            *(plan, scene.environment, images, Commits({}), lambda _: None, KEPT_RUN),
            debug=True,
        )
    assert caught.value.message == "the disk of 8 GiB is full: setup/10-fills failed"
    assert caught.value.where == f"{folder}/machine.yaml: disk"
    command = str(caught.value.hint).partition("Enter it: ")[2].partition(" — ")[0]
    entered = subprocess.run(
        [*shlex.split(command), "sudo cat /var/lib/provisimus-stage/setup/10-fills"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "fallocate" in entered.stdout, entered.stderr

    state = scene.workspace.state

    def of_this_run() -> list[Leftover]:
        # A cloud that is kept may hold the key pair of an earlier rehearsal, which has no project.
        found = find_temporary(scene.environment, PROJECT, state)
        return [each for each in found if each.run == KEPT_RUN]

    left = of_this_run()
    # And its volume, where the cloud does not say that it goes with the instance.
    assert {each.kind for each in left} >= {"instance", "key pair", "security group"}
    assert all(each.removable for each in left)
    reap(scene.environment, left, state, lambda _: None)
    assert of_this_run() == []
    assert not Path(shlex.split(command)[2]).exists()


def test_ten_boots_in_a_row_are_ten_answers(scene: Scene, image: MachineImage, long: bool) -> None:
    if not long:
        pytest.skip("takes ten boots; runs with --all")
    for number in range(10):
        began = time.monotonic()
        with volumes(scene) as make:
            mounts = {"/data": make(Size=1), "/copy": make(Size=1)}
            with launched(scene, image, mounts) as (_, address):
                assert answer(address, 8080, within=600).strip() == "hello from greeter"
                print(f"boot {number + 1}: {time.monotonic() - began:.1f} s")  # noqa: T201


def baked(scene: Scene) -> tuple[MachineImage, list[Event]]:
    plan = plan_machine(scene.workspace, scene.environment, "greeter", "1.0.0", inputs(scene))
    assert plan.reason == "there is no machine image yet"
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Finished):
            print(f"{event.seconds:7.1f} s  {event.step}")  # noqa: T201
        elif isinstance(event, Said):
            print(f"           {event.step}: {event.text}")  # noqa: T201 - read when it fails

    commits = Commits({"services": "unknown", "docker": "unknown", "packer": "unknown"})
    return bake(plan, scene.environment, scene.images, commits, tell, RUN), events


def inputs(scene: Scene) -> dict[str, ImageInput]:
    return {name: ImageInput(name, image.digest) for name, image in scene.images.items()}


def write_workspace(root: Path, key: str) -> Workspace:
    setup = root / "packer/greeter/setup"
    setup.mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        f"project: {PROJECT}\n"
        "bases:\n"
        "  debian-12:\n"
        '    aws: {owner: "136693071363", name: "debian-12-amd64-*"}\n'
        "    local: {debian: bookworm, packages: [docker.io, docker-compose, pigz]}\n"
    )
    (root / "packer/greeter/machine.yaml").write_text(
        "base: debian-12\n"
        "main: greeter\n"
        "side_carts: [metrics]\n"
        "health: {http: {port: 8080, path: /health}}\n"
        "volumes: [{mount: /data, quiesce: /usr/local/bin/flush}, {mount: /copy}]\n"
        "environment: {GREETER_MODE: baked, GREETER_BAKED: baked}\n"
        "users:\n"
        f"  - {{name: ops, sudo: true, ssh_keys: [{key}]}}\n"
        f"  - {{name: guest, ssh_keys: [{key}]}}\n"
        f"  - {{name: leaver, expires: 2020-01-31, ssh_keys: [{key}]}}\n"
    )
    flush = root / "packer/greeter/files/usr/local/bin/flush"
    flush.parent.mkdir(parents=True)
    flush.write_text('#!/bin/sh\necho "$@" >>/run/flushed\n')
    flush.chmod(0o755)
    (setup / "10-hello").write_text(
        "#!/bin/sh\nset -eu\n"
        'echo "hello from the setup script of $PROVISIMUS_MACHINE $PROVISIMUS_VERSION"\n'
    )
    return open_workspace(root)


def push(
    registry: str, name: str, port: int, command: str, auth: tuple[str, str] | None = None
) -> ContainerImage:
    """Put an image of busybox, a page and a command into a registry."""
    assert BUSYBOX is not None
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        binary = Path(BUSYBOX).resolve().read_bytes()
        for path, content, mode in (
            ("bin/busybox", binary, 0o755),
            ("page", f"hello from {name}\n".encode(), 0o644),
            ("www/health", f"hello from {name}\n".encode(), 0o644),
            ("tmp/.keep", b"", 0o644),
        ):
            about = tarfile.TarInfo(path)
            about.size, about.mode = len(content), mode
            archive.addfile(about, io.BytesIO(content))
    packed = gzip.compress(layer.getvalue(), 1, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Cmd": ["/bin/busybox", "sh", "-c", command],
                "Env": ["PATH=/bin"],
                "ExposedPorts": {f"{port}/tcp": {}},
            },
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer.getvalue()))]},
        }
    ).encode()
    docker = "application/vnd.docker"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{docker}.distribution.manifest.v2+json",
            "config": described(f"{docker}.container.image.v1+json", config),
            "layers": [described(f"{docker}.image.rootfs.diff.tar.gzip", packed)],
        }
    ).encode()
    with httpx.Client(base_url=f"http://{registry}", trust_env=False, auth=auth) as client:
        for blob in (config, packed):
            place = client.post(f"/v2/{name}/blobs/uploads/").headers["location"]
            separator = "&" if "?" in place else "?"
            client.put(
                f"{place}{separator}digest={Digest.of(blob)}", content=blob
            ).raise_for_status()
        client.put(
            f"/v2/{name}/manifests/1.0.0",
            content=manifest,
            headers={"content-type": f"{docker}.distribution.manifest.v2+json"},
        ).raise_for_status()
    return ContainerImage(name, "1.0.0", f"{registry}/{name}", Digest.of(manifest), ports=(port,))


def described(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(content), "digest": str(Digest.of(content))}
