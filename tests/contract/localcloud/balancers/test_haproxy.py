"""What a balancer's HAProxy does with real targets.

Documentation followed: Elastic Load Balancing user guide for Application Load Balancers, "Health
checks for your target groups", "Listener rules", "Edit target group attributes"; API reference,
TargetHealth.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from pathlib import Path

import httpx
import pytest
from tests.contract.localcloud.balancers.conftest import (
    QUICK,
    Server,
    all_healthy,
    balancer,
    eventually,
    healths,
)
from tests.ports import free_port

from provisimus.localcloud.balancers.haproxy import HAProxy
from provisimus.localcloud.balancers.model import (
    Balancer,
    Condition,
    Fixed,
    Forward,
    Group,
    Listener,
    Redirect,
    Rule,
    Share,
)
from provisimus.localcloud.faults import LocalCloudError


@pytest.fixture
def port() -> int:
    return free_port()


def get(port: int, path: str = "/", **headers: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=30)


def answering(port: int, times: int = 8) -> set[str]:
    return {get(port).text for _ in range(times)}


def test_both_targets_answer_once_they_are_healthy(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    proxy.apply(balancer(port, *servers))
    eventually(all_healthy(proxy, 2))
    assert answering(port) == {"i-1", "i-2"}
    path, headers = servers[0].asked[0]
    assert (path, headers["user-agent"]) == ("/health", "ELB-HealthChecker/2.0")
    path, headers = servers[0].asked[-1]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", str(port))
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


@pytest.mark.parametrize("only_valid", [True, False])
def test_headers_with_odd_names_go_where_that_is_asked_for(
    proxy: HAProxy, servers: list[Server], port: int, only_valid: bool
) -> None:
    """User guide, "Load balancer attributes": names of letters, digits and hyphens are valid."""
    wanted = balancer(port, *servers)
    proxy.apply(dataclasses.replace(wanted, only_valid_headers=only_valid))
    eventually(all_healthy(proxy, 2))
    for server in servers:
        server.asked.clear()
    get(port, "/odd", **{"x_odd": "1", "x-Even-2": "2"})
    [(_, headers)] = [each for one in servers for each in one.asked if each[0] == "/odd"]
    assert headers["x-even-2"] == "2"
    assert ("x_odd" in headers) is not only_valid


def test_one_passed_check_makes_a_new_target_healthy_and_failed_ones_unhealthy(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    servers[1].status = 503
    proxy.apply(balancer(port, *servers))
    told = eventually(lambda: (h := healths(proxy))["i-2"].state == "unhealthy" and h)
    assert told["i-1"].state == "healthy"
    assert told["i-2"].reason == "Target.ResponseCodeMismatch"
    assert told["i-2"].words == "Health checks failed with these codes: [503]"
    assert answering(port) == {"i-1"}
    servers[1].status = 200
    eventually(all_healthy(proxy, 2))
    assert answering(port) == {"i-1", "i-2"}


def test_a_target_that_dies_is_told_and_traffic_goes_on(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    proxy.apply(balancer(port, *servers))
    eventually(all_healthy(proxy, 2))
    servers[0].stop()
    assert answering(port) == {"i-2"}
    told = eventually(lambda: (h := healths(proxy))["i-1"].state == "unhealthy" and h["i-1"])
    assert told.reason == "Target.FailedHealthChecks"


def test_where_none_is_healthy_all_get_requests(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    """ "If a target group contains only unhealthy registered targets, the load balancer routes
    requests to all those targets"."""
    for each in servers:
        each.status = 500
    proxy.apply(balancer(port, *servers))
    assert answering(port) == {"i-1", "i-2"}
    for each in servers:
        each.stop()
    assert get(port).status_code == 502


def test_a_group_without_targets_is_a_missing_service(proxy: HAProxy, port: int) -> None:
    proxy.apply(balancer(port))
    assert get(port).status_code == 503


