"""The programs by name. Each loads nothing of the others."""

from __future__ import annotations

import sys

NAMES = ("logs", "publish", "runtime", "settings", "snapshots")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in NAMES:
        print(f"usage: {' | '.join(NAMES)}")
        sys.exit(2)
    package = __name__.rpartition(".")[0]
    program = getattr(__import__(f"{package}.{name}"), name)
    sys.exit(program.main(sys.argv[2:]))
