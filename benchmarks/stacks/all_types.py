"""Every stack of the example company, made and validated: whole processes, offline.

    python benchmarks/stacks/all_types.py [--rounds 5]

`provisimus check` of `examples/acme` builds the template of each stack for each environment, on a
fresh copy (nothing is known of its definitions) and again. Then one process that makes the template
of every stack in every environment and has the validator look at each, engine loaded and all: what
`stack apply` does before anything is submitted. Asserts nothing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples/acme"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here is not None:
        print(validated(asked.here))
        return
    from ground import Cost, cost_of, environment  # not for the process that is measured

    found: dict[str, list[Cost]] = {}
    check = [[str(Path(sys.executable).with_name("provisimus")), "check"]]
    given = environment("http://127.0.0.1:1")
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as scratch:
        for number in range(asked.rounds + 1):
            place = Path(scratch) / f"acme-{number}"
            shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns(".provisimus"))
            whole = [[sys.executable, str(Path(__file__).resolve()), "--here", str(place)]]
            for what, commands in (
                ("`check`, first on this checkout", check),
                ("`check`, again", check),
                ("made and validated", whole),
            ):
                cost = cost_of(commands, place, given)
                if number:
                    found.setdefault(what, []).append(cost)
        print(f"made and validated are {validated(place)} templates")
    for what, costs in found.items():
        wall = statistics.median(each.wall for each in costs)
        cpu = statistics.median(each.cpu for each in costs)
        lowest = min(each.wall for each in costs)
        print(f"| {what} | {wall:.2f} s | {lowest:.2f} s | {cpu:.2f} s |")


def validated(root: Path) -> int:
    """How many templates were made of the stacks below, and looked at."""
    from provisimus.stacks.checking import offline_template
    from provisimus.stacks.gate import check_template
    from provisimus.workspace import open_workspace

    workspace, count = open_workspace(root), 0
    for known in workspace.project.environments:
        for name in workspace.services():
            definition = workspace.stack(name, known)
            check_template(offline_template(workspace, known, name, definition))
            count += 1
    return count


if __name__ == "__main__":
    main()
