"""What the cases of groups share: a cloud with a tiny image, and waiting for what must come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port

from .conftest import LocalCloud

PATIENCE = 180.0
"""Seconds; guests are emulated, and other tests run beside these."""


def eventually(holds: Callable[[], Any], told: Callable[[], Any] | None = None) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < deadline, told and told()
        time.sleep(0.2)


@dataclass
class House:
    """A running cloud, two images of one tiny disk, and two subnets in different zones."""

    cloud: LocalCloud
    images: list[str]
    subnets: list[str]

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def template(self, name: str, image: str | None = None, **more: Any) -> str:
        data = {"ImageId": image or self.images[0], "InstanceType": "t3.nano", **more}
        made = self.client("ec2").create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData=data
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def group(self, name: str, desired: int = 1, **more: Any) -> Group:
        given = {
            "LaunchTemplate": {"LaunchTemplateName": name, "Version": "$Latest"},
            "MinSize": 0, "MaxSize": 4, "DesiredCapacity": desired,
            "VPCZoneIdentifier": ",".join(self.subnets),
        }  # fmt: skip
        if "LaunchTemplate" not in more:
            self.template(name)
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name, **{**given, **more}
        )
        return Group(self, name)


@dataclass
class Group:
    house: House
    name: str

    @property
    def api(self) -> Any:
        return self.house.client("autoscaling")

    @property
    def told(self) -> dict[str, Any]:
        found = self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])
        return dict(found["AutoScalingGroups"][0]) if found["AutoScalingGroups"] else {}

    @property
    def instances(self) -> dict[str, dict[str, Any]]:
        return {each["InstanceId"]: each for each in self.told.get("Instances", [])}

    @property
    def activities(self) -> list[dict[str, Any]]:
        told = self.api.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        return [dict(each) for each in told]

    def serving(self, number: int, without: str = "") -> list[str]:
        """Wait until exactly so many are there and in service, one of them not any more."""

        def there() -> list[str]:
            found = self.instances
            whole = [i for i, each in found.items() if each["LifecycleState"] == "InService"]
            return whole if len(whole) == len(found) == number and without not in found else []

        return list(eventually(there, self.story))

    def state(self, state: str) -> str:
        """Wait for an instance in a state; returns its id."""

        def there() -> str:
            found = self.instances.items()
            return next((i for i, each in found if each["LifecycleState"] == state), "")

        return str(eventually(there, self.story))

    def refreshed(self) -> dict[str, Any]:
        """The newest instance refresh, once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.api.describe_instance_refreshes(AutoScalingGroupName=self.name)
            newest = dict(found["InstanceRefreshes"][0])
            ends = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")
            return newest if newest["Status"] in ends else None

        return dict(eventually(over, self.story))

    def story(self) -> str:
        return json.dumps([self.told, self.activities], default=str, indent=1)

    def end(self) -> None:
        if self.told:
            self.api.delete_auto_scaling_group(AutoScalingGroupName=self.name, ForceDelete=True)
        eventually(lambda: not self.told, self.story)


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """A cloud of one's own in which a minute is a second; making its base needs root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVISIMUS_LOCAL_MINUTE", "1")
        cloud = LocalCloud(folder, free_port(), free_port())
        cloud.start()
        try:
            order = {"name": "tiny-groups", "owner": "136693071363", "kind": "tiny"}
            first = json.loads(cloud.post("bases", order).text.splitlines()[-1])["image_id"]
            ec2 = cloud.client("ec2")
            base = ec2.describe_images(ImageIds=[first])["Images"][0]
            second = ec2.register_image(
                Name="again", RootDeviceName=base["RootDeviceName"], Architecture="x86_64",
                BlockDeviceMappings=base["BlockDeviceMappings"], VirtualizationType="hvm",
            )["ImageId"]  # fmt: skip
            found = ec2.describe_subnets()["Subnets"]
            subnets = sorted(found, key=lambda each: str(each["AvailabilityZone"]))
            yield House(cloud, [first, second], [each["SubnetId"] for each in subnets[:2]])
        finally:
            cloud.stop()
