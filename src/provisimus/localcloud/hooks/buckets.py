"""Buckets: what lies in them lies on the disk and outlives a restart, however large it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from moto.s3 import models
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import FakeKey

from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.objects import Content


def install(cloud: Cloud) -> None:
    """Replace moto's temporary files, and what it pickles of an object."""
    objects = cloud.objects

    class Files:
        """What moto's module asks of `tempfile`."""

        @staticmethod
        def SpooledTemporaryFile(*_: Any, **__: Any) -> Content:  # noqa: N802  (moto's name)
            return objects.fresh()

    def state(key: Any) -> dict[str, Any]:
        kept = {k: v for k, v in vars(key).items() if k not in ("_value_buffer", "lock")}
        return {**kept, "local_content": key._value_buffer.name}

    def restored(key: Any, kept: dict[str, Any]) -> None:
        vars(key).update(kept)
        key._value_buffer = Content(objects, vars(key).pop("local_content"))
        key.lock = threading.Lock()

    def upload_part(backend: Any, bucket: str, upload: str, *rest: Any, **kw: Any) -> Any:
        if upload not in backend.get_bucket(bucket).multiparts:
            raise NoSuchUpload(upload)
        return moto_upload_part(backend, bucket, upload, *rest, **kw)

    moto_upload_part = models.S3Backend.upload_part
    replace(models.S3Backend, "upload_part", upload_part)
    setattr(models, "tempfile", Files)  # noqa: B010
    replace(FakeKey, "__getstate__", state)
    replace(FakeKey, "__setstate__", restored)


def contents(cloud: Cloud) -> Iterator[str]:
    """The names of all contents that an object has."""
    for partition in list(models.s3_backends[cloud.account].values()):
        for bucket in list(partition.buckets.values()):
            keys = [each for _, versions in list(bucket.keys.iterlists()) for each in versions]
            parts = [
                part
                for upload in list(bucket.multiparts.values())
                for part in list(upload.parts.values())
            ]
            for key in (*keys, *parts):
                if isinstance(key, FakeKey):  # and no marker of one that was deleted
                    buffer: Any = key._value_buffer
                    yield buffer.name


def resume(cloud: Cloud) -> None:
    """After a restart: know whose each bucket is, and remove contents that no object has."""
    for name, partition in list(models.s3_backends[cloud.account].items()):
        for bucket in partition.buckets:
            models.s3_backends.bucket_accounts[bucket] = (name, cloud.account)
    cloud.objects.sweep(contents(cloud))
