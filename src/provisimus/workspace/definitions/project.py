"""provisimus.yaml: the project, where things live, and the environments."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from provisimus.workspace.definitions.common import Definition, Name
from provisimus.workspace.definitions.rules import after, before, chosen_by, limits


class Repositories(Definition):
    """Folders of the definition repositories, relative to provisimus.yaml."""

    docker: str = "docker"
    packer: str = "packer"


class Registry(Definition):
    """The Docker registry that images are pushed to. `url` is host:port, with a path if need be."""

    url: str = "127.0.0.1:5000"


class AwsBase(Definition):
    """Where a base AMI comes from: the newest with this owner and name, or an SSM parameter."""

    owner: str | None = None
    name: str | None = None
    ssm: str | None = None

    def __post_init__(self) -> None:
        if bool(self.ssm) == bool(self.owner and self.name):
            raise ValueError("say either owner and name, or ssm")


class LocalBase(Definition):
    """How the local cloud makes the base: from a Debian suite, or the tiny one for rehearsals."""

    debian: Literal["bookworm"] | None = None
    packages: tuple[str, ...] = ()
    tiny: bool = False


class Base(Definition):
    aws: AwsBase
    local: LocalBase | None = None
    user: str = "admin"
    """Who logs in over SSH on a fresh instance of the base."""


Bucket = Annotated[str, limits(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
"""A bucket's name ("General purpose bucket naming rules")."""


class LocalEnvironment(Definition):
    provider: Literal["local"]
    region: str = "eu-west-1"
    protect: bool = False
    templates: Bucket | None = None
    """The bucket through which templates over 51,200 bytes go to CloudFormation."""
    promote_from: Name | None = None
    """The environment that a release comes from. Its images need no copy: the registry is one."""


def _account(value: object) -> object:
    if isinstance(value, int):
        message = 'an account is text — write it in quotes: account: "111122223333"'
        raise ValueError(message)  # noqa: TRY004 pydantic wants a ValueError
    return value


def _network(value: str) -> str:
    from ipaddress import IPv4Network

    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no IPv4 network — write 198.51.100.0/24: {error}") from None
    if network.prefixlen < 8:
        raise ValueError("SSH open to the world is refused — name the network you come from")
    return str(network)


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Networks = Annotated[
    tuple[Annotated[str, after(_network)], ...],
    before(_one_or_more),
    limits(min_length=1),
]
"""One IPv4 network or a list of them, none wider than a /8, the widest private one (RFC 1918)."""


class AwsEnvironment(Definition):
    provider: Literal["aws"]
    account: Annotated[str, before(_account), limits(pattern=r"^\d{12}$")]
    region: str
    role: str | None = None
    endpoint: str | None = None
    subnet: str | None = None
    """The subnet to bake in; None takes the default VPC's."""
    ssh_from: Networks | None = None
    """From where a machine that bakes lets SSH in; None is this machine's own public address."""
    promote_from: Name | None = None
    protect: bool = False
    templates: Bucket | None = None
    """The bucket of the account through which templates over 51,200 bytes go to CloudFormation."""


EnvironmentDefinition = Annotated[LocalEnvironment | AwsEnvironment, chosen_by("provider")]


def _tags(values: dict[str, str]) -> dict[str, str]:
    """AWS's bounds ("Tag your Amazon EC2 resources", restrictions); some are Provisimus' own."""
    for name, value in values.items():
        if name.lower().startswith(("aws:", "provisimus:")):
            raise ValueError(f"the tag {name!r} is not yours to set — take another name")
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise ValueError(f"the tag {name!r} is too long — 128 characters, its value 256")
    if len(values) > COMPANY_TAGS:
        raise ValueError(f"{len(values)} tags are too many — a stack has room for {COMPANY_TAGS}")
    return values


COMPANY_TAGS = 30
"""Of the fifty tags that a stack may have; the others say whose it is and where it comes from."""

Tags = Annotated[dict[str, str], after(_tags)]


def _only_local() -> dict[str, LocalEnvironment | AwsEnvironment]:
    return {"local": LocalEnvironment(provider="local")}


class Project(Definition):
    project: Name
    repositories: Repositories = Repositories()
    artifacts: dict[str, str] = field(default_factory=lambda: {"releases": "./artifacts"})
    registry: Registry = Registry()
    bases: dict[str, Base] = field(default_factory=dict)
    environments: dict[Name, EnvironmentDefinition] = field(default_factory=_only_local)
    tags: Tags = field(default_factory=dict)
    """The company's own tags: every stack gets them and hands them on to what is in it."""