def test_a_reload_drops_no_request_and_forgets_no_health(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    one = balancer(port, servers[0])
    proxy.apply(one)
    eventually(all_healthy(proxy, 1))
    answers: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client() as kept:
            while not stop.is_set():
                answers.append(get(port).status_code)
                answers.append(kept.get(f"http://127.0.0.1:{port}/").status_code)

    def ask_slowly() -> None:
        answers.append(get(port, "/slow").status_code)

    asking = [threading.Thread(target=each) for each in (ask, ask, ask_slowly)]
    for each in asking:
        each.start()
    servers[0].begun.wait(10)
    for number in range(5):
        proxy.apply(dataclasses.replace(one, idle_timeout=30 + number))
        assert healths(proxy)["i-1"].state == "healthy"
    servers[0].go.set()
    stop.set()
    for each in asking:
        each.join()
    assert len(answers) > 10
    assert set(answers) == {200}


def test_what_is_deregistered_finishes_what_it_began_until_it_is_cut(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    first, second = servers
    proxy.apply(balancer(port, first))
    eventually(all_healthy(proxy, 1))
    answers: list[str] = []

    def ask() -> None:
        try:
            answers.append(get(port, "/slow").text)
        except httpx.HTTPError:
            answers.append("cut")

    asking = threading.Thread(target=ask)
    asking.start()
    first.begun.wait(10)
    proxy.apply(balancer(port, second))
    eventually(all_healthy(proxy, 1))
    assert answering(port) == {"i-2"}
    first.go.set()
    asking.join()
    assert answers == ["i-1"]

    second.begun.clear()
    asking = threading.Thread(target=ask)
    asking.start()
    second.begun.wait(10)
    proxy.apply(balancer(port, first))
    proxy.cut("tg.1", "i-2")
    asking.join(20)
    assert answers[1] in ("cut", "502") or "502" in answers[1]


@pytest.mark.parametrize("whom", ["master", "worker"])
def test_a_killed_one_is_started_again_and_goes_on_where_it_was(
    proxy: HAProxy, servers: list[Server], port: int, whom: str
) -> None:
    proxy.apply(balancer(port, *servers))
    eventually(all_healthy(proxy, 2))
    first = proxy.pid
    assert first is not None
    victim = first
    if whom == "worker":
        victim = int(Path(f"/proc/{first}/task/{first}/children").read_text().split()[0])
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: proxy.pid not in (None, first))

    def answers() -> bool:
        try:
            return get(port).status_code == 200
        except httpx.HTTPError:
            return False

    eventually(answers)
    eventually(all_healthy(proxy, 2))


def test_rules_are_tried_in_order(proxy: HAProxy, servers: list[Server], port: int) -> None:
    one, two = (Forward((Share(f"tg.{number}"),)) for number in (1, 2))
    groups = tuple(
        Group(f"tg.{number}", (each.target,), check=QUICK) for number, each in enumerate(servers, 1)
    )
    rules = (
        Rule((Condition("path-pattern", ("/img/*", "/a?c")),), two),
        Rule(
            (Condition("host-header", ("*.example.com",)), Condition("path-pattern", ("/x*",))),
            Fixed(404, "application/json", '{"it\'s": "100 %"}\n# {folder} $HOME'),
        ),
        Rule((Condition("http-header", ("*Chrome*",), header="User-Agent"),), two),
        Rule((Condition("http-request-method", ("PUT", "DELETE")),), Fixed(405)),
        Rule((Condition("query-string", pairs=(("version", "v?"), ("", "*any*"))),), two),
        Rule((Condition("path-pattern", ("/old/*",)),), Redirect(301, port="8443", path="/new")),
        Rule(
            (Condition("path-pattern", ("/away",)),),
            Redirect(302, "HTTPS", "a.#{host}", "443", "/x y/#{path}", "q=1&#{query}"),
        ),
        Rule((Condition("source-ip", ("192.0.2.0/24",)),), Fixed(403)),
    )
    proxy.apply(Balancer("one", ("127.0.0.1",), (Listener(port, one, rules),), groups))
    eventually(all_healthy(proxy, 2))
    assert get(port).text == "i-1"
    assert [get(port, each).text for each in ("/img/1", "/abc", "/abbc", "/IMG/1")] == [
        "i-2", "i-2", "i-1", "i-1",
    ]  # fmt: skip
    found = get(port, "/xyz", Host="API.example.com:80")
    assert (found.status_code, found.headers["content-type"]) == (404, "application/json")
    assert found.text == '{"it\'s": "100 %"}\n# {folder} $HOME'
    assert get(port, "/xyz", Host="example.com").text == "i-1"
    assert get(port, "/", **{"User-Agent": "like CHROME 1"}).text == "i-2"
    assert httpx.put(f"http://127.0.0.1:{port}/").status_code == 405
    assert get(port, "/?a=b&version=v2").text == "i-2"
    assert get(port, "/?a=manyany1").text == "i-2"
    assert get(port, "/?version=v23").text == "i-1"
    moved = get(port, "/old/1?a=b", Host="h:1")
    assert (moved.status_code, moved.headers["location"]) == (301, "http://h:8443/new?a=b")
    assert get(port, "/old/1", Host="h").headers["location"] == "http://h:8443/new"
    away = get(port, "/away?a=b", Host="h")
    assert away.headers["location"] == "https://a.h:443/x%20y/away?q=1&a=b"


def test_weights_share_requests(proxy: HAProxy, servers: list[Server], port: int) -> None:
    groups = tuple(
        Group(f"tg.{number}", (each.target,), check=QUICK) for number, each in enumerate(servers, 1)
    )
    shares = (Share("tg.1", 3), Share("tg.2", 0))
    whole = Balancer("one", ("127.0.0.1",), (Listener(port, Forward(shares)),), groups)
    proxy.apply(whole)
    eventually(all_healthy(proxy, 2))
    assert answering(port, 20) == {"i-1"}
    shared = Forward((Share("tg.1", 3), Share("tg.2", 2)))
    proxy.apply(dataclasses.replace(whole, listeners=(Listener(port, shared),)))
    assert answering(port, 60) == {"i-1", "i-2"}


def test_a_cookie_leads_to_the_same_target(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    whole = balancer(port, *servers)
    sticky = dataclasses.replace(whole.groups[0], sticky=60)
    proxy.apply(dataclasses.replace(whole, groups=(sticky,)))
    eventually(all_healthy(proxy, 2))
    with httpx.Client() as client:
        first = client.get(f"http://127.0.0.1:{port}/")
        assert "AWSALB" in first.cookies
        again = {client.get(f"http://127.0.0.1:{port}/").text for _ in range(6)}
    assert again == {first.text}


def test_what_haproxy_would_not_take_changes_nothing(
    proxy: HAProxy, servers: list[Server], port: int
) -> None:
    good = balancer(port, *servers)
    proxy.apply(good)
    bad = dataclasses.replace(QUICK, codes="nonsense of ours")
    with pytest.raises(LocalCloudError, match="does not take"):
        proxy.apply(balancer(port, *servers, check=bad))
    assert get(port).status_code == 200
    proxy.apply(dataclasses.replace(good, idle_timeout=5))
    assert get(port).status_code == 200
