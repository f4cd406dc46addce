"""Certificates of ACM: issued by an authority of this cloud, once their domains are validated.

A requested certificate stays PENDING_VALIDATION until the record that ACM asks for is in a public
hosted zone of this cloud; after 72 hours its time is over. It is looked for whenever somebody asks
about the certificate. Mail is not sent, so validation by mail is refused.

Sources: ACM user guide, "AWS Certificate Manager DNS validation", "Import a certificate"; API
reference, RequestCertificate, GetCertificate, DeleteCertificate, DomainValidation.
"""

from __future__ import annotations

import hashlib
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from moto.acm.models import AWSCertificateManagerBackend, CertBundle, TagHolder, datetime_to_epoch
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.exceptions import AWSError
from moto.core.utils import utcnow

from provisimus.localcloud.authority import certificate_file, issue
from provisimus.localcloud.hooks.cloud import replace

DAYS = 395
"""How long a certificate is valid."""
PATIENCE = timedelta(hours=72)
_DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)

_moto_request = AWSCertificateManagerResponse.request_certificate
_moto_get = AWSCertificateManagerResponse.get_certificate
_moto_import = AWSCertificateManagerBackend.import_certificate
_moto_delete = AWSCertificateManagerBackend.delete_certificate
_moto_describe = CertBundle.describe
_moto_validate = TagHolder._validate_kv


def install(authority: Path) -> None:
    """Replace moto's methods; the authority's folder is made with the first certificate."""

    def generate(
        domain_name: str,
        account_id: str,
        region: str,
        sans: list[str] | None = None,
        cert_authority_arn: str | None = None,
    ) -> Any:
        if cert_authority_arn is not None:
            raise _refused("A private certificate authority")
        names = list(dict.fromkeys(each.lower() for each in (domain_name, *(sans or ()))))
        for name in names:
            if not _DOMAIN.fullmatch(name):
                raise AWSError(f"{name} is not a valid domain name", "ValidationException")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issued = issue(authority, names, key=key, days=DAYS)
        made = CertBundle(
            account_id, issued.certificate, issued.key, region=region,
            cert_type="AMAZON_ISSUED", cert_status="PENDING_VALIDATION",
        )  # fmt: skip
        made.chain = certificate_file(authority).read_bytes()
        return made

    setattr(CertBundle, "generate_cert", staticmethod(generate))  # noqa: B010
    replace(CertBundle, "check", _check)
    replace(CertBundle, "describe", _describe)
    replace(TagHolder, "_validate_kv", _validate_kv)
    replace(AWSCertificateManagerResponse, "request_certificate", _request)
    replace(AWSCertificateManagerResponse, "get_certificate", _get)
    replace(AWSCertificateManagerBackend, "import_certificate", _import)
    replace(AWSCertificateManagerBackend, "delete_certificate", _delete)


def validation_record(account: str, domain: str) -> tuple[str, str]:
    """Name and value of the CNAME that proves whose a domain is; a wildcard's is its parent's."""
    base = domain.lower().removeprefix("*.")
    token, answer = (
        hashlib.sha256(f"{word} {account} {base}".encode()).hexdigest()[:32]
        for word in ("name", "value")
    )
    return f"_{token}.{base}.", f"_{answer}.acm-validations.aws."


def used_by(arn: str) -> list[str]:
    """The load balancers that have the certificate, by their ARNs."""
    if "moto.elbv2.models" not in sys.modules:
        return []
    from moto.elbv2.models import elbv2_backends

    _, _, _, region, account, _ = arn.split(":", 5)
    return [
        balancer.arn
        for balancer in list(elbv2_backends[account][region].load_balancers.values())
        if any(arn in listener.certificates for listener in list(balancer.listeners.values()))
    ]


def _request(request: Any) -> Any:
    method = request._get_param("ValidationMethod") or "EMAIL"
    if method != "DNS":
        raise _refused(f"Validation by {method} (no ValidationMethod means EMAIL)")
    algorithm = request._get_param("KeyAlgorithm") or "RSA_2048"
    if algorithm != "RSA_2048":
        raise _refused(f"The key algorithm {algorithm}")
    return _moto_request(request)


def _get(request: Any) -> Any:
    found = request.acm_backend.get_certificate(request._get_param("CertificateArn"))
    if found.status == "PENDING_VALIDATION":
        raise AWSError(
            f"Certificate request for {found.arn} is in progress.", "RequestInProgressException"
        )
    return _moto_get(request)


