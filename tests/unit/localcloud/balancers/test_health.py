"""What HAProxy says, as the API tells it."""

from __future__ import annotations

import pytest

from provisimus.localcloud.balancers.haproxy import old_workers, sessions
from provisimus.localcloud.balancers.health import Server, beginnings, health, servers
from provisimus.localcloud.balancers.model import Group, HealthCheck, Target
from provisimus.localcloud.hooks.balancers.metrics import Requests

GROUP = Group("g.1", (Target("i-1", "10.0.0.1", 80),), check=HealthCheck(healthy=3, unhealthy=2))
STATISTICS = "# pxname,svname,check_status,check_code,\ng.1,i-1,{check},{code},\ng.1.open,i-1,,,\n"


def server(**changed: object) -> Server:
    known = {"group": "g.1", "name": "i-1", "up": True, "weight": 1, "passed": True}
    return Server(**{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "state", "reason"),
    [
        (server(), "healthy", None),
        (server(passed=False), "healthy", None),
        (server(weight=0, passed=False), "initial", "Elb.InitialHealthChecking"),
        (server(up=False, check="L7STS", code="503"), "unhealthy", "Target.ResponseCodeMismatch"),
        (server(up=False, check="L7TOUT"), "unhealthy", "Target.Timeout"),
        (server(up=False, check="L4TOUT"), "unhealthy", "Target.Timeout"),
        (server(up=False, check="L4CON"), "unhealthy", "Target.FailedHealthChecks"),
    ],
)
def test_states_and_reasons(seen: Server, state: str, reason: str | None) -> None:
    assert (health(seen).state, health(seen).reason) == (state, reason)


def test_a_server_begins_without_weight_and_with_all_health_there_is() -> None:
    (row,) = beginnings([GROUP], "").splitlines()[2:]
    words = row.split()
    assert (words[1], words[3], words[5], words[7], words[12]) == ("g.1", "i-1", "2", "0", "4")
    (told,) = servers(beginnings([GROUP], ""), STATISTICS.format(check="* L7OK", code="200"))
    assert told == server(weight=0, passed=False, check="L7OK", code="200")
    assert not told.may_begin


def test_what_a_server_was_it_stays_unless_it_is_elsewhere() -> None:
    before = (
        "1\n# comment\n7 g.1 1 i-1 10.0.0.1 0 0 1 1 9 8 2 0 6 0 0 0 - 80 - 0 0 - - 0\n"
        "7 g.1 2 i-9 10.0.0.9 2 0 1 1 9 8 3 4 6 0 0 0 - 80 - 0 0 - - 0\n"
    )
    (kept,) = beginnings([GROUP], before).splitlines()[2:]
    assert kept.split()[5] == "0"
    (fresh,) = beginnings([GROUP], before.replace(" 80 ", " 81 ")).splitlines()[2:]
    assert fresh.split()[5] == "2"


def test_health_never_exceeds_what_the_thresholds_allow() -> None:
    before = "1\n7 g.1 1 i-1 10.0.0.1 2 0 1 1 9 8 3 14 6 0 0 0 - 80 - 0 0 - - 0\n"
    (kept,) = beginnings([GROUP], before).splitlines()[2:]
    assert kept.split()[12] == "4"


def test_a_passed_check_lets_it_begin() -> None:
    assert server(weight=0).may_begin
    assert not server(weight=0, up=False).may_begin
    assert not server().may_begin


def test_answers_of_the_master() -> None:
    told = (
        "#<PID> <type>\n1 master 2\n# workers\n5 worker 0\n"
        "# old workers\n3 worker 1\n4 worker 2\n# programs\n"
    )
    assert old_workers(told) == (3, 4)
    assert old_workers("1 master\n# workers\n5 worker\n# programs\n") == ()
    told = (
        "0x1: proto=tcpv4 fe=listener-80 be=g.1 srv=i-1 ts=00\n"
        "0x2: proto=tcpv4 fe=listener-80 be=g.1 srv=i-10 ts=00\n"
    )
    assert sessions(told, "g.1", "i-1") == ("0x1",)


def test_requests_count_wherever_they_were_sent() -> None:
    table = (
        "# pxname,svname,check_status,check_code,stot,\n"
        "g.1,i-1,L7OK,200,7,\ng.1.open,i-1,,,2,\ng.2,i-1,L7OK,200,1,\n"
    )
    (told,) = servers(beginnings([GROUP], ""), table)
    assert told.requests == 9


def test_requests_between_two_looks_survive_a_reload() -> None:
    counted = Requests()
    for sent in (5, 8, 2):  # the last after HAProxy was loaded anew
        counted.look([server(requests=sent)])
    assert counted.take("g.1") == 10
    counted.look([server(requests=2)])
    assert counted.take("g.1") == 0
