"""The EBS direct APIs on real disks: StartSnapshot to ListChangedBlocks.

A snapshot that is written is on the disk from its first block on (``direct/block_file.py``), so one
that was begun before a restart is finished after it. Source: "EBS direct APIs" in the EBS User
Guide and its API reference.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ebs.responses import EBSResponse
from moto.ec2.models.elastic_block_store import Snapshot, Volume
from moto.ec2.utils import random_snapshot_id

from provisimus.localcloud.direct.block_file import BLOCK, BlockFile
from provisimus.localcloud.direct.layers import Block, changed, content, lineage, read_blocks
from provisimus.localcloud.disks import GIB, WRITING
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.cloud import Cloud, replace

NO_VOLUME = "vol-ffffffff"
"""The volume of a snapshot that was made of none, as DescribeSnapshots tells it."""
LARGEST = 4096
"""GiB; AWS's limit is 65,536, of which no file here would keep the count."""
TOKENS_FOR = timedelta(days=7)
PAGE, LEAST_PAGE, LARGEST_PAGE = 10_000, 100, 10_000


class WireError(ServiceException):
    """An error of the API. moto finds the service model by an exception's module: here."""

    def __init__(self, code: str, message: str, reason: str = "") -> None:
        super().__init__(code, message)
        self.Message = message
        if reason:
            self.Reason = reason


@dataclass
class Writing:
    """What StartSnapshot was asked for, kept with the snapshot until it is completed."""

    wanted: Mapping[str, Any]
    minutes: int
    touched: float = field(default_factory=time.time)

    @property
    def too_late(self) -> bool:
        return time.time() - self.touched > self.minutes * 60


def invalid(message: str, reason: str = "INVALID_PARAMETER_VALUE") -> WireError:
    return WireError("ValidationException", message, reason)


def token_of(snapshot: str, index: int) -> str:
    """The block token: nothing but a name that proves itself. AWS's are opaque as well."""
    return base64.b64encode(hashlib.sha256(f"{snapshot}/{index}".encode()).digest()).decode()


def page_of(numbers: list[int], start: int | None, token: str | None, most: int | None
            ) -> tuple[list[int], str | None]:  # fmt: skip
    """The numbers of one page and the token of the next. Raises WireError."""
    most = PAGE if most is None else most
    if not LEAST_PAGE <= most <= LARGEST_PAGE:
        raise invalid(f"MaxResults is {LEAST_PAGE} to {LARGEST_PAGE}, not {most}")
    if token is not None and not token.isdecimal():
        raise invalid("The pagination token is not valid", "INVALID_PAGE_TOKEN")
    first = max(start or 0, int(token or 0))
    left = [each for each in numbers if each >= first]
    return left[:most], str(left[most]) if len(left) > most else None


