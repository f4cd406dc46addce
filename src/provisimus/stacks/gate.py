"""The gate before any submission: AWS's own validator, in process and offline.

It is a native library (2-9 ms a template once loaded). Where no wheel of it exists, CloudFormation
itself is the first to look.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from provisimus.errors import Refused
from provisimus.stacks.template import body_of
from provisimus.stacks.types.interface import Template


def check_template(template: Template) -> None:
    """Raises Refused with every error that the validator finds. Advice is for tests to read."""
    engine = _engine()
    if engine is None:
        return
    errors = [found for severity, found in findings(template) if severity in ("ERROR", "FATAL")]
    if errors:
        raise Refused(
            f"the template is not sound: {errors[0]}",
            where="; ".join(errors[1:]) or None,
            hint="nothing was submitted; provisimus stack template prints it",
        )


def findings(template: Template) -> list[tuple[str, str]]:
    """What the validator says: severity and text. Empty where it is not installed."""
    engine = _engine()
    if engine is None:
        return []
    report = engine.validate_template(body_of(template).encode())
    return [(each.severity.name, f"{each.rule_id}: {each.message}") for each in report.diagnostics]


@cache
def _engine() -> Any:
    try:
        library: Any = importlib.import_module("cloudformation_validate")
    except (ImportError, OSError):
        return None
    return library.RegoEngine()
