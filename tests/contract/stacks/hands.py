"""A process that runs commands as they come, so that two can be run at the very same time.

python hands.py    a line of JSON with words on stdin, one with [exit code, what was said] out
"""

from __future__ import annotations

import json
import sys

from click.testing import CliRunner

from provisimus.cli.app import provisimus
from provisimus.errors import ProvisimusError


def main() -> None:
    for line in sys.stdin:
        done = CliRunner().invoke(provisimus, json.loads(line))
        error, code, said = done.exception, done.exit_code, done.output
        if isinstance(error, ProvisimusError):
            code, said = error.exit_code, f"{said}{type(error).__name__}: {error.message}"
        elif error is not None and not isinstance(error, SystemExit):
            code, said = -1, f"{said}{error!r}"
        sys.stdout.write(json.dumps([code, said]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
