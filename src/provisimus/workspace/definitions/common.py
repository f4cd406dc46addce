"""What several definitions share: names, sizes, spans of time, the strict base."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, dataclass_transform

from provisimus.workspace.definitions.rules import after, before, chosen_by, limits, tag

KINDS: dict[str, type[Definition]] = {}
"""Every class of definitions that is loaded, by its module and name."""


class Misfit(ValueError):
    """Values that do not go together; `key` is the path of the one to change, from where it is
    raised."""

    def __init__(self, message: str, *key: str | int) -> None:
        super().__init__(message)
        self.key = key


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Definition:
    """Strict and frozen: what a file leaves out is a default, what it says too much an error.

    A plain dataclass: what it annotates is checked where a file is read, not where one is made. Its
    methods stand here, once: to write them for each class takes half a millisecond, and a command
    loads thirty.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "populate_by_name": True}
    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
        KINDS[f"{cls.__module__}.{cls.__qualname__}"] = cls

    def __init__(self, **given: Any) -> None:
        for each in fields(self):
            if each.name in given:
                self.__dict__[each.name] = given.pop(each.name)
            elif each.default is not MISSING:
                self.__dict__[each.name] = each.default
            elif each.default_factory is not MISSING:
                self.__dict__[each.name] = each.default_factory()
            else:
                raise TypeError(f"{type(self).__name__} needs {each.name}")
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """What no single value shows. Raises ValueError."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, each.name) for each in fields(self))))

    def __repr__(self) -> str:
        values = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{type(self).__name__}({', '.join(values)})"


def as_data(value: Any) -> Any:
    """A definition, or a value in it, as JSON has it: what fingerprints are made of."""
    if isinstance(value, Definition):
        return {each.name: as_data(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): as_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def said(definition: Definition) -> dict[str, Any]:
    """Of a definition what is not its default, as JSON has it."""
    data = as_data(definition)
    return {
        each.name: data[each.name]
        for each in fields(definition)
        if getattr(definition, each.name) != each.default
    }


def checked_name(value: str) -> str:
    """Raises ValueError for what is no name."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"{value!r} is no name — use lower-case letters, digits, dots and dashes, 63 at most"
        )
    return value


Name = Annotated[str, after(checked_name)]


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Raises ValueError for what stands twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value} stands twice — leave one of them out")
    return values


Port = Annotated[int, limits(ge=1, le=65535)]


def _version(value: Any) -> Any:
    # `version: 1.10` is a float in YAML and would quietly become 1.1.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        message = f'a version is text — write it in quotes: version: "{value}"'
        raise ValueError(message)  # noqa: TRY004 pydantic wants a ValueError
    return value


Version = Annotated[str, before(_version), limits(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$")]

_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(value: Any) -> int:
    """Raises ValueError, which says how it is written."""
    found = re.fullmatch(r"(\d+)\s*([smhd])", str(value))
    if not found:
        raise ValueError(f"{value!r} is no span of time — write 30s, 5m, 24h or 7d")
    return int(found[1]) * _SPANS[found[2]]


Seconds = Annotated[int, before(seconds_of, str)]
"""A span of time, written `30s`, `5m`, `24h`, `7d`; in seconds."""

_SIZES = {"MiB": 1 / 1024, "GiB": 1, "TiB": 1024}


def gibibytes(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*(MiB|GiB|TiB)", str(value))
    if not found:
        raise ValueError(f"{value!r} is no size — write 20 GiB")
    size = int(found[1]) * _SIZES[found[2]]
    if size < 1 or size != int(size):
        raise ValueError(f"{value!r} is no whole number of GiB — EBS volumes are whole GiB")
    return int(size)


Gibibytes = Annotated[int, before(gibibytes, str)]
"""A size of storage, written `20 GiB`; in GiB."""


def _mebibytes(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*(MiB|GiB)", str(value))
    if not found or not int(found[1]):
        raise ValueError(f"{value!r} is no amount of memory — write 512 MiB or 2 GiB")
    return int(found[1]) * (1024 if found[2] == "GiB" else 1)


Mebibytes = Annotated[int, before(_mebibytes, str)]
"""An amount of memory, written `512 MiB` or `2 GiB`; in MiB."""


def _absolute(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} is no absolute path")
    return value


AbsolutePath = Annotated[str, after(_absolute)]

_SYSTEM = frozenset(
    [
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/lib32",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/local",
        "/usr/local/bin",
        "/var",
        "/var/lib",
        "/var/lib/docker",
        "/var/lib/provisimus",
    ]
)
_KERNELS = ("/dev/", "/proc/", "/run/", "/sys/")


def _mount_point(value: str) -> str:
    from posixpath import normpath

    _absolute(value)
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", value):
        raise ValueError(f"{value!r} is no mount point — letters, digits, dots, dashes, slashes")
    if (plain := normpath(value)) != value:
        raise ValueError(f"{value!r} is no plain path — write {plain.replace('//', '/')}")
    if value in _SYSTEM or value.startswith(_KERNELS):
        raise ValueError(f"{value} is the machine's own — choose another place, such as /data")
    return value


MountPoint = Annotated[str, after(_mount_point)]
"""Where a data volume is mounted. What the machine runs from would be hidden by it."""


def _by_digest(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@sha256:[0-9a-f]{64}", value):
        raise ValueError(
            f"{value!r} does not name an image by its digest — write name@sha256:<64 hex digits>"
        )
    return value


ImageReference = Annotated[str, after(_by_digest)]


class VendorImage(Definition):
    """An image straight from a vendor's registry, by digest."""

    image: ImageReference
    name: Name | None = None

    @property
    def service(self) -> str:
        """Its name in the Compose file: given, or the last part of the repository."""
        return self.name or self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _use(value: Any) -> str:
    return "vendor" if isinstance(value, (dict, VendorImage)) else "workspace"


ImageUse = Annotated[
    Annotated[Name, tag("workspace")] | Annotated[VendorImage, tag("vendor")], chosen_by(_use)
]
"""An image of the workspace by its name, or a vendor's by digest."""
