"""Which local cloud a command means, and who hears of its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.errors import UsageFault
from provisimus.events import Tell, silence

if TYPE_CHECKING:
    from provisimus.cli.session import Session
    from provisimus.local import LocalCloud


def local_cloud(session: Session) -> tuple[LocalCloud, str]:
    """The local cloud and its region; outside a workspace, the defaults."""
    from provisimus.local import from_environment

    try:
        project = session.workspace.project
    except UsageFault:
        return from_environment("127.0.0.1:5000"), "eu-west-1"
    regions = [each.region for each in project.environments.values() if each.provider == "local"]
    return from_environment(project.registry.url), (regions or ["eu-west-1"])[0]


def listener(session: Session) -> Tell:
    """Journal and screen; outside a workspace, where no journal can be, nobody."""
    try:
        return session.tell
    except UsageFault:
        return silence
