"""Which addresses are free, and which ports are open on this computer."""

from __future__ import annotations

import pytest

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.network import (
    OpenPorts,
    next_private_address,
    next_public_address,
    open_ports,
)
from provisimus.localcloud.networks.picture import Rule


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ()),
        ([Rule("tcp", ("0.0.0.0/0",), (22, 22))], (22,)),
        ([Rule("tcp", ("127.0.0.0/8",), (8080, 8082))], (8080, 8081, 8082)),
        ([Rule("tcp", ("10.0.0.0/8",), (22, 22))], ()),
        ([Rule("tcp", (), (22, 22))], ()),
        ([Rule("tcp", ("::/0",), (22, 22))], ()),
        (
            [Rule("tcp", ("0.0.0.0/0",), (22, 22)), Rule("tcp", ("127.0.0.1/32",), (22, 23))],
            (22, 23),
        ),
    ],
)
def test_a_rule_opens_its_ports_to_whoever_is_on_loopback(rules, expected):
    assert open_ports(rules) == OpenPorts(expected)


def test_what_is_not_simulated_opens_nothing_and_is_said():
    found = open_ports(
        [
            Rule("udp", ("0.0.0.0/0",), (53, 53)),
            Rule("tcp", ("0.0.0.0/0",), (1000, 2000)),
            Rule("-1", ("0.0.0.0/0",)),
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
    found = open_ports([Rule("tcp", ("0.0.0.0/0",), (port, port)) for port in range(1, 101)])
    assert len(found.ports) == 64
    assert found.not_simulated == ("only the first 64 of 100 open ports are forwarded",)


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
