"""Passwords as PostgreSQL keeps them: a verifier, from which no one learns the password.

Source: RFC 5803; "Password Authentication" in PostgreSQL's documentation. Passwords that SASLprep
(RFC 4013) would change are refused by `check`, so no table of it is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from base64 import b64encode

ROUNDS = 4096
"""What PostgreSQL takes itself (scram_iterations)."""
FORBIDDEN = '/"@ '
LEAST, MOST = 8, 128
_LETTERS = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"


def verifier(password: str, salt: bytes) -> str:
    """What stands in pg_authid for a password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    parts = [b64encode(each).decode() for each in (salt, stored, _keyed(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${ROUNDS}:{parts[0]}${parts[1]}:{parts[2]}"


def fresh_verifier(password: str) -> str:
    """The same with a salt of its own."""
    return verifier(password, secrets.token_bytes(16))


def check(password: str) -> str | None:
    """What is wrong with a master password ("CreateDBInstance", API reference), or None."""
    if not LEAST <= len(password) <= MOST:
        return (
            "The parameter MasterUserPassword is not a valid password because it is "
            f"{'shorter' if len(password) < LEAST else 'longer'} than "
            f"{LEAST if len(password) < LEAST else MOST} characters."
        )
    if any(letter in FORBIDDEN or not " " < letter < "\x7f" for letter in password):
        return (
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
            "characters besides '/', '@', '\"', ' ' may be used."
        )
    return None


def generated() -> str:
    """A master password that RDS would make up: 28 characters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(28))


def _keyed(salted: bytes, name: bytes) -> bytes:
    return hmac.new(salted, name, hashlib.sha256).digest()
