"""``python -m provisimus.localcloud serve``: run one local cloud in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError


def main() -> int:
    """Read the command line and serve. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m provisimus.localcloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run in the foreground until told to stop")
    serve.add_argument("--dir", type=Path, required=True, help="where everything is kept")
    serve.add_argument("--port", type=int, required=True, help="of the AWS API, on 127.0.0.1")
    serve.add_argument("--registry-port", type=int, required=True)
    serve.add_argument("--region", default="eu-west-1")
    given = parser.parse_args()

    from provisimus.localcloud.serve import Settings, run

    try:
        run(Settings(given.dir.resolve(), given.port, given.registry_port, given.region))
    except LocalCloudError as error:
        sys.stderr.write(f"error: {error.what}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
