"""The name server of a VPC: names of this cloud are answered, all others passed on.

Sources: VPC User Guide, "DNS attributes for your VPC"; RFC 1035.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

PORT = 53
_PATIENCE = 4.0
_RESOLV = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Known:
    """Records of one name and type as zone files write them; empty for a name without such."""

    values: tuple[str, ...] = ()
    seconds: int = 60
    alias: str | None = None
    """The name that this one stands for (CNAME)."""


Find = Callable[[str, str], Known | None]
"""Given a name without its last dot and a type: what this cloud knows; None for another's name."""


def reply(question: bytes, find: Find) -> bytes | None:
    """The answer to a question; None to what is none."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdatatype
    import dns.rrset

    try:
        asked = dns.message.from_wire(question)
        if asked.flags & dns.flags.QR or len(asked.question) != 1:
            return None
    except dns.exception.DNSException:
        return None
    wanted = asked.question[0]
    kind = dns.rdatatype.to_text(wanted.rdtype)
    name = wanted.name.to_text(omit_final_dot=True).lower()
    known = find(name, kind)
    if known is None:
        return _passed_on(question) or _failure(asked)
    answer = dns.message.make_response(asked, recursion_available=True)
    answer.flags |= dns.flags.AA
    owner = wanted.name
    if known.alias:
        answer.answer.append(
            dns.rrset.from_text(owner, known.seconds, "IN", "CNAME", f"{known.alias}.")
        )
        owner = dns.name.from_text(known.alias)
    if known.values:
        answer.answer.append(dns.rrset.from_text(owner, known.seconds, "IN", kind, *known.values))
    elif not known.alias and find(name, "ANY") is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()


def _failure(asked: object) -> bytes:
    import dns.message
    import dns.rcode

    answer = dns.message.make_response(asked, recursion_available=True)  # type: ignore[arg-type]
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer.to_wire()


def _passed_on(question: bytes) -> bytes | None:
    """What this computer's own name servers say."""
    for server in name_servers(_RESOLV.read_text() if _RESOLV.exists() else ""):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.settimeout(_PATIENCE)
            try:
                out.connect((server, PORT))
                out.send(question)
                return out.recv(65535)
            except OSError as error:
                log.debug("name server %s: %s", server, error)
    return None


def name_servers(text: str) -> list[str]:
    """The name servers that a resolv.conf(5) names."""
    return re.findall(r"^\s*nameserver\s+([^\s%]+)", text, re.MULTILINE)
