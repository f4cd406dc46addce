"""Binary repositories: where artifacts are found, read with their checksums, and published.

Knows Maven's layout and the files that travel in it. Knows nothing of images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisimus.artifacts.repositories import Repositories, open_repositories

if TYPE_CHECKING:
    from provisimus.artifacts.publishing import Published, publish

__all__ = ["Published", "Repositories", "open_repositories", "publish"]


def __getattr__(name: str) -> Any:
    """Publishing is loaded when it is used: most commands only read."""
    if name not in ("Published", "publish"):
        raise AttributeError(name)
    from provisimus.artifacts import publishing

    return getattr(publishing, name)
