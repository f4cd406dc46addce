"""What a real builder is: it turns a folder into an image in one file, and says what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from provisimus.images.secrets import BuildSecret

DOCKERFILE = "Dockerfile"
CONTEXT = "context"
"""What stands in the folder that a builder gets."""


class Need(Enum):
    """Syntax that not every builder knows; the value is what an error calls it."""

    HEREDOC = "heredocs (<<EOF)"
    SECRETS = "build secrets (RUN --mount=type=secret)"
    RUN_FLAGS = "RUN --mount, --network and --security"
    CHMOD = "COPY --chmod"
    LINK = "COPY --link"
    CHECKSUM = "ADD --checksum"
    SELECTION = "COPY --parents and --exclude"
    WHOLE_CONTEXT = "copying the whole context"
    FRONTEND = "# syntax= with a frontend of its own"


OLD_BUILDKIT = frozenset({Need.HEREDOC, Need.LINK, Need.CHECKSUM, Need.SELECTION})
"""What the BuildKit in engines before 23 does not know."""


class Builder(Protocol):
    """One way to build. `name` is told; `lacks` is what it does not understand."""

    @property
    def name(self) -> str: ...

    @property
    def lacks(self) -> frozenset[Need]: ...

    def build(
        self,
        folder: Path,
        archive: Path,
        say: Callable[[str], None],
        secrets: Sequence[BuildSecret] = (),
    ) -> None:
        """Build `folder`/Dockerfile with `folder`/context; write what `docker save` would.

        `secrets` are for its RUNs; whoever lacks Need.SECRETS gets none.

        Leaves nothing behind in the builder. Raises ToolFailed with the last lines, ToolMissing,
        Unreachable.
        """
        ...
