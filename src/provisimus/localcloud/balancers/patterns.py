"""Text of users inside HAProxy's configuration: as patterns, as format strings, never as syntax.

Sources: "Rule condition types" in the user guide for Application Load Balancers; "Quoting and
escaping" in the HAProxy Configuration Manual.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_/-]")
_OF_A_URL = re.compile(r"[A-Za-z0-9_/.~:@!$&()*+,;=?-]")
_KEYWORD = re.compile(r"#\{(protocol|host|port|path|query)\}")
_FETCHES = {
    "protocol": "%[var(txn.protocol)]",
    "host": "%[var(txn.host)]",
    "port": "%[dst_port]",
    "path": "%[path,regsub(^/,)]",
    "query": "%[query]",
}


def literal(text: str) -> str:
    """A regular expression for exactly this text, of characters that mean nothing to a parser."""
    return "".join(
        char if _PLAIN.fullmatch(char) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in text
    )


def wildcards(pattern: str, *, any_of: str = ".") -> str:
    """A regular expression for a pattern in which `*` is any text and `?` any one character."""
    parts = {"*": f"{any_of}*", "?": any_of}
    return "".join(parts.get(char) or literal(char) for char in pattern)


def whole(pattern: str) -> str:
    """A quoted regular expression for a value that fits the pattern from end to end."""
    return f"'^{wildcards(pattern)}$'"


def query_pair(key: str, value: str) -> str:
    """A quoted regular expression for a query string that has such a pair."""
    any_key = wildcards(key, any_of="[^&=]") if key else "[^&=]*"
    return f"'(^|&){any_key}={wildcards(value, any_of='[^&]')}(&|$)'"


def format_string(text: str) -> str:
    """A part of a redirect's address: keywords become what they stand for, the rest stays text."""
    parts, end = [], 0
    for found in _KEYWORD.finditer(text):
        parts += [_as_text(text[end : found.start()]), _FETCHES[found[1]]]
        end = found.end()
    return "".join([*parts, _as_text(text[end:])])


def url_text(text: str) -> str:
    """A part of an address, percent-encoded where it could be taken for syntax."""
    return "".join(
        char
        if _OF_A_URL.fullmatch(char) or char == "%"
        else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in text
    )


def _as_text(text: str) -> str:
    """HAProxy's format strings write a percent sign as two."""
    return url_text(text).replace("%", "%%")
