"""The order of versions, compared with Maven's own class on this machine."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from provisimus.artifacts.maven.versions import MavenVersion

PROGRAM = """
import java.io.*;
import org.apache.maven.artifact.versioning.ComparableVersion;
public class Order {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] pair = line.split(" ");
            int found = new ComparableVersion(pair[0]).compareTo(new ComparableVersion(pair[1]));
            System.out.println(Integer.signum(found));
        }
    }
}
"""
QUALIFIERS = [
    "alpha",
    "b1",
    "beta-2",
    "M3",
    "milestone",
    "RC1",
    "cr-2",
    "SNAPSHOT",
    "ga",
    "sp",
    "jre",
]


def some_version(chance: random.Random) -> str:
    """As people write them; where Maven contradicts its own specification, nobody is."""
    numbers = [str(chance.choice([0, 1, 2, 10, 20260131])) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.4:
        return ".".join(numbers)
    tail = chance.choice([*QUALIFIERS, "1", "12", "rc1-SNAPSHOT"])
    return ".".join(numbers) + "-" + tail


def test_the_order_is_that_of_maven(tmp_path: Path) -> None:
    maven, java = shutil.which("mvn"), shutil.which("java")
    if maven is None or java is None:
        pytest.skip("mvn and java are not installed")
    library = Path(maven).resolve().parents[1] / "lib"
    if not list(library.glob("maven-artifact-*.jar")):
        pytest.skip("Maven's library is not where its program is")
    chance = random.Random(7)
    some = [some_version(chance) for _ in range(120)]
    pairs = list(itertools.product(some, some))
    (tmp_path / "Order.java").write_text(PROGRAM)
    done = subprocess.run(
        [java, "-cp", f"{library}/*", str(tmp_path / "Order.java")],
        input="".join(f"{one} {other}\n" for one, other in pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    different = []
    for (one, other), theirs in zip(pairs, map(int, done.stdout.split()), strict=True):
        first, second = MavenVersion(one), MavenVersion(other)
        if (first > second) - (first < second) != theirs:
            different.append((one, other, theirs))
    assert different == []
