"""One release as a process of its own, for tests that kill it.

    python releasing.py FOLDER ENDPOINT VERSION well|sick RUN

At each moment it says a line and waits for one: `begin STEP`, `reviewed STEP` (the change set is
made and not executed), `under way STEP` (CloudFormation tells its first event), `end STEP`;
with `again` after those of a step that comes a second time.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import Scene
from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.events import (
    Event,
    Failed,
    Finished,
    Progress,
    Said,
    Skipped,
    Started,
    Warned,
)


def main(folder: str, endpoint: str, version: str, health: str, run: str) -> None:
    cloud = Cloud("eu-west-1", None, endpoint, None, ("test", "test"))
    scene = Scene(Path(folder), Environment("local", cloud, "127.0.0.1:5000"))
    begun: Counter[str] = Counter()
    seen: set[str] = set()

    def tell(event: Event) -> None:
        word = word_of(event)
        if word is None or isinstance(event, Progress | Warned | Skipped):
            return
        step = re.sub(r"\b(t[0-9a-f]{8}-local-greeter|i-[0-9a-f]+)", "…", event.step)
        begun[step] += word == "begin"
        moment = f"{word} {step}" + " again" * (begun[step] - 1)
        if moment not in seen:
            seen.add(moment)
            sys.stdout.write(moment + "\n")
            sys.stdout.flush()
            sys.stdin.readline()

    scene.tell = tell
    try:
        scene.release(version, sick=health == "sick", run=run)
    except ProvisimusError as error:
        sys.stderr.write(error.message)


def word_of(event: Event) -> str | None:
    match event:
        case Started():
            return "begin"
        case Finished() | Failed():
            return "end"
        case Said(text=text) if re.match(r"(create|(perhaps )?replace|change|delete) ", text):
            return "reviewed"
        case Said(text=text) if re.match(r"[A-Z_]{9,} ", text):
            return "under way"
        case _:
            return None


if __name__ == "__main__":
    main(*sys.argv[1:])
