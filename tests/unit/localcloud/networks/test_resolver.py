"""What a VPC's name server answers of itself."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from provisimus.localcloud.networks.resolver import Known, name_servers, reply

KNOWN = {
    ("db.acme.internal", "A"): Known(("10.0.2.4",), 30),
    ("db.acme.internal", "TXT"): Known(),
    ("db.acme.internal", "ANY"): Known(),
    ("www.acme.internal", "A"): Known(("10.0.2.4",), 5, "db.acme.internal"),
    ("nobody.acme.internal", "A"): Known(),
}


def ask(name: str, kind: str = "A") -> dns.message.Message:
    made = reply(dns.message.make_query(name, kind).to_wire(), lambda n, k: KNOWN.get((n, k)))
    assert made is not None
    return dns.message.from_wire(made)


def test_a_name_of_ours_is_answered_whatever_its_case() -> None:
    answer = ask("DB.acme.internal")
    assert [str(each) for each in answer.answer] == ["DB.acme.internal. 30 IN A 10.0.2.4"]
    assert answer.flags & dns.flags.AA


def test_an_alias_is_told_with_what_it_stands_for() -> None:
    assert [str(each) for each in ask("www.acme.internal").answer] == [
        "www.acme.internal. 5 IN CNAME db.acme.internal.",
        "db.acme.internal. 5 IN A 10.0.2.4",
    ]


def test_no_name_and_no_record_of_that_type_are_two_things() -> None:
    assert ask("nobody.acme.internal").rcode() == dns.rcode.NXDOMAIN
    none = ask("db.acme.internal", "TXT")
    assert (none.rcode(), list(none.answer)) == (dns.rcode.NOERROR, [])


@pytest.mark.parametrize("data", [b"", b"nonsense", bytes(12)])
def test_what_is_no_question_is_not_answered(data: bytes) -> None:
    assert reply(data, lambda *_: None) is None


def test_name_servers_of_resolv_conf() -> None:
    text = (
        "# comment\nsearch acme\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n#nameserver 1.1.1.1"
    )
    assert name_servers(text) == ["192.0.2.1", "fe80::1"]
