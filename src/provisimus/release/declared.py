"""The version that a stack's file declares, written back without touching anything else in it."""

from __future__ import annotations

import re

import yaml

from provisimus.errors import UsageFault


def with_version(text: str, version: str, environment: str) -> str:
    """The file with another version: the environment's own where it has one, else the common one.

    Comments and order stay. Raises UsageFault for a file that is written too cleverly for that.
    """
    data = yaml.safe_load(text) or {}
    overrides = (data.get("environments") or {}).get(environment) or {}
    wanted = {**data, "version": version}
    if "version" in overrides:
        wanted = {
            **data,
            "environments": {
                **data["environments"],
                environment: {**overrides, "version": version},
            },
        }
        changed = _override(text, environment, version)
    elif "version" in data:
        changed = re.sub(
            r"(?m)^version:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s#]+)",
            lambda _: f"version: {_quoted(version)}",
            text,
            count=1,
        )
    else:
        changed = f"{text.rstrip()}\nversion: {_quoted(version)}\n" if text.strip() else text
    if yaml.safe_load(changed) != wanted:
        raise UsageFault(
            f"the stack's file takes no other version; set it to {version} there",
            hint="write `version:` on a line of its own",
        )
    return changed


def _override(text: str, environment: str, version: str) -> str:
    block = re.search(rf"(?m)^(\s+){re.escape(environment)}:(?P<rest>.*(?:\n\1\s+.*)*)", text)
    if block is None:
        return text
    rest = re.sub(
        r"\bversion:[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s,}#]+)",
        lambda _: f"version: {_quoted(version)}",
        block["rest"],
        count=1,
    )
    return text[: block.start("rest")] + rest + text[block.end("rest") :]


def _quoted(version: str) -> str:
    """Quoted where YAML would read a number, a truth or nothing: 1.10 is 1.1."""
    return version if isinstance(yaml.safe_load(version), str) else f'"{version}"'
