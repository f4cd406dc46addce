"""All that the metadata service may say about one instance, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Options:
    """The instance's MetadataOptions, as ModifyInstanceMetadataOptions has them."""

    enabled: bool = True
    tokens_required: bool = False
    hop_limit: int = 1
    tags: bool = False


@dataclass(frozen=True)
class Credentials:
    """Keys of the instance's role for one session; times are in UTC."""

    access_key: str
    secret_key: str
    token: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Profile:
    """The instance profile; role and credentials are there when a role is in it."""

    arn: str
    identifier: str
    role: str | None = None
    credentials: Credentials | None = None


@dataclass(frozen=True)
class Group:
    """A security group."""

    identifier: str
    name: str


@dataclass(frozen=True)
class Key:
    """A key pair by its name, and the line that goes into ``authorized_keys``."""

    name: str
    material: str


@dataclass(frozen=True)
class Disk:
    """A device name, and whether the instance boots from it."""

    device: str
    root: bool = False


@dataclass(frozen=True)
class Network:
    """The one network interface."""

    interface: str
    mac: str
    private_address: str
    public_address: str | None
    public_hostname: str | None
    subnet: str
    subnet_block: str
    vpc: str
    vpc_block: str
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True)
class Description:
    """One instance at one moment; ``endpoint`` is the URL of this cloud's API as it reaches it."""

    instance: str
    image: str
    type: str
    account: str
    reservation: str
    launch_index: int
    architecture: str
    since: datetime
    region: str
    zone: str
    zone_id: str
    hostname: str
    network: Network
    endpoint: str
    options: Options = Options()
    disks: tuple[Disk, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    keys: tuple[Key, ...] = ()
    profile: Profile | None = None
    user_data: bytes = b""
