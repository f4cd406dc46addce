"""The command line: one file per command group. The only place that prints and that exits."""

from provisimus.cli.app import build_docker, main

__all__ = ["build_docker", "main"]
