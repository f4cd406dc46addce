"""The credentials with which the machine that bakes pulls its images. Pure.

They travel as one line, which is Docker's configuration file, through Packer's environment into a
tmpfs on the machine, and are nowhere else: not in an argument, a template, an archive or a log.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisimus.machines.access import Login

VARIABLE = "registry_config"
"""The variable of Packer templates that holds the configuration."""
FROM = "PROVISIMUS_REGISTRY_CONFIG"
"""The variable of the environment from which a template in the legacy form takes it."""
SHORTEST = 4
"""Less is blanked in no log: it would be found everywhere."""
HIDDEN = "•••"


@dataclass(frozen=True)
class PullAccess:
    """`config` is one line of JSON, empty without credentials; `hidden` is what nobody may see, the
    longest first."""

    config: str = field(default="", repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.config)

    def blanked(self, text: str) -> str:
        for each in self.hidden:
            text = text.replace(each, HIDDEN)
        return text

    def variables(self) -> Mapping[str, str]:
        """For Packer's environment: HCL has names for its variables there, the legacy form none."""
        return {FROM: self.config, f"PKR_VAR_{VARIABLE}": self.config} if self.config else {}


def pull_access(logins: Iterable[Login]) -> PullAccess:
    """Docker's configuration for these registries, each once."""
    auths: dict[str, dict[str, str]] = {}
    hidden = set()
    for login in logins:
        pair = base64.b64encode(f"{login.user}:{login.secret}".encode()).decode()
        entry = {"identitytoken": login.identity} if login.identity else {}
        auths[login.key] = {**entry, "auth": pair} if login.secret or not entry else entry
        hidden |= {login.secret, login.identity, pair if login.secret else ""}
    if not auths:
        return PullAccess()
    config: dict[str, Any] = {"auths": auths}
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    long = {each for each in hidden if len(each) >= SHORTEST}
    return PullAccess(text, (text, *sorted(long, key=lambda each: (-len(each), each))))
