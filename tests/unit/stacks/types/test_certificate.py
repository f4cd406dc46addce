"""Stack type `certificate`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.certificate import TYPE
from provisimus.stacks.types.interface import OtherStack, WantedStack
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.definitions.stacks.certificate import CertificateDefinition
from provisimus.workspace.problems import parse

OTHERS = {"names": OtherStack("acme-local-names", StackDefinition(type="dns"))}


def wanted(**given: Any) -> WantedStack[CertificateDefinition]:
    definition = parse(CertificateDefinition, {"type": "certificate", **given})
    return WantedStack("web", "", definition, others=OTHERS)


CASES = {
    "plain": wanted(domain="acme.example", zone="names"),
    "with-all": wanted(
        domain="acme.example", names=["*.acme.example", "www.acme.example"], zone="Z0123456789"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("domain: acme.example", "1 zone: this key is missing"),
        ("domain: acme\nzone: names", "2 domain: 'acme' is no name of a zone"),
        (
            "domain: acme.example\nzone: names\nnames: [acme.example]",
            "4 names: a name stands twice",
        ),
        (
            "domain: acme.example\nzone: names\nnames: [a*.acme.example]",
            "4 names/0: 'a*.acme.example' is no name of a zone",
        ),
        (
            "domain: acme.example\nzone: names\nnames: ['*.*.acme.example']",
            "4 names/0: '*.*.acme.example' is no name of a zone",
        ),
        (
            "domain: acme.example\nzone: names\nnames: [my_shop.acme.example]",
            "4 names/0: 'my_shop.acme.example' has an underscore, which no certificate is for",
        ),
        (
            f"domain: a.example\nzone: names\nnames: [{', '.join(f'{n}.a.example' for n in range(10))}]",  # noqa: E501
            "4 names: here belong at most 9",
        ),
        (
            f"domain: {'a' * 60}.example\nzone: names",
            "2 domain: the first name of a certificate has 64 characters at most",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: certificate\n{text}\n") == [problem]
