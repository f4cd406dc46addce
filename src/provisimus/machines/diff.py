"""What differs between two machine images: packages, images, inputs, files, sizes. Pure.

Read from their tags and SBOMs; without an SBOM of one of the two, packages and files are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisimus.machines import tags
from provisimus.machines.details import Details, below

Kind = Literal["package", "image", "inside image", "file", "input", "commit", "fact"]


@dataclass(frozen=True, order=True)
class Change:
    """`before` or `after` is None for what is new or gone."""

    kind: Kind
    name: str
    before: str | None
    after: str | None

    @property
    def what(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "what": self.what}


def differences(
    one: Details,
    two: Details,
    sbom_of_one: Mapping[str, Any] | None,
    sbom_of_two: Mapping[str, Any] | None,
) -> tuple[Change, ...]:
    """Everything that differs, facts first, then kind by kind and by name."""
    found = [
        *_between("fact", _facts(one), _facts(two)),
        *_between("image", _tagged(one, tags.IMAGE), _tagged(two, tags.IMAGE)),
        *_between("commit", _tagged(one, tags.COMMIT), _tagged(two, tags.COMMIT)),
        *_between("input", _tagged(one, tags.INPUT), _tagged(two, tags.INPUT)),
    ]
    if sbom_of_one is not None and sbom_of_two is not None:
        first, second = list(_components(sbom_of_one)), list(_components(sbom_of_two))
        for kind in ("package", "inside image", "file"):
            found += _between(kind, _of(kind, first), _of(kind, second))
    return tuple(found)


def _between(kind: Any, one: Mapping[str, str], two: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield Change(kind, name, one.get(name), two.get(name))


def _facts(details: Details) -> dict[str, str]:
    return {
        "version": details.image.version,
        "base": details.tag(tags.BASE) or "unknown",
        "size": f"{details.size} GiB",
        "architecture": details.architecture,
        "encrypted": "yes" if details.encrypted else "no",
        "healthy after": f"{details.tag(tags.HEALTHY_AFTER)} s"
        if details.tag(tags.HEALTHY_AFTER)
        else "untested",
    }


def _tagged(details: Details, prefix: str) -> dict[str, str]:
    return below(details.image.tags, prefix)


Component = tuple[str, str, str]
"""Kind, name, version."""


def _components(document: Mapping[str, Any]) -> Iterator[Component]:
    for each in document["components"]:
        if each["type"] == "container":
            service = _service(each)
            for inside in each.get("components", ()):
                # A library may be there twice, at two paths: both count.
                where = str(inside["bom-ref"]).partition("#")[2]
                name = f"{service}: {_name(inside)}" + (f" in {where}" if where else "")
                yield "inside image", name, _version(inside)
        elif str(each["bom-ref"]).startswith("definition:"):
            yield "file", each["name"], _version(each)
        else:
            yield "package", _name(each), _version(each)


def _of(kind: str, components: Iterable[Component]) -> dict[str, str]:
    return {name: version for a, name, version in components if a == kind}


def _name(component: Mapping[str, Any]) -> str:
    group = component.get("group")
    name = f"{group}:{component['name']}" if group else str(component["name"])
    architecture = str(component.get("purl", "")).partition("arch=")[2].partition("&")[0]
    # Two architectures of one package are two packages, as dpkg sees it.
    return f"{name}:{architecture}" if architecture not in ("", "all", "amd64", "arm64") else name


def _version(component: Mapping[str, Any]) -> str:
    if component.get("version"):
        return str(component["version"])
    hashes = component.get("hashes") or [{"content": ""}]
    return str(hashes[0]["content"])[:12] or "unknown"


def _service(component: Mapping[str, Any]) -> str:
    for each in component.get("properties", ()):
        if each["name"] == "provisimus:service":
            return str(each["value"])
    return str(component["name"])
