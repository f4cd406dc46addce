"""Stacks that wait for their machine's word. The machines say it with the very program that they
have on their disks; nobody could ask them, for no port is open."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.unit.ondisk.fake import fake_cloud

from provisimus.errors import RolledBack
from provisimus.events import Said, Warned
from provisimus.ondisk import publish
from provisimus.ondisk.places import Places
from provisimus.stacks.live import find_stack
from provisimus.user_data import PUBLISH_FILE

if TYPE_CHECKING:
    from conftest import Scene

CLOSED = "health: {signal: true}\n"
WITH_DATA = CLOSED + "data_volumes: [{mount: /data, size: 1 GiB}]\n"


class Machines:
    """Each running instance of a scene becomes healthy once its volumes are attached, unless its
    image is sick; and says so as it was told to."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder = scene, folder
        self.heard: list[tuple[str, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        with fake_cloud() as metadata:
            metadata.metadata["meta-data/services/endpoint-url"] = str(
                self.scene.environment.cloud.endpoint
            )
            while not self._over.wait(0.1):
                for instance in self._running():
                    metadata.metadata["meta-data/instance-id"] = instance["InstanceId"]
                    self._check(instance, metadata.client())

    def _running(self) -> list[Any]:
        filters = [
            {"Name": "instance-state-name", "Values": ["running"]},
            {"Name": "tag:provisimus:project", "Values": [self.scene.workspace.name]},
        ]
        groups = self.scene.ec2.describe_instances(Filters=filters)["Reservations"]
        return [each for group in groups for each in group["Instances"]]

    def _check(self, instance: Any, client: Any) -> None:
        identifier = instance["InstanceId"]
        found = self.scene.ec2.describe_instance_attribute(
            InstanceId=identifier, Attribute="userData"
        )
        text = base64.b64decode(found["UserData"]["Value"]).decode()
        files = {each["path"]: each["content"] for each in yaml.safe_load(text)["write_files"]}
        if "/etc/provisimus/volumes" in files and len(instance["BlockDeviceMappings"]) < 2:
            return
        image = self.scene.ec2.describe_images(ImageIds=[instance["ImageId"]])["Images"][0]
        status = "unhealthy" if "sick" in image["Name"] else "healthy"
        places = Places(str(self.folder / identifier))
        for path, content in (
            (places.publish, files[PUBLISH_FILE]),
            (places.health, json.dumps({"status": status})),
        ):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(content)
        if publish.main([], places, client) == 0 and (identifier, status) not in self.heard:
            self.heard.append((identifier, status))


@pytest.fixture
def machines(scene: Scene, tmp_path: Path) -> Iterator[Machines]:
    made = Machines(scene, tmp_path / "machines")
    yield made
    made.end()


def signalled(scene: Scene) -> int:
    text = "\n".join(each.text for each in scene.events if isinstance(each, Said))
    return text.count("AWS::CloudFormation::WaitCondition): Received SUCCESS signal")


@pytest.mark.parametrize("definition", [CLOSED, WITH_DATA], ids=["plain", "with-data"])
def test_a_stack_is_complete_when_its_machine_says_so(
    scene: Scene, machines: Machines, definition: str
) -> None:
    scene.define(definition, within="60s")
    first = scene.release("1.0.0")
    assert machines.heard == [(first.outputs["InstanceId"], "healthy")]
    assert not any(isinstance(each, Warned) for each in scene.events), "it was checked after all"
    second = scene.release("1.1.0")
    assert second.outputs["InstanceId"] != first.outputs["InstanceId"]
    assert machines.heard[1:] == [(second.outputs["InstanceId"], "healthy")]
    assert scene.plan("1.1.0").change == "none"


@pytest.mark.parametrize("definition", [CLOSED, WITH_DATA], ids=["plain", "with-data"])
def test_a_sick_machine_says_so_and_what_was_before_runs_again(
    scene: Scene, machines: Machines, definition: str
) -> None:
    scene.define(definition, within="60s")
    first = scene.release("1.0.0")
    with pytest.raises(RolledBack, match=r"AWS::CloudFormation::WaitCondition.*FAILURE") as failed:
        scene.release("1.1.0", sick=True)
    assert [status for _, status in machines.heard] == ["healthy", "unhealthy"]
    # Asked at the first failure: this cloud ends an instance within milliseconds, others do not.
    kept = [e.text for e in scene.events if isinstance(e, Said) and e.step.startswith("evidence")]
    assert kept[0].startswith(f"instance {machines.heard[1][0]} is ")
    assert kept[0].endswith(f", of {_image(scene, '1.1.0')}")
    assert failed.value.tail == tuple(kept)
    now = find_stack(scene.environment, first.name)
    assert now is not None
    assert now.outputs["InstanceId"] == first.outputs["InstanceId"]
    assert now.tags["provisimus:version"] == "1.0.0"
    running = [each["InstanceId"] for each in machines._running()]
    assert running == [first.outputs["InstanceId"]]
    assert scene.release("1.2.0").status == "UPDATE_COMPLETE"


def _image(scene: Scene, version: str) -> str:
    return scene.image(version, sick=True).image_id


def test_a_new_stack_whose_machine_is_sick_leaves_its_name_free(
    scene: Scene, machines: Machines
) -> None:
    scene.define(WITH_DATA, within="60s")
    with pytest.raises(RolledBack, match="FAILURE"):
        scene.release("1.0.0", sick=True)
    assert scene.release("1.0.1").status == "CREATE_COMPLETE"


def test_a_machine_that_says_nothing_is_not_waited_for_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisimus.stacks.types.service.SIGNAL_MARGIN", 0)
    scene.define(CLOSED, within="2s")
    with pytest.raises(RolledBack, match="Failed to receive 1 resource signal"):
        scene.release("1.0.0")
