"""Snapshots block by block, by the EBS direct APIs."""

from __future__ import annotations

import base64
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

BLOCK = 512 * 1024
ZEROS = bytes(BLOCK)
A, B = os.urandom(BLOCK), b"b" * BLOCK


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def put(direct: Any, snapshot: str, index: int, data: bytes, **other: Any) -> Any:
    given = {
        "BlockData": data, "DataLength": len(data), "Checksum": b64(sha(data)),
        "ChecksumAlgorithm": "SHA256",
    }  # fmt: skip
    return direct.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, **{**given, **other})


def written(direct: Any, blocks: dict[int, bytes], **start: Any) -> str:
    """A completed snapshot of these blocks, put from several threads."""
    made = direct.start_snapshot(**{"VolumeSize": 1, **start})
    assert (made["Status"], made["BlockSize"]) == ("pending", BLOCK)
    identifier = str(made["SnapshotId"])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: put(direct, identifier, *each), blocks.items()))
    whole = sha(b"".join(sha(data) for _, data in sorted(blocks.items())))
    ended = direct.complete_snapshot(
        SnapshotId=identifier, ChangedBlocksCount=len(blocks), Checksum=b64(whole),
        ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR",
    )  # fmt: skip
    assert ended["Status"] == "completed"
    return identifier


def tokens(direct: Any, snapshot: str) -> dict[int, str]:
    told = direct.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    return {each["BlockIndex"]: each["BlockToken"] for each in told}


def read(direct: Any, snapshot: str, index: int) -> bytes:
    answer = direct.get_snapshot_block(
        SnapshotId=snapshot, BlockIndex=index, BlockToken=tokens(direct, snapshot)[index]
    )
    data: bytes = answer["BlockData"].read()
    assert (answer["Checksum"], answer["DataLength"]) == (b64(sha(data)), BLOCK)
    return data


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    response: Any = caught.value.response
    return response["Error"]["Code"], response.get("Reason", "")