def _import(
    backend: Any, certificate: bytes, private_key: bytes, chain: Any, arn: Any, tags: Any
) -> str:
    before = backend._certificates.get(arn)
    CertBundle(backend.account_id, certificate, private_key, chain, backend.region_name)
    probe = CertBundle(backend.account_id, certificate, private_key, None, backend.region_name)
    if probe._key.public_key() != probe._cert.public_key():
        raise AWSError("The certificate and the private key do not match.", "ValidationException")
    made = str(_moto_import(backend, certificate, private_key, chain, arn, tags))
    bundle = backend._certificates[made]
    bundle.chain = chain or b""
    if before is not None:
        bundle.tags = before.tags
    return made


def _delete(backend: Any, arn: str) -> None:
    if used_by(arn):
        raise AWSError(f"Certificate {arn} is in use.", "ResourceInUseException")
    _moto_delete(backend, arn)


def _check(bundle: Any) -> None:
    now = utcnow()
    if bundle._not_valid_after(bundle._cert) <= now:
        bundle.status = "EXPIRED"
    elif bundle.status == "PENDING_VALIDATION":
        if all(_is_validated(bundle, name) for name in _domains(bundle)):
            bundle.status, bundle.issued_at = "ISSUED", now
        elif now - bundle.created_at > PATIENCE:
            bundle.status = "VALIDATION_TIMED_OUT"


def _describe(bundle: Any) -> dict[str, Any]:
    bundle.in_use_by = used_by(bundle.arn)
    told = _moto_describe(bundle)
    certificate = told["Certificate"]
    certificate["SubjectAlternativeNames"] = _domains(bundle)
    if bundle.type == "IMPORTED":
        return told
    issued = getattr(bundle, "issued_at", None)
    certificate.pop("IssuedAt", None)
    if issued is not None:
        certificate["IssuedAt"] = datetime_to_epoch(issued)
        certificate["RenewalEligibility"] = "ELIGIBLE" if bundle.in_use_by else "INELIGIBLE"
    else:
        for name in ("NotAfter", "NotBefore", "Serial", "Issuer"):
            certificate.pop(name, None)
    certificate["DomainValidationOptions"] = [
        _validation(bundle, name, issued is not None) for name in _domains(bundle)
    ]
    return told


def _validation(bundle: Any, domain: str, issued: bool) -> dict[str, Any]:
    name, value = validation_record(_account(bundle), domain)
    done = issued or _is_validated(bundle, domain)
    over = bundle.status == "VALIDATION_TIMED_OUT"
    return {
        "DomainName": domain,
        "ValidationDomain": domain,
        "ValidationStatus": "SUCCESS" if done else "FAILED" if over else "PENDING_VALIDATION",
        "ValidationMethod": "DNS",
        "ResourceRecord": {"Name": name, "Type": "CNAME", "Value": value},
    }


def _domains(bundle: Any) -> list[str]:
    return list(dict.fromkeys([*([bundle.common_name] if bundle.common_name else []),
                               *bundle.sans]))  # fmt: skip


def _account(bundle: Any) -> str:
    return str(bundle.arn.split(":")[4])


def _is_validated(bundle: Any, domain: str) -> bool:
    """Whether the record is in a public hosted zone of this cloud."""
    if "moto.route53.models" not in sys.modules:
        return False
    from moto.route53.models import route53_backends

    name, value = validation_record(_account(bundle), domain)
    for zone in list(route53_backends[_account(bundle)]["aws"].zones.values()):
        if str(zone.private_zone).lower() == "true":
            continue
        for record in list(zone.rrsets):
            values = [str(each).rstrip(".").lower() for each in record.records or ()]
            if record.type == "CNAME" and record.name.rstrip(".").lower() == name.rstrip("."):
                return value.rstrip(".") in values
    return False


def _validate_kv(holder: Any, key: str, value: str | None, index: int) -> None:
    """CloudFormation's own tags are set over the same API here."""
    if not key.startswith("aws:cloudformation:"):
        _moto_validate(holder, key, value, index)


def _refused(what: str) -> AWSError:
    return AWSError(f"{what} is known to AWS, not to this local cloud.", "ValidationException")
