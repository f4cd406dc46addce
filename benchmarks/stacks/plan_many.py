"""`stack plan --all` of hundreds of stacks, where every answer of the cloud takes 50 ms.

    python benchmarks/stacks/plan_many.py [--stacks 500] [--rounds 3] [--latency 0.05]
                                          [--sceptre 50] [--peers FOLDER] [--cloud]

The stacks hold a parameter each and are made in a local cloud of the benchmark's own. Then
`stack plan --all`: nothing to do; one property changed in each, told by the templates
(`--no-change-set`), and by a change set each. Each is run once through an endpoint that learns what
the local cloud answers, and then measured against what it remembers (`remembered.py`), so that the
cloud's own work is not measured with it; `--cloud` measures against the local cloud itself, on the
same cores, past a proxy that takes its time (`ground.slow_way`).
`--sceptre 50` has Sceptre tell its differences of as many of the same stacks. Asserts nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ground import Cost, Server, cloud, cost_of, environment, slow_way
from remembered import remembering
from side_by_side import home, install
from tools import Provisimus, Sceptre

Commands = Sequence[Sequence[str]]
BODY = """\
Resources:
  Where:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: VALUE}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stacks", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--sceptre", type=int, default=0)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--cloud", action="store_true")
    asked = parser.parse_args()
    names = [f"s{number:03}" for number in range(asked.stacks)]
    with (
        home(asked.peers) as peers,
        tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as scratch,
        cloud() as server,
        slow_way(server.url, asked.latency) as through,
        remembering(server.url, asked.latency) as memory,
    ):
        slow = through if asked.cloud else memory.url

        def measured(what: str, commands: Commands, folder: Path) -> None:
            if not asked.cloud:
                memory.by_itself = False
                cost_of(commands, folder, given)
                memory.by_itself = True
            told(what, [cost_of(commands, folder, given) for _ in range(asked.rounds)])

        program = (str(Path(sys.executable).with_name("provisimus")),)
        place, given = Path(scratch) / "ours", environment(slow)
        # Stacks are whose their tags say: ours are made by us.
        quick = Provisimus(server.url, program)
        quick.lay(place, names, body("one"))
        made = cost_of(every(quick, "apply", "--yes", "-q"), place, environment(server.url))
        print(f"{asked.stacks} stacks, made in {made.wall:.1f} s", flush=True)
        ours = Provisimus(slow, program)
        ours.lay(place, names, body("one"))
        measured("nothing to do", every(ours, "plan"), place)
        ours.lay(place, names, body("two"))
        by_templates = every(ours, "plan", "--no-change-set")
        measured("a change each, by the templates", by_templates, place)
        measured("a change each, by a change set", every(ours, "plan"), place)
        if asked.sceptre:
            other = Sceptre(peers / "sceptre")
            install(other)
            some = names[: asked.sceptre]
            make(server, [f"sceptre-{name}" for name in some])
            other.lay(Path(scratch) / "sceptre", some, body("one"))
            what = f"Sceptre, {asked.sceptre} of them, nothing to do"
            measured(what, other.plan(some), Path(scratch) / "sceptre")


def body(value: str) -> str:
    return BODY.replace("VALUE", value)


def every(ours: Provisimus, *words: str) -> list[list[str]]:
    return [[*ours.program, "stack", *words, "--all", "--env", "bench"]]


def make(server: Server, names: Sequence[str]) -> None:
    formation: Any = server.client("cloudformation")

    def one(name: str) -> None:
        formation.create_stack(StackName=name, TemplateBody=body("one"))
        formation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, names))


def told(what: str, costs: list[Cost]) -> None:
    wall = statistics.median(each.wall for each in costs)
    lowest = min(each.wall for each in costs)
    cpu = statistics.median(each.cpu for each in costs)
    print(f"| {what} | {wall:.2f} s | {lowest:.2f} s | {cpu:.2f} s |", flush=True)


if __name__ == "__main__":
    main()
