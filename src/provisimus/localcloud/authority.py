"""A certificate authority of this local cloud's own, and the certificates that it signs.

Its certificate is a file that clients can be told to trust; its key never leaves the directory.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

CERTIFICATE, _KEY = "ca.pem", "ca.key"
_DAYS = 3650
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes


def issue(
    folder: Path,
    names: Iterable[str],
    addresses: Iterable[str] = (),
    key: Key | None = None,
    days: int = _DAYS,
) -> Issued:
    """A server's certificate for these names and addresses, the first name being its subject's.

    The authority is made in the folder where there is none yet, and so is a key. Raises OSError.
    """
    authority, signer = _authority(folder)
    known, key = list(names), key or ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in known]
    alternatives += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
    made = (
        _begun(_name(known[0][:64]), authority.subject, key, days)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return Issued(made.public_bytes(serialization.Encoding.PEM), _pem(key))


def certificate_file(folder: Path) -> Path:
    """The authority's certificate, made where there is none yet."""
    _authority(folder)
    return folder / CERTIFICATE


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    if not (folder / CERTIFICATE).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Local cloud CA")
        made = (
            _begun(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        (folder / _KEY).touch(mode=0o600)
        (folder / _KEY).write_bytes(_pem(key))
        temporary = folder / f"{CERTIFICATE}.next"
        temporary.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        temporary.replace(folder / CERTIFICATE)
    signer = serialization.load_pem_private_key((folder / _KEY).read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()), signer


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Key, days: int = _DAYS
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
