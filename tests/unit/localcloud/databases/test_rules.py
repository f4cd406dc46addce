"""What a DB instance may be asked to be."""

from __future__ import annotations

import pytest

from provisimus.localcloud.hooks.databases import rules
from provisimus.localcloud.hooks.databases.groups import wrong_subnets
from provisimus.localcloud.hooks.databases.place import endpoint_name
from provisimus.localcloud.hooks.databases.record import (
    applied_now,
    group_status,
    wanted_parameters,
)


def test_an_installed_version_may_be_named_by_its_major():
    for version in (None, "", "15", "15.18"):
        assert rules.engine("postgres", version, ["15.18"]) is None
    assert rules.engine("postgres", "15.4", ["15.18"]) == (
        "InvalidParameterValue",
        "Cannot find version 15.4 for postgres: installed here are 15.18",
    )
    assert rules.engine("mysql", None, ["15.18"]) is not None


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        (("gp2", 20, None, None), True),
        (("gp2", 19, None, None), False),
        (("gp2", 20, 3000, None), False),
        (("gp3", 399, None, None), True),
        (("gp3", 399, 12000, None), False),
        (("gp3", 400, 12000, 500), True),
        (("io1", 100, 1000, None), True),
        (("io1", 100, None, None), False),
        (("io1", 99, 1000, None), False),
        (("standard", 5, None, None), True),
        (("tape", 20, None, None), False),
    ],
)
def test_storage(given, fits):
    assert (rules.storage(*given) is None) is fits


def test_a_master_user_has_a_name_and_one_source_of_its_password():
    assert rules.master("shop", "correct-horse", managed=False) is None
    assert rules.master("shop", None, managed=True) is None
    for given in (
        ("shop", None, False),
        ("shop", "correct-horse", True),
        ("1shop", "correct-horse", False),
        ("rdsadmin", "correct-horse", False),
        ("pg_shop", "correct-horse", False),
        ("shop", "seven77", False),
        ("shop", "correct/horse", False),
    ):
        assert rules.master(*given) is not None, given


def test_classes_are_those_of_ec2_that_rds_has():
    types = {"t3.micro", "c5.large"}
    assert rules.instance_class("db.t3.micro", types) is None
    for name in ("t3.micro", "db.t3.nano", "db.c5.large", None):
        assert rules.instance_class(name, types) is not None


def test_what_nothing_does_is_named():
    assert rules.not_simulated({"db_cluster_identifier": "c"}) == (
        "InvalidParameterCombination",
        "DbClusterIdentifier is refused: clusters are not simulated",
    )
    assert rules.not_simulated({"option_group_name": "default:postgres-15"}) is None
    assert rules.not_simulated({"option_group_name": "mine"}) is not None


def test_databases_that_are_there_already():
    assert rules.database(None) is None
    assert rules.database("orders") is None
    assert rules.database("postgres") is not None
    assert rules.database("1st") is not None


def test_a_subnet_group_covers_two_zones_of_one_vpc():
    assert wrong_subnets("data", [("vpc-1", "a"), ("vpc-1", "b")]) is None
    for subnets in ([("vpc-1", "a"), ("vpc-1", "a")], [("vpc-1", "a"), ("vpc-2", "b")], []):
        assert wrong_subnets("data", subnets) is not None
    assert wrong_subnets("Default", [("vpc-1", "a"), ("vpc-1", "b")]) is not None
    assert wrong_subnets("data", [("vpc-2", "a"), ("vpc-2", "b")], "vpc-1") is not None


def test_the_name_is_that_of_an_account_in_a_region():
    first = endpoint_name("orders", "1", "eu-west-1")
    assert first.split(".")[0] == "orders"
    assert len(first.split(".")[1]) == 12
    assert endpoint_name("bills", "1", "eu-west-1").split(".")[1:] == first.split(".")[1:]
    assert endpoint_name("orders", "2", "eu-west-1") != first


def test_parameters_take_effect_when_they_say_so():
    group = {"work_mem": {"ParameterValue": "8192"}, "max_connections": {"ParameterValue": "50"}}
    wanted = wanted_parameters(group)
    assert wanted == {"work_mem": "8192", "max_connections": "50"}
    now = applied_now({"log_statement": "all"}, wanted, frozenset({"work_mem", "log_statement"}))
    assert now == {"work_mem": "8192"}
    assert group_status(now, wanted) == "pending-reboot"
    assert group_status(wanted, wanted) == "in-sync"
