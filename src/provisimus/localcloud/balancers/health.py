"""What HAProxy says of its servers, as DescribeTargetHealth tells it.

A server begins with weight 0 and as much health as there is: it is *initial*. It gets its weight
once it has passed a check, and so it is *healthy*; it loses its health by as many failed checks as
make a target *unhealthy*. All of it is in HAProxy, and in the file of states that a new process
goes on from.

Sources: "Health checks for Application Load Balancer target groups" in the user guide ("After your
target is registered, it must pass one health check to be considered healthy"); "show stat" and
"show servers state" in the HAProxy Management Guide.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisimus.localcloud.balancers.model import Group
from provisimus.localcloud.balancers.routing import OPEN

_HEADER = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port"
)
_RUNNING = 2
_PASSED = 3


@dataclass(frozen=True)
class Health:
    """The state of a target; the reason and its words where it is not healthy."""

    state: str
    reason: str | None = None
    words: str | None = None


HEALTHY = Health("healthy")
REGISTERING = Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
BROKEN = Health("unhealthy", "Elb.InternalError", "Health checks failed due to an internal error")


@dataclass(frozen=True)
class Server:
    """One server of HAProxy's as two of its commands tell it."""

    group: str
    name: str
    up: bool
    weight: int
    passed: bool
    """Whether its last check passed."""
    check: str = ""
    """The last check in HAProxy's word: `L7OK`, `L7STS`, `L4CON` …"""
    code: str = ""
    """The status that the last check was answered with."""
    requests: int = 0
    """How many it was sent since HAProxy began or was loaded anew."""

    @property
    def may_begin(self) -> bool:
        """Whether it has passed its first check and has no weight yet."""
        return self.up and self.passed and self.weight == 0


def servers(states: str, statistics: str) -> tuple[Server, ...]:
    """From the answers to `show servers state` and `show stat`; those that are checked."""
    told = _statistics(statistics)
    sent = _requests(statistics)
    found = []
    for row in _rows(states):
        place = (row["be_name"], row["srv_name"])
        if place not in told:
            continue
        checked = told[place]
        found.append(
            Server(
                *place,
                up=row["srv_op_state"] != "0",
                weight=int(row["srv_uweight"]),
                passed=int(row["srv_check_result"]) >= _PASSED,
                check=checked["check_status"].removeprefix("* "),
                code=checked["check_code"],
                requests=sent.get(place, 0),
            )
        )
    return tuple(found)


def health(server: Server) -> Health:
    """The state of a target that is registered and used."""
    if server.up:
        return HEALTHY if server.weight else CHECKING
    match server.check:
        case "L7STS":
            words = f"Health checks failed with these codes: [{server.code}]"
            return Health("unhealthy", "Target.ResponseCodeMismatch", words)
        case "L4TOUT" | "L6TOUT" | "L7TOUT":
            return Health("unhealthy", "Target.Timeout", "Request timed out")
        case _:
            return Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")


def beginnings(groups: Iterable[Group], before: str) -> str:
    """A file of states: those of before, and for servers that are new, their beginning."""
    known = {(row["be_name"], row["srv_name"]): row for row in _rows(before)}
    lines = ["1", f"# {_HEADER}"]
    for group in groups:
        full = group.check.healthy + group.check.unhealthy - 1
        for target in group.targets:
            row = known.get((group.name, target.identifier))
            same = row is not None and (row["srv_addr"], row["srv_port"]) == (
                target.address, str(target.port),
            )  # fmt: skip
            row = row if same else _new(group.name, target.identifier, target.address, target.port)
            assert row is not None
            if not same or row["srv_op_state"] != "0":
                row = {**row, "srv_check_health": str(min(full, _health_of(row, full)))}
            lines.append(" ".join(row[name] for name in _HEADER.split()))
    return "\n".join(lines) + "\n"


def _health_of(row: Mapping[str, str], full: int) -> int:
    return int(row["srv_check_health"]) if row["srv_check_health"] != "full" else full


def _new(group: str, name: str, address: str, port: int) -> dict[str, str]:
    values = (
        f"1 {group} 1 {name} {address} {_RUNNING} 0 0 1 0 1 0 full 6 0 0 0 - {port} - 0 0 - - 0"
    )
    return dict(zip(_HEADER.split(), values.split(), strict=True))


def _rows(states: str) -> list[dict[str, str]]:
    return [
        dict(zip(_HEADER.split(), line.split(), strict=False))
        for line in states.splitlines()
        if line.count(" ") >= 20 and not line.startswith("#")
    ]


def _statistics(text: str) -> dict[tuple[str, str], dict[str, str]]:
    rows = _table(text)
    return {(row["pxname"], row["svname"]): row for row in rows if row.get("check_status")}


def _requests(text: str) -> dict[tuple[str, str], int]:
    """Per server; also those that came while no target of its group was healthy."""
    found: dict[tuple[str, str], int] = {}
    for row in _table(text):
        place = row["pxname"].removesuffix(OPEN), row["svname"]
        found[place] = found.get(place, 0) + int(row.get("stot") or 0)
    return found


def _table(text: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(text.strip().removeprefix("# ").splitlines())
