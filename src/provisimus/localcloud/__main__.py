"""``python -m provisimus.localcloud serve``: run one local cloud in the foreground.

``freeze``, ``thaw``, ``forget`` and ``worlds`` are for one that does not run (``worlds.py``).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
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
    for name in ("freeze", "thaw", "forget", "worlds"):
        other = commands.add_parser(name)
        other.add_argument("--dir", type=Path, required=True)
        if name != "worlds":
            other.add_argument("name")
    given = parser.parse_args()
    try:
        _run(given)
    except LocalCloudError as error:
        sys.stderr.write(f"error: {error.what}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
        return 1
    return 0


def _run(given: argparse.Namespace) -> None:
    folder: Path = given.dir.resolve()
    if given.command == "serve":
        from provisimus.localcloud.serve import Settings, run

        run(Settings(folder, given.port, given.registry_port, given.region))
        return
    from provisimus.localcloud import worlds
    from provisimus.localcloud.layout import Layout
    from provisimus.localcloud.machines import Machines
    from provisimus.localcloud.places import take_directory

    layout = Layout(folder)
    if given.command == "worlds":
        print(json.dumps([asdict(each) for each in worlds.worlds(layout)]))  # noqa: T201
        return
    try:
        with take_directory(layout):
            worlds.finish(layout)
            if given.command == "forget":
                worlds.forget(layout, given.name)
            else:
                change = worlds.freeze if given.command == "freeze" else worlds.thaw
                change(layout, given.name, Machines.owner())
    except OSError as error:
        raise LocalCloudError(f"{error.filename or folder}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
