"""The gate before any submission: AWS's own validator, in process and offline.

`check` asks it about every template, `stack apply` before anything is changed, a plan where no
change set tells.

It is a native library: some 0.3 s to load, on one core and without Python's lock, then 2-9 ms a
template. Where no wheel of it exists, CloudFormation itself is the first to look.
"""

from __future__ import annotations

import atexit
import importlib
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from provisimus.errors import Refused
from provisimus.stacks.template import body_of
from provisimus.stacks.types.interface import Template

LIBRARY = "cloudformation_validate"
LONGEST_ID = 255
"""Characters of a resource's logical id."""
_LOADING = threading.Lock()


def check_template(template: Template) -> None:
    """Raises Refused with every error that the validator finds. Advice is for tests to read."""
    if errors := errors_in(template):
        raise Refused(
            f"the template is not sound: {errors[0]}",
            where="; ".join(errors[1:]) or None,
            hint="nothing was changed; provisimus stack template prints it",
        )


def errors_in(template: Template) -> list[str]:
    """What forbids a template; of what the validator finds nothing where it is not installed."""
    return [found for severity, found in findings(template) if severity in ("ERROR", "FATAL")]


def findings(template: Template) -> list[tuple[str, str]]:
    """What there is to say of a template: severity and text."""
    engine = _engine()
    said = engine.validate_template(body_of(template).encode()).diagnostics if engine else ()
    found = [(each.severity.name, f"{each.rule_id}: {each.message}") for each in said]
    return found + [("ERROR", each) for each in _too_long(template)]


def _too_long(template: Template) -> Iterator[str]:
    """Logical ids, of which the validator knows no limit (CloudFormation quotas, resource name)."""
    for name in map(str, template.get("Resources") or ()):
        if len(name) > LONGEST_ID:
            yield f"the logical id {name[:40]}… has {len(name)} characters, {LONGEST_ID} at most"


@cache
def expect_template() -> None:
    """Begin to load the validator beside whatever comes first: a template will be checked."""
    threading.Thread(target=_engine, name="gate", daemon=True).start()


def _engine() -> Any:
    # Whoever asks while it loads waits for the one that does: it serves all threads.
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> Any:
    try:
        library: Any = importlib.import_module(LIBRARY)
    except (ImportError, OSError):
        return None
    # Freed before its library is taken apart at the end of the process.
    atexit.register(_loaded.cache_clear)
    # The same findings as RegoEngine's, loaded in three quarters of the time.
    return library.CelEngine()
