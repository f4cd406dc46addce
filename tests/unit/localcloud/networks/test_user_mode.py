"""How QEMU is told of a machine's own network."""

from __future__ import annotations

from dataclasses import replace

from provisimus.localcloud.network import Interface
from provisimus.localcloud.networks.user_mode import forward_changes, netdev_argument

INTERFACE = Interface("10.0.1.4", "10.0.1.0/24", "02:00:00:00:00:01", "127.9.1.1", (22, 8080))


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
