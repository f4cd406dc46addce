"""A Maven repository in an S3 bucket: `s3://bucket/prefix`.

Account, region and endpoint are those of the machine's own AWS chain (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL_S3, an instance's role). A release is held still by S3 itself: what is put under a
condition that nothing is there arrives once ("Conditional writes" in S3's user guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import PIECE, Sums
from provisimus.artifacts.maven import layout
from provisimus.artifacts.remote import About, Body, RemoteRepository
from provisimus.errors import Unreachable, UsageFault

if TYPE_CHECKING:
    from provisimus.aws import Cloud

PART = 8 << 20
"""Bytes put at once (5 MiB is the least that S3 takes, 10,000 parts the most)."""
ATTEMPTS = 4
"""How often in a row a download may break off without a further byte."""


def matches(location: str) -> bool:
    return location.startswith("s3://")


def open_repository(name: str, location: str, root: Path, cache: Cache) -> RemoteRepository:  # noqa: ARG001
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*?))?/*", location)
    if not found:
        raise UsageFault(
            f"{location!r} is no place in S3",
            where=f"provisimus.yaml: artifacts/{name}",
            hint="for example s3://acme-artifacts/maven",
        )
    prefix = f"{found[2]}/" if found[2] else ""
    store = S3Store(found[1], prefix)
    return RemoteRepository(name, f"s3://{found[1]}/{prefix}", store, cache)


@dataclass(frozen=True)
class S3Store:
    """`prefix` ends in a slash, or is empty."""

    bucket: str
    prefix: str

    def about(self, path: str) -> About | None:
        from provisimus.aws import speaking

        with speaking(self._cloud, f"look at {self._place(path)}"):
            answer = self._unless_missing("head_object", Key=self.prefix + path)
        if answer is None:
            return None
        sums = {
            name: value for name, value in answer["Metadata"].items() if name in layout.CHECKSUMS
        }
        return About(int(answer["ContentLength"]), sums, answer["ETag"])

    def text(self, path: str) -> str | None:
        from provisimus.aws import speaking

        with speaking(self._cloud, f"read {self._place(path)}"):
            answer = self._unless_missing("get_object", Key=self.prefix + path)
            if answer is None:
                return None
            data: bytes = answer["Body"].read()
        return data.decode(errors="replace")

    def pieces(self, path: str) -> Iterator[bytes]:
        """Goes on after a cut, as long as the object is still the same."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        from provisimus.aws import speaking

        done, failures, options = 0, 0, dict[str, str]()
        while True:
            try:
                with speaking(self._cloud, f"read {self._place(path)}"):
                    answer = self._client.get_object(
                        Bucket=self.bucket, Key=self.prefix + path, **options
                    )
                for piece in answer["Body"].iter_chunks(PIECE):
                    yield piece
                    done += len(piece)
                    failures = 0
                return
            except (HTTPClientError, IncompleteReadError) as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise Unreachable(
                        f"the download broke off after {done:,} bytes, {failures} times in a row",
                        where=self._place(path),
                        hint="run it again",
                    ) from error
                options = {"Range": f"bytes={done}-", "IfMatch": answer["ETag"]}

    def put(self, path: str, body: Body, sums: Sums, *, replace: bool) -> bool:
        from botocore.exceptions import ClientError

        from provisimus.aws import speaking

        condition = {} if replace else {"IfNoneMatch": "*"}
        about = {"Metadata": {"sha256": sums.sha256.hex}}
        with speaking(self._cloud, f"put {self._place(path)}"):
            try:
                if sums.size <= PART:
                    self._client.put_object(
                        **self._named(path), Body=b"".join(body()), **about, **condition
                    )
                else:
                    self._put_parts(path, body(), about, condition)
            except ClientError as error:
                # 409 is S3's answer to one of two that put at the same moment.
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if not replace and status in (409, 412) and self.about(path) is not None:
                    return False
                raise
        return True

    def artifacts(self) -> tuple[tuple[str, str], ...]:
        from provisimus.aws import speaking

        found = set()
        with speaking(self._cloud, f"list {self._place('')}"):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
                for each in page.get("Contents", ()):
                    parts = each["Key"].removeprefix(self.prefix).split("/")
                    # group/…/artifact/version/artifact-version.ext
                    if len(parts) >= 4 and parts[-1].startswith(f"{parts[-3]}-"):
                        found.add((".".join(parts[:-3]), parts[-3]))
        return tuple(sorted(found))

    def _put_parts(
        self, path: str, content: Iterator[bytes], about: Any, condition: dict[str, str]
    ) -> None:
        """In parts, so that no more than one is in memory; nothing is there before the last."""
        named = self._named(path)
        upload = self._client.create_multipart_upload(**named, **about)["UploadId"]
        parts = []
        try:
            for number, data in enumerate(_parts(content), 1):
                answer = self._client.upload_part(
                    **named, UploadId=upload, PartNumber=number, Body=data
                )
                parts.append({"ETag": answer["ETag"], "PartNumber": number})
            self._client.complete_multipart_upload(
                **named, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )
        except BaseException:
            self._client.abort_multipart_upload(**named, UploadId=upload)
            raise

    def _unless_missing(self, operation: str, **options: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self.bucket, **options)
        except ClientError as error:
            # HEAD has no body, so "404" is all that is known of a missing key.
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return None
            raise
        return answer

    def _named(self, path: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + path}

    def _place(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{path}"

    @cached_property
    def _cloud(self) -> Cloud:
        from provisimus.aws import own_cloud

        return own_cloud()

    @property
    def _client(self) -> Any:
        return self._cloud.s3


def _parts(content: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of PART; the last may be shorter."""
    buffer = bytearray()
    for piece in content:
        buffer += piece
        while len(buffer) >= PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    if buffer:
        yield bytes(buffer)
