"""A load balancer as it shall be, in Elastic Load Balancing's terms. Values only.

Sources: Elastic Load Balancing API reference, version 2; user guide for Application Load
Balancers.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class HealthCheck:
    """How targets of a group are asked whether they are well; times in seconds."""

    protocol: str = "HTTP"
    port: int | None = None
    """None: the port that gets the traffic."""
    path: str = "/"
    codes: str = "200"
    """A list with commas of codes and ranges (`200,301-399`)."""
    interval: int = 30
    timeout: int = 5
    healthy: int = 5
    """Consecutive passed checks before an unhealthy target is healthy."""
    unhealthy: int = 2
    """Consecutive failed checks before a target is unhealthy."""


@dataclass(frozen=True)
class Target:
    """An instance or an address, and where it listens."""

    identifier: str
    address: str
    port: int
    source: str | None = None
    """The balancer's own address that it is spoken to from; None leaves that to the kernel."""


@dataclass(frozen=True)
class Group:
    """A target group; its name is that of its backend (letters, digits, `-`, `.`)."""

    name: str
    targets: tuple[Target, ...] = ()
    protocol: str = "HTTP"
    check: HealthCheck = HealthCheck()
    least_outstanding: bool = False
    sticky: int | None = None
    """Seconds for which the balancer's cookie leads to the same target."""


@dataclass(frozen=True)
class Share:
    """One of the groups that a request may be forwarded to, and its weight."""

    group: str
    weight: int = 1


@dataclass(frozen=True)
class Forward:
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Redirect:
    """Parts of the new address; `#{protocol}` and the like stand for those of the request."""

    code: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


@dataclass(frozen=True)
class Fixed:
    status: int
    kind: str = "text/plain"
    body: str = ""


Action = Forward | Redirect | Fixed


@dataclass(frozen=True)
class Condition:
    """Met by any of its values. A query string's are `key=value` pairs, the key may be empty."""

    field: str
    values: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    header: str = ""


@dataclass(frozen=True)
class Rule:
    conditions: tuple[Condition, ...]
    action: Action


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain and key, one PEM text after the other."""

    name: str
    pem: bytes = field(repr=False)


@dataclass(frozen=True)
class Tls:
    """The first certificate is for whoever names none of the others."""

    certificates: tuple[Certificate, ...]
    protocols: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    ciphers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A port, its rules in order of priority, and what happens where none of them fits."""

    port: int
    default: Action
    rules: tuple[Rule, ...] = ()
    tls: Tls | None = None


@dataclass(frozen=True)
class Balancer:
    """Everything that HAProxy has to know; times in seconds."""

    name: str
    addresses: tuple[str, ...]
    listeners: tuple[Listener, ...] = ()
    groups: tuple[Group, ...] = ()
    idle_timeout: int = 60
    http2: bool = True
    only_valid_headers: bool = False
    """Whether headers go whose names have more than letters, digits and dashes."""
    forwarded_for: str = "append"
    """What becomes of X-Forwarded-For: `append`, `preserve` or `remove`."""
