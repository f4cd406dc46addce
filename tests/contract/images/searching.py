"""Looking for secrets in everything that a build wrote and said, compressed or not."""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote


def spellings(secret: str) -> set[bytes]:
    """As it is, in an address, and in base64 wherever it begins in a triple of bytes."""
    found = {secret.encode(), quote(secret, safe="").encode()}
    for before in ("", "x", "xx"):
        text = base64.b64encode((before + secret).encode()).decode()
        # The first and the last letters hang on what stands beside it.
        found.add(text[4:-4].encode())
    return found


def leaks(texts: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: the secret {which}"
        for name, data in sorted(texts.items())
        for which, secret in secrets.items()
        if any(spelling in data for spelling in spellings(secret))
    ]


def everything_in(folder: Path) -> dict[str, bytes]:
    """An engine takes files away meanwhile: `os.walk` goes on then, `rglob` does not."""
    paths = sorted(Path(place) / name for place, _, names in os.walk(folder) for name in names)
    found = {}
    for path in paths:
        with suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink():
                for index, data in enumerate(_contents(path)):
                    found[f"{path.relative_to(folder)} ({index})"] = data
    return found


def _contents(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return
