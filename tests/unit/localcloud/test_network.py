"""Which ports are forwarded, and how QEMU is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.network import (
    Interface,
    OpenPorts,
    Rule,
    forward_changes,
    netdev_argument,
    next_private_address,
    next_public_address,
    open_ports,
)

INTERFACE = Interface("10.0.1.4", "10.0.1.0/24", "02:00:00:00:00:01", "127.9.1.1", (22, 8080))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ()),
        ([Rule("tcp", 22, 22, ("0.0.0.0/0",))], (22,)),
        ([Rule("tcp", 8080, 8082, ("127.0.0.0/8",))], (8080, 8081, 8082)),
        ([Rule("tcp", 22, 22, ("10.0.0.0/8",))], ()),
        ([Rule("tcp", 22, 22, ())], ()),
        ([Rule("tcp", 22, 22, ("::/0",))], ()),
        ([Rule("tcp", 22, 22, ("0.0.0.0/0",)), Rule("tcp", 22, 23, ("127.0.0.1/32",))], (22, 23)),
    ],
)
def test_a_rule_opens_its_ports_to_whoever_is_on_loopback(rules, expected):
    assert open_ports(rules) == OpenPorts(expected)


def test_what_is_not_simulated_opens_nothing_and_is_said():
    found = open_ports(
        [
            Rule("udp", 53, 53, ("0.0.0.0/0",)),
            Rule("tcp", 1000, 2000, ("0.0.0.0/0",)),
            Rule("-1", None, None, ("0.0.0.0/0",)),
        ]
    )
    assert found == OpenPorts(
        (),
        (
            "protocol udp is not forwarded",
            "ports 1000-2000 are not forwarded: more than 64; name single ports",
            "ports 1-65535 are not forwarded: more than 64; name single ports",
        ),
    )


def test_many_single_ports_are_capped():
    found = open_ports([Rule("tcp", port, port, ("0.0.0.0/0",)) for port in range(1, 101)])
    assert len(found.ports) == 64
    assert found.not_simulated == ("only the first 64 of 100 open ports are forwarded",)


def test_the_guest_gets_the_private_address_that_ec2_reports():
    assert netdev_argument(INTERFACE) == (
        "user,id=net0,net=10.0.1.0/24,host=10.0.1.2,dns=10.0.1.3,dhcpstart=10.0.1.4,ipv6=off,"
        "hostfwd=tcp:127.9.1.1:22-:22,hostfwd=tcp:127.9.1.1:8080-:8080"
    )


def test_without_a_public_address_nothing_is_forwarded():
    assert netdev_argument(replace(INTERFACE, public_address=None)) == (
        "user,id=net0,net=10.0.1.0/24,host=10.0.1.2,dns=10.0.1.3,dhcpstart=10.0.1.4,ipv6=off"
    )


def test_a_change_of_rules_closes_before_it_opens():
    assert forward_changes(INTERFACE, replace(INTERFACE, ports=(443, 8080))) == (
        "hostfwd_remove net0 tcp:127.9.1.1:22",
        "hostfwd_add net0 tcp:127.9.1.1:443-:443",
    )


def test_the_same_rules_change_nothing():
    assert forward_changes(INTERFACE, INTERFACE) == ()


def test_public_addresses_are_the_next_free_ones():
    assert next_public_address([], 4800) == "127.9.192.1"
    assert next_public_address(["127.9.192.1", "127.9.192.2"], 4800) == "127.9.192.3"
    full = [f"127.9.192.{host}" for host in range(1, 255)]
    assert next_public_address(full, 4800) == "127.9.193.1"


def test_no_address_left_is_an_error():
    every = [f"127.9.{x}.{y}" for x in range(256) for y in range(1, 255)]
    with pytest.raises(LocalCloudError, match="all public addresses"):
        next_public_address(every, 4800)


def test_private_addresses_leave_out_what_aws_keeps():
    assert next_private_address("10.0.0.0/28", []) == "10.0.0.4"
    assert next_private_address("10.0.0.0/28", ["10.0.0.4", "10.0.0.5"]) == "10.0.0.6"


def test_a_full_subnet_is_an_error():
    with pytest.raises(LocalCloudError, match="no address is free"):
        next_private_address("10.0.0.0/28", [f"10.0.0.{host}" for host in range(16)])