def install(cloud: Cloud) -> None:
    """Replace moto's responses, and let nothing be made of a snapshot that is not completed."""
    known = lru_cache(maxsize=8)(read_blocks)

    def find(response: Any, identifier: str, status: str = "completed") -> Any:
        snapshot = response.ebs_backend.ec2_backend.snapshots.get(identifier)
        if snapshot is None:
            raise WireError(
                "ResourceNotFoundException",
                f"The snapshot '{identifier}' does not exist.",
                "SNAPSHOT_NOT_FOUND",
            )
        writing = getattr(snapshot, "local_writing", None)
        if snapshot.status == "pending" and writing is not None and writing.too_late:
            snapshot.status = "error"
        if snapshot.status != status or not cloud.disks.exists(identifier):
            raise invalid(
                f"The snapshot '{identifier}' is {snapshot.status}, not {status}.",
                "INVALID_SNAPSHOT_ID",
            )
        return snapshot

    def blocks_in(snapshot: Any) -> dict[int, Block]:
        try:
            return known(cloud.layout.disk(snapshot.id))
        except LocalCloudError as error:
            raise WireError("InternalServerException", str(error)) from error

    def file_of(snapshot: Any) -> BlockFile:
        return BlockFile(cloud.layout.disk(snapshot.id), int(snapshot.volume_size) * GIB)

    def start(response: Any) -> ActionResult:
        wanted = {
            key: response._get_param(key)
            for key in ("VolumeSize", "ParentSnapshotId", "Tags", "Description", "Encrypted",
                        "KmsKeyArn", "Timeout")
        }  # fmt: skip
        token = response._get_param("ClientToken")
        ec2 = response.ebs_backend.ec2_backend
        with cloud.changes:
            again = _of_token(ec2, token, wanted)
            if again is None:
                parent = wanted["ParentSnapshotId"]
                _check_start(wanted, find(response, parent) if parent else None)
                again = _begin(cloud, ec2, wanted)
                again.local_token = token
        return ActionResult(_started(again))

    def put(response: Any) -> ActionResult:
        snapshot = find(response, response._get_param("SnapshotId"), "pending")
        index, data = int(response._get_param("BlockIndex")), response._get_param("BlockData")
        checksum = response._get_param("Checksum")
        _check_block(response, snapshot, index, data, checksum)
        try:
            file_of(snapshot).put(index, data)
        except OSError as error:
            raise WireError("InternalServerException", f"{error}") from error
        snapshot.local_writing.touched = time.time()
        return ActionResult({"Checksum": checksum, "ChecksumAlgorithm": "SHA256"})

    def complete(response: Any) -> ActionResult:
        identifier = response._get_param("SnapshotId")
        ready = response.ebs_backend.ec2_backend.snapshots.get(identifier)
        if ready is not None and ready.status == "completed" and hasattr(ready, "local_writing"):
            return ActionResult({"Status": "completed"})
        snapshot = find(response, identifier, "pending")
        file = file_of(snapshot)
        _check_end(response, file)
        file.count_references()
        snapshot.status = "completed"
        cloud.layout.disk(identifier).with_suffix(WRITING).unlink(missing_ok=True)
        cloud.changed()
        return ActionResult({"Status": "completed"})

    def get(response: Any) -> ActionResult:
        snapshot = find(response, response._get_param("SnapshotId"))
        index, blocks = int(response._get_param("BlockIndex")), blocks_in(snapshot)
        if response._get_param("BlockToken") != token_of(snapshot.id, index):
            raise invalid("The block token is not valid", "INVALID_BLOCK_TOKEN")
        if index not in blocks:
            raise invalid(f"There is no block {index} in {snapshot.id}", "INVALID_BLOCK")
        data = content(blocks[index])
        return ActionResult(
            {
                "BlockData": data,
                "DataLength": BLOCK,
                "Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode(),
                "ChecksumAlgorithm": "SHA256",
            }
        )

    def list_all(response: Any) -> ActionResult:
        snapshot = find(response, response._get_param("SnapshotId"))
        return _listed(
            response, snapshot, list(blocks_in(snapshot)), "Blocks",
            lambda index: {"BlockIndex": index, "BlockToken": token_of(snapshot.id, index)},
        )  # fmt: skip

    def list_changed(response: Any) -> ActionResult:
        second = find(response, response._get_param("SecondSnapshotId"))
        first_id = response._get_param("FirstSnapshotId")
        first = find(response, first_id) if first_id else None
        if first is not None and not _related(cloud, first.id, second.id):
            raise invalid(
                f"{first.id} and {second.id} are not of one lineage", "UNRELATED_SNAPSHOTS"
            )
        before, after = blocks_in(first) if first else {}, blocks_in(second)

        def told(index: int) -> dict[str, Any]:
            sides = {"FirstBlockToken": (first, before), "SecondBlockToken": (second, after)}
            tokens = {
                key: token_of(snapshot.id, index)
                for key, (snapshot, blocks) in sides.items()
                if snapshot is not None and index in blocks
            }
            return {"BlockIndex": index, **tokens}

        return _listed(response, second, list(changed(before, after)), "ChangedBlocks", told)

    for name, method in (
        ("start_snapshot", start), ("put_snapshot_block", put), ("complete_snapshot", complete),
        ("get_snapshot_block", get), ("list_snapshot_blocks", list_all),
        ("list_changed_blocks", list_changed),
    ):  # fmt: skip
        replace(EBSResponse, name, method)


def _check_start(wanted: Mapping[str, Any], parent: Any) -> None:
    size, minutes = int(wanted["VolumeSize"]), wanted["Timeout"]
    if not 1 <= size <= LARGEST:
        raise invalid(f"VolumeSize is 1 to {LARGEST} GiB here, not {size}", "INVALID_VOLUME_SIZE")
    if minutes is not None and not 10 <= int(minutes) <= 4320:
        raise invalid(f"Timeout is 10 to 4320 minutes, not {minutes}")
    if parent is not None and wanted["Encrypted"] is not None:
        raise invalid("Encrypted and ParentSnapshotId cannot be given together")
    if parent is not None and size < int(parent.volume_size):
        raise invalid(f"The parent snapshot is of {parent.volume_size} GiB", "INVALID_VOLUME_SIZE")
    if wanted["KmsKeyArn"] and not (wanted["Encrypted"] or (parent and parent.encrypted)):
        raise invalid("KmsKeyArn is for an encrypted snapshot", "INVALID_CUSTOMER_KEY")


