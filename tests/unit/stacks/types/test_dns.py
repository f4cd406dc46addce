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
        ("zone: '*.acme.example'", "2 zone: '*.acme.example' is no zone"),
        ("zone: -a.example", "2 zone: '-a.example' is no name of a zone"),
        (
            "zone: acme.example\nrecords: [{name: '@', type: MX, values: [mail.acme.example]}]",
            "3 records/0/values/0: 'mail.acme.example' is no value for type MX",
        ),
        (
            "zone: acme.example\nrecords: [{name: a, type: SRV, values: ['1 2 70000 x.example']}]",
            "3 records/0/values/0: '1 2 70000 x.example' is no value for type SRV",
        ),
        (
            "zone: acme.example\nrecords: [{name: '@', type: CAA, values: [amazonaws.com]}]",
            "3 records/0/values/0: 'amazonaws.com' is no value for type CAA",
        ),
        (
            "zone: acme.example\nrecords: [{name: a, type: CNAME, values: [not a host]}]",
            "3 records/0/values/0: 'not a host' is no value for type CNAME",
        ),
        (
            f"zone: acme.example\nrecords: [{{name: a, type: TXT, values: [{'a' * 256}]}}]",
            "3 records/0/values/0: a text has 255 characters at most",
        ),
        (
            "zone: acme.example\nrecords: [{name: a, values: [192.0.2.1], ttl: 30000d}]",
            "3 records/0/ttl: Route 53 keeps nothing in mind for so long",
        ),
        (
            "zone: acme.example\nrecords: [{name: a, values: [192.0.2.1, 192.0.2.1]}]",
            "3 records/0/values: 192.0.2.1 stands twice",
        ),
        (
            "zone: acme.example\nrecords: [{name: '*.a', type: NS, values: [ns.a.example]}]",
            "3 records/0/name: an NS is for one name",
        ),
        ("zone: acme.example\nnetworks: [main, main]", "3 networks: main stands twice"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: dns\n{text}\n") == [problem]
