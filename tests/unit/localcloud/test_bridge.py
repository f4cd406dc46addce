"""Which network an engine's bridge gets."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from provisimus.localcloud.bridge import POOL, bridge_name, free_network


def test_a_name_is_short_and_that_of_its_directory():
    one, other = bridge_name(Path("/a")), bridge_name(Path("/b"))
    assert len(one) <= 15
    assert one == bridge_name(Path("/a")) != other


def test_the_same_directory_gets_the_same_network_as_long_as_it_is_free():
    routes = ["default", "172.17.0.0/16", "192.0.2.2"]
    assert free_network("pv07000000000", routes) == IPv4Network("10.197.7.0/24")
    taken = [*routes, "10.197.7.0/24", "10.197.8.0/25"]
    assert free_network("pv07000000000", taken) == IPv4Network("10.197.9.0/24")
    assert free_network("pvff000000000", ["10.197.255.0/24"]) == IPv4Network("10.197.0.0/24")


def test_where_the_whole_pool_is_routed_there_is_none():
    assert free_network("pv07000000000", ["10.0.0.0/8"]) is None
    assert free_network("pv07000000000", [str(POOL)]) is None