def _begin(cloud: Cloud, ec2: Any, wanted: Mapping[str, Any]) -> Any:
    """The snapshot and its disk, which holds no block yet."""
    parent = ec2.snapshots.get(wanted["ParentSnapshotId"])
    size = int(wanted["VolumeSize"])
    encrypted = bool(parent.encrypted if parent else wanted["Encrypted"])
    snapshot: Any = Snapshot(
        ec2,
        random_snapshot_id(),
        Volume(ec2, NO_VOLUME, size, None, encrypted=encrypted),  # type: ignore[abstract]
        wanted["Description"] or "",
        encrypted=encrypted,
        kms_key_id=wanted["KmsKeyArn"],
    )
    path = cloud.layout.disk(snapshot.id)
    beneath = cloud.layout.disk(parent.id).name if parent else None
    try:
        path.with_suffix(WRITING).touch()
        BlockFile.create(path, size * GIB, beneath)
    except OSError as error:
        for each in (path, path.with_suffix(WRITING)):
            each.unlink(missing_ok=True)
        raise WireError("InternalServerException", f"{error}") from error
    cloud.disks.hand_over(path)
    snapshot.status, snapshot.local_size = "pending", size
    snapshot.local_writing = Writing(dict(wanted), int(wanted["Timeout"] or 60))
    snapshot.add_tags({each["Key"]: each.get("Value", "") for each in wanted["Tags"] or ()})
    ec2.snapshots[snapshot.id] = snapshot
    return snapshot


def _of_token(ec2: Any, token: str | None, wanted: Mapping[str, Any]) -> Any:
    """The snapshot that an earlier call with the same token began. Raises WireError."""
    for snapshot in ec2.snapshots.values() if token else ():
        if getattr(snapshot, "local_token", None) == token:
            if snapshot.local_writing.wanted != dict(wanted):
                raise WireError(
                    "ConflictException", "The client token was used for another request."
                )
            return snapshot
    return None


def _started(snapshot: Any) -> dict[str, Any]:
    wanted = snapshot.local_writing.wanted
    return {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.owner_id,
        "Status": snapshot.status,
        "StartTime": snapshot.start_time,
        "VolumeSize": int(snapshot.volume_size),
        "BlockSize": BLOCK,
        **{key: wanted[key] for key in ("Tags", "Description", "ParentSnapshotId", "KmsKeyArn")
           if wanted[key]},
    }  # fmt: skip


def _check_block(response: Any, snapshot: Any, index: int, data: bytes, checksum: str) -> None:
    if not 0 <= index < int(snapshot.volume_size) * GIB // BLOCK:
        raise invalid(f"There is no block {index} in the volume", "INVALID_BLOCK")
    if int(response._get_param("DataLength")) != BLOCK or len(data) != BLOCK:
        raise invalid(f"A block has {BLOCK} bytes", "INVALID_BLOCK")
    if response._get_param("ChecksumAlgorithm") != "SHA256":
        raise invalid("ChecksumAlgorithm is SHA256")
    if checksum != base64.b64encode(hashlib.sha256(data).digest()).decode():
        raise invalid("The checksum is not that of the data", "INVALID_BLOCK")


def _check_end(response: Any, file: BlockFile) -> None:
    count, written = int(response._get_param("ChangedBlocksCount")), len(file.written())
    if count != written:
        raise invalid(f"ChangedBlocksCount is {count}, but {written} blocks were written")
    checksum = response._get_param("Checksum")
    if checksum is None:
        return
    if response._get_param("ChecksumAlgorithm") != "SHA256":
        raise invalid("ChecksumAlgorithm is SHA256")
    if response._get_param("ChecksumAggregationMethod") != "LINEAR":
        raise invalid("ChecksumAggregationMethod is LINEAR")
    if checksum != base64.b64encode(file.checksum()).decode():
        raise invalid("The checksum is not that of the blocks written")


def _listed(
    response: Any, snapshot: Any, numbers: list[int], key: str, tell: Callable[[int], Any]
) -> ActionResult:
    chosen, following = page_of(
        numbers,
        response._get_param("StartingBlockIndex"),
        response._get_param("NextToken"),
        response._get_param("MaxResults"),
    )
    return ActionResult(
        {
            key: [tell(index) for index in chosen],
            "VolumeSize": int(snapshot.volume_size),
            "BlockSize": BLOCK,
            "ExpiryTime": utcnow() + TOKENS_FOR,
            "NextToken": following,
        }
    )


def _related(cloud: Cloud, first: str, second: str) -> bool:
    """Whether one is made over the other, or both over a third."""

    def layers(identifier: str) -> set[tuple[int, int]]:
        return {_identity(path) for path in lineage(cloud.layout.disk(identifier))}

    return bool(layers(first) & layers(second))


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()  # a copied snapshot is a second name for one file
    return found.st_dev, found.st_ino
