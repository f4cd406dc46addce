"""What a base is: a frozen recipe and the fingerprint by which its disk is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from provisimus.localcloud.faults import LocalCloudError

KINDS = ("debian", "tiny")
_REVISIONS = {"debian": 5, "tiny": 5}
"""Raise one when the way in which that kind is made changes what comes out."""

_NAME = re.compile(r"[a-zA-Z0-9()\[\]./'@_ -]{3,128}")
_OWNER = re.compile(r"[0-9]{12}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SUITE = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is on the disk."""

    kind: str
    suite: str
    packages: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Equal recipes share one disk; twenty hexadecimal digits."""
        whole = json.dumps([_REVISIONS[self.kind], asdict(self)], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class BaseOrder:
    """A wish for a base: under which name and owner its machine image is found, and its recipe."""

    name: str
    owner: str
    recipe: Recipe


def parse_order(body: Any) -> BaseOrder:
    """Check what came over HTTP. Raises LocalCloudError naming the key that is wrong."""
    if not isinstance(body, Mapping):
        raise LocalCloudError("a base is ordered with a JSON object", "send name, owner and kind")
    unknown = sorted(set(body) - {"name", "owner", "kind", "suite", "packages"})
    if unknown:
        raise LocalCloudError(
            f"unknown key {unknown[0]!r} in the order of a base",
            "known are name, owner, kind, suite, packages",
        )
    kind = _text(body, "kind", "debian")
    if kind not in KINDS:
        raise LocalCloudError(f"no base of kind {kind!r}", f"known are {', '.join(KINDS)}")
    packages = body.get("packages", [])
    if not isinstance(packages, list) or not all(
        isinstance(name, str) and _PACKAGE.fullmatch(name) for name in packages
    ):
        raise LocalCloudError("packages must be a list of Debian package names", "")
    if kind == "tiny" and packages:
        raise LocalCloudError("a tiny base takes no packages", "use kind debian")
    return BaseOrder(
        name=_matching(body, "name", "", _NAME),
        owner=_matching(body, "owner", "", _OWNER),
        recipe=Recipe(kind, _matching(body, "suite", "bookworm", _SUITE), tuple(sorted(packages))),
    )


def _text(body: Mapping[str, Any], key: str, otherwise: str) -> str:
    value = body.get(key, otherwise)
    if not isinstance(value, str):
        raise LocalCloudError(f"{key} must be text, not {type(value).__name__}")
    return value


def _matching(body: Mapping[str, Any], key: str, otherwise: str, form: re.Pattern[str]) -> str:
    value = _text(body, key, otherwise)
    if not form.fullmatch(value):
        raise LocalCloudError(f"{key} {value!r} is not valid", f"it must match {form.pattern}")
    return value
