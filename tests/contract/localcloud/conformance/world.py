"""What the cases find in their account: a network, images, and a list of what must go again."""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.target import AWS, Target

BLOCK = 512 * 1024
SPEAKS = bytes.fromhex("baf803b04beef4ebfd").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector that writes K to the first serial port and halts: the smallest machine."""
GONE = ("NotFound", "NoSuch", "DoesNotExist", "NotExist", "does not exist", "not found",
        "no longer available")  # fmt: skip
HELD = ("DependencyViolation", "InUse", "in use", "DeleteConflict", "Conflict", "IncorrectState")
_numbers = itertools.count(1)


@dataclass
class Kept:
    """What was made and must go again, whatever becomes of the case: last made, first gone."""

    patience: float
    pause: float
    todo: list[tuple[Callable[..., Any], dict[str, Any]]] = field(default_factory=list)

    def __call__(self, call: Callable[..., Any], **given: Any) -> None:
        self.todo.append((call, given))

    def clear(self) -> None:
        """Do it all; what could not be removed is told at the end, together."""
        left = []
        while self.todo:
            call, given = self.todo.pop()
            try:
                self._remove(call, given)
            except Exception as error:  # noqa: BLE001 the rest must go all the same
                left.append(f"{getattr(call, '__name__', call)}({given}): {error}")
        assert not left, "left behind: " + "; ".join(left)

    def _remove(self, call: Callable[..., Any], given: Mapping[str, Any]) -> None:
        pause = threading.Event()
        for _ in range(int(self.patience / self.pause)):
            try:
                call(**given)
                return
            except ClientError as error:
                if any(word in str(error) for word in GONE):
                    return
                if not any(word in str(error) for word in HELD):
                    raise
            pause.wait(self.pause)
        call(**given)


@dataclass
class World:
    """The target, and what the cases refer to in it. Nothing is made before it is asked for."""

    target: Target
    kept: Kept
    run: World | None = None
    """That of the whole run, whose network and images all cases share."""

    @property
    def patience(self) -> float:
        return self.target.patience

    @property
    def pause(self) -> float:
        return self.target.pause

    @property
    def at_aws(self) -> bool:
        return self.target.kind == AWS

    @property
    def region(self) -> str:
        return self.target.region

    @property
    def account(self) -> str:
        return self.target.account

    def client(self, service: str) -> Any:
        return self.target.client(service)

    @property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def name(self, what: str = "case") -> str:
        """A name that nothing else has; letters, digits and hyphens, below 32 of them."""
        return f"conformance-{self.target.run}-{next(_numbers)}-{what}"[:31].rstrip("-")

    def tags(self, kind: str) -> list[dict[str, Any]]:
        """TagSpecifications by which everything of this run is found."""
        tags = [{"Key": "conformance", "Value": self.target.run}]
        return [{"ResourceType": kind, "Tags": tags}]

    @cached_property
    def subnets(self) -> list[dict[str, Any]]:
        """Those of the default VPC, by zone."""
        if self.run:
            return self.run.subnets
        own = [{"Name": "default-for-az", "Values": ["true"]}]
        found = self.ec2.describe_subnets(Filters=own)["Subnets"]
        assert found, f"{self.region} has no default VPC, which these cases need"
        return sorted(found, key=lambda each: str(each["AvailabilityZone"]))

    @property
    def network(self) -> dict[str, str]:
        return {key: self.subnets[0][key] for key in ("SubnetId", "VpcId", "AvailabilityZone")}

    @property
    def zones(self) -> list[str]:
        return [str(each["AvailabilityZone"]) for each in self.subnets]

    @cached_property
    def images(self) -> list[str]:
        """Two images of the smallest machine, by the EBS direct APIs."""
        if self.run:
            return self.run.images
        snapshot = self.snapshot({0: SPEAKS.ljust(BLOCK, b"\0")})
        return [self.image(snapshot) for _ in range(2)]

    def snapshot(self, blocks: Mapping[int, bytes], **start: Any) -> str:
        """A completed snapshot of a volume of 1 GiB with these blocks of 512 KiB."""
        direct = self.client("ebs")
        tags = self.tags("snapshot")[0]["Tags"]
        made = direct.start_snapshot(**{"VolumeSize": 1, "Tags": tags, **start})["SnapshotId"]
        self.kept(self.ec2.delete_snapshot, SnapshotId=made)
        for index, data in blocks.items():
            direct.put_snapshot_block(
                SnapshotId=made, BlockIndex=index, BlockData=data, DataLength=len(data),
                Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                ChecksumAlgorithm="SHA256",
            )  # fmt: skip
        direct.complete_snapshot(SnapshotId=made, ChangedBlocksCount=len(blocks))
        self.until(
            lambda: (
                self.ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"]
                == "completed"
            )
        )
        return str(made)

    def image(self, snapshot: str) -> str:
        """An image whose root is made of this snapshot."""
        image = self.ec2.register_image(
            Name=self.name("image"), RootDeviceName="/dev/xvda", Architecture="x86_64",
            VirtualizationType="hvm", TagSpecifications=self.tags("image"),
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
        )["ImageId"]  # fmt: skip
        self.kept(self.ec2.deregister_image, ImageId=image)
        return str(image)

    def parameters(self, **changed: str) -> list[dict[str, str]]:
        """Those of a template that asks for an image and a network."""
        values = {"ImageId": self.images[0], **self.network, **changed}
        return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]

    def until(self, holds: Callable[[], Any], told: Callable[[], Any] | None = None) -> Any:
        """Wait until it holds; returns what it is then."""
        pause = threading.Event()
        for _ in range(int(self.patience / self.pause)):
            if found := holds():
                return found
            pause.wait(self.pause)
        raise AssertionError(f"not within {self.patience:.0f} seconds: {told and told()}")
