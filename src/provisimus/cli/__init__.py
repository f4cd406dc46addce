"""The command line: one file per command group. The only place that prints and that exits."""

import gc

# Imports and botocore's models make hundreds of thousands of objects that stay; to look through
# them after every 700 new ones finds nothing and takes a tenth of a plan's time. So before them.
gc.set_threshold(200_000)

from provisimus.cli.app import build_docker, main  # noqa: E402 see above

__all__ = ["build_docker", "main"]
