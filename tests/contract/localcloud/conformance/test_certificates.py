"""ACM: a certificate is asked for, and issued when its record is there."""

from __future__ import annotations

from typing import Any

from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import follows, operation

UNKNOWN = "certificate/01234567-89ab-cdef-0123-456789abcdef"


def certificate(world: Any, name: str, *others: str) -> str:
    acm = world.client("acm")
    more = {"SubjectAlternativeNames": list(others)} if others else {}
    made = acm.request_certificate(DomainName=name, ValidationMethod="DNS", **more)
    world.kept(acm.delete_certificate, CertificateArn=made["CertificateArn"])
    return str(made["CertificateArn"])


def described(world: Any, arn: str) -> dict[str, Any]:
    told = world.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    return dict(told)


@operation("ACM", "RequestCertificate")
@follows("ACM user guide, DNS validation", "acm/latest/userguide/dns-validation.html")
def test_a_certificate_waits_for_its_record(world: Any) -> None:
    acm, name = world.client("acm"), f"{world.name('www')}.example.com"
    arn = certificate(world, name, f"*.{name}")
    # Names and values of the records are there some moments later.
    options = world.until(
        lambda: (
            found := described(world, arn)["DomainValidationOptions"]
        ) and all("ResourceRecord" in each for each in found) and found
    )  # fmt: skip
    told = described(world, arn)
    assert (told["Status"], told["DomainName"]) == ("PENDING_VALIDATION", name)
    assert sorted(told["SubjectAlternativeNames"]) == [f"*.{name}", name]
    # A wildcard is validated by the record of the name beneath it.
    records = {(e["ResourceRecord"]["Name"], e["ResourceRecord"]["Value"]) for e in options}
    [(record, value)] = records
    assert record.startswith("_")
    assert record.endswith(f".{name}.")
    assert value.endswith(".acm-validations.aws.")
    assert refused(acm.get_certificate, CertificateArn=arn)[0] == "RequestInProgressException"


@operation("ACM", "DescribeCertificate")
@operation("ACM", "DeleteCertificate")
def test_what_there_is_not(world: Any) -> None:
    acm = world.client("acm")
    arn = f"arn:aws:acm:{world.region}:{world.account}:{UNKNOWN}"
    for call in (acm.describe_certificate, acm.get_certificate, acm.delete_certificate):
        assert refused(call, CertificateArn=arn)[0] == "ResourceNotFoundException"


@operation("ACM", "RequestCertificate")
def test_a_request_with_its_token_is_made_once(world: Any) -> None:
    acm, name = world.client("acm"), f"{world.name('once')}.example.com"
    asked = {"DomainName": name, "ValidationMethod": "DNS", "IdempotencyToken": "once"}
    first = acm.request_certificate(**asked)["CertificateArn"]
    world.kept(acm.delete_certificate, CertificateArn=first)
    assert acm.request_certificate(**asked)["CertificateArn"] == first
