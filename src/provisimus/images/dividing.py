"""Files that would be one large layer, as several: one that changes is then a small push. Pure."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import defaultdict
from collections.abc import Sequence

from provisimus.images.layers import LayerEntry

LARGE = 32 << 20
"""Bytes of a file that gets a layer of its own."""
MOST_LARGE = 8

DIVIDED = 16 << 20
"""Bytes of a layer that is wanted where a kind is divided: one new library is then a small push."""
MOST_DIVIDED = 8


def divided(entries: Sequence[LayerEntry]) -> list[tuple[str, list[LayerEntry]]]:
    """Large files each by itself, the others evenly by name: the name alone says where, so that
    no other file moves when one comes or goes.
    """
    large = sorted((each for each in entries if each.size >= LARGE), key=lambda each: -each.size)
    own = {each.path for each in large[:MOST_LARGE]}
    others = [each for each in entries if each.path not in own]
    count = 1
    while count < MOST_DIVIDED and sum(each.size for each in others) > 2 * count * DIVIDED:
        count *= 2
    buckets: defaultdict[int, list[LayerEntry]] = defaultdict(list)
    for each in others:
        buckets[_bucket(each.path, count)].append(each)
    out = [(f", /{each.path}", [each]) for each in entries if each.path in own]
    for number, found in sorted(buckets.items()):
        out.append((f", {number + 1} of {count}" if count > 1 else "", found))
    return out


def _bucket(path: str, count: int) -> int:
    # A library's next version goes where this one is.
    name = re.sub(r"[-_]v?\d.*", "", posixpath.basename(path))
    return hashlib.sha256(f"{posixpath.dirname(path)}/{name}".encode()).digest()[0] % count
