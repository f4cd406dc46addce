"""A stack of eight resources, and twenty of them, by us and by what one would take instead.

    python benchmarks/stacks/side_by_side.py [--rounds 5] [--only provisimus,Sceptre,…]
                                             [--stacks 1,20] [--peers FOLDER]

Every tool makes the same template (`ground.py`) in one local cloud of the benchmark's own, by its
own command line as whole processes (`tools.py`): create; again, with nothing to do; and a plan of
one property that changed. Tools come in random order within a round, and after each its stacks are
deleted, untimed. Peers are installed by pip and npm, at the versions that `tools.py` names, into a
temporary folder, or into `--peers` to be found there the next time. Prints tables of medians;
asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ground import Cost, Server, cloud, cost_of, environment, template
from tools import Provisimus, Tool, peers

ACTIONS = ("plan", "create", "nothing")
TITLES = {"plan": "plan", "create": "create", "nothing": "nothing to do"}
Found = dict[tuple[int, str, str], list[Cost]]
"""By number of stacks, tool and action."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--stacks", default="1,20")
    parser.add_argument("--peers", type=Path)
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    counts = [int(each) for each in asked.stacks.split(",")]
    with home(asked.peers) as folder, cloud() as server:
        tools = [each for each in all_tools(folder, server.url) if not only or each.name in only]
        for each in tools:
            install(each)
        found: Found = {}
        for number in range(asked.rounds + 1):
            for tool in random.sample(tools, len(tools)):
                # The first round warms caches up, by one stack.
                for count in counts if number else [1]:
                    one_round(tool, count, server, folder, found if number else {})
            print(f"round {number} of {asked.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    for count in counts:
        table(count, tools, found)


def all_tools(home: Path, url: str) -> list[Tool]:
    program = (str(Path(sys.executable).with_name("provisimus")),)
    compared = "--no-change-set"
    return [
        Provisimus(url, program),
        Provisimus(url, program, f"provisimus {compared}", (compared,)),
        *peers(home),
    ]


@contextmanager
def home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        yield Path(folder)


def install(tool: Tool) -> None:
    """Through ordinary clients, once. Ends the benchmark where that fails: see its words."""
    done = getattr(tool, "home", None)
    if done is None or done.exists():
        return
    for command in tool.install():
        print(" ".join(command), file=sys.stderr)
        subprocess.run(command, check=True, stdout=sys.stderr)


def one_round(tool: Tool, count: int, server: Server, home: Path, found: Found) -> None:
    names = [f"s{number:02}" for number in range(1, count + 1)]
    place = home / "definitions" / f"{tool.name}-{count}"
    given = environment(server.url)
    tool.lay(place, names, template())
    changed = template(days=14)
    steps = (
        ("create", tool.create(names), None),
        ("nothing", tool.nothing(names), None),
        ("plan", tool.plan(names), changed),
    )
    try:
        for what, commands, other in steps:
            if isinstance(commands, str):
                continue
            if other is not None:
                tool.lay(place, names, other)
            cost = cost_of(commands, place, given)
            found.setdefault((count, tool.name, what), []).append(cost)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace")[-2000:]
        print(f"{tool.name} with {count} stacks: {said}", flush=True)
    finally:
        clear(server)


def clear(server: Server) -> None:
    """Every stack of the cloud goes, so that each tool finds it as empty as the others did."""
    formation: Any = server.client("cloudformation")
    pages = list(formation.get_paginator("describe_stacks").paginate())
    names = [each["StackName"] for page in pages for each in page["Stacks"]]
    for name in names:
        formation.delete_stack(StackName=name)
    for name in names:
        formation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
        )


def table(count: int, tools: list[Tool], found: Found) -> None:
    """Seconds waited, how many times ours that is, and in brackets those of the processor."""
    print(
        f"\n| {count} stack{'s' * (count > 1)} | " + " | ".join(TITLES[a] for a in ACTIONS) + " |"
    )
    print("|---" * (len(ACTIONS) + 1) + "|")
    for tool in tools:
        cells = [cell(count, tool.name, action, found) for action in ACTIONS]
        print(f"| {tool.name} | " + " | ".join(cells) + " |")
    for tool in tools:
        if isinstance(why := tool.plan(["s01"]), str):
            print(f"\n{tool.name}: {why}.")


def cell(count: int, name: str, action: str, found: Found) -> str:
    costs = found.get((count, name, action))
    if not costs:
        return "-"
    wall = statistics.median(each.wall for each in costs)
    cpu = statistics.median(each.cpu for each in costs)
    ours = found.get((count, "provisimus", action))
    ratio = ""
    if ours and name != "provisimus":
        ratio = f", {wall / statistics.median(each.wall for each in ours):.1f} times"
    return f"{wall:.2f} s{ratio} ({cpu:.2f})"


if __name__ == "__main__":
    main()
