"""Stack type `dns`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.dns import TYPE
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stacks.dns import DnsDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import parse

OTHERS = {"main": other(NetworkDefinition, "main")}


def wanted(**given: Any) -> WantedStack[DnsDefinition]:
    definition = parse(DnsDefinition, {"type": "dns", **given})
    return WantedStack("names", "", definition, others=OTHERS)


CASES = {
    "plain": wanted(zone="acme.example"),
    "with-records": wanted(
        zone="acme.example",
        records=[
            {"name": "@", "type": "MX", "values": ["10 mail.acme.example."]},
            {"name": "www", "type": "CNAME", "values": ["greeter.acme.example"], "ttl": "1h"},
            {"name": "mail", "values": ["192.0.2.1", "192.0.2.2"]},
            {"name": "_dmarc", "type": "TXT", "values": ["v=DMARC1; p=reject"]},
        ],
    ),
    "private": wanted(zone="acme.internal", networks=["main"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


TWICE = "zone: a.example\nrecords:\n- {name: a, values: [192.0.2.1]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "zone: acme.example\nrecords: [{name: www, values: [www]}]",
            "3 records/0/values/0: 'www' is no address for type A",
        ),
        (
            "zone: acme.example\nrecords: [{name: '@', type: CNAME, values: [x.example]}]",
            "3 records/0/type: the zone itself cannot have a CNAME of yours",
        ),
        (
            "zone: acme.example\nrecords: [{name: a, type: CNAME, values: [x, y]}]",
            "3 records/0/values: a CNAME has one value",
        ),
        (
            f"{TWICE}- {{name: a, type: CNAME, values: [x]}}",
            "5 records/1: a is a CNAME, which stands alone",
        ),
        (
            f"{TWICE}- {{name: a, values: [192.0.2.2]}}",
            "5 records/1: a has two records of type A",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: dns\n{text}\n") == [problem]
