"""Where a bake's time goes: from nothing, with a changed JAR, with nothing changed; and a boot's.

    python benchmarks/machines/bake.py [--rounds 9] [--keep FOLDER]

The example's own greeter with both side carts, a local cloud of its own, Packer and virtual
machines for real. The base and the container images are made beforehand and told apart. Prints
tables of what the command line says of its steps; asserts nothing. `--keep` keeps the local cloud,
and its base, in a folder for the next run. Some ten minutes on two cores without acceleration.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.rehearsal.house import REPOSITORIES, House, open_house  # noqa: E402 - not installed

DONE = re.compile(r"^✓ (.*?) \(([0-9.]+) s\)")
SAID = re.compile(r"(every container runs|healthy: \S+|every container is healthy) after (\d+) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if asked.keep:
        os.environ["PROVISIMUS_REHEARSAL_DIR"] = str(asked.keep.resolve())
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder,
        open_house(Path(folder)) as house,
    ):
        commits = {name: house.commit(name, f"The first of {name}") for name in REPOSITORIES}
        house.publish("1.0.0", commits["acme"])
        images = ("greeter@1.0.0", "node-exporter", "log-shipper")
        _, seconds = told(house, "image", "build", *images)
        print(f"container images, beforehand: {seconds:.1f} s")
        show("from nothing", *told(house, "machine", "bake", "greeter@1.0.0"))

        source = house.root / "services/greeter/src/main/java/com/acme/greeter/Greeter.java"
        source.write_text(source.read_text().replace('GREETING = "Hello"', 'GREETING = "Good day"'))
        house.publish("1.0.1", house.commit("acme", "Greet in full words"))
        show("a changed JAR", *told(house, "machine", "bake", "greeter@1.0.1"))

        spent = [told(house, "machine", "bake", "greeter@1.0.1")[1] for _ in range(asked.rounds)]
        print(
            f"\nnothing changed, {len(spent)} rounds: median {statistics.median(spent):.2f} s, "
            f"lowest {min(spent):.2f} s"
        )


def told(house: House, *arguments: str) -> tuple[list[str], float]:
    """What a command says of its steps, and the seconds that it took."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
        cwd=house.root,
        env=house.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stderr.splitlines(), time.perf_counter() - began


def show(title: str, lines: list[str], seconds: float) -> None:
    print(f"\n{title}: {seconds:.1f} s")
    for line in lines:
        if found := DONE.match(line):
            print(f"  {float(found[2]):8.1f} s  {found[1]}")
    # The boot test's own machine, by its own clock: seconds since power-on.
    for what, after in dict.fromkeys(SAID.findall("\n".join(lines))):
        print(f"  {after:>8} s  after power-on: {what}")


if __name__ == "__main__":
    main()
