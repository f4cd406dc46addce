"""A changed JAR → in the registry: ours beside what one would take instead, in one run.

    python benchmarks/images/jar_changed.py [--rounds 5] [--megabytes 60] [--docker-host unix://…]
                                            [--only changed,same,class,cold,pushing]

`docker build` and `docker push` with the classic builder and with BuildKit, buildah, and Jib's
plugin for Maven, each where it is there. Whole processes, interleaved, medians. A docker-registry
is started on a free loopback port, and a private Docker Engine (as root) where none is named.
Prints a table; asserts nothing.

    changed  another class in a fat JAR, which stays one file in the image
    same     the same command once more: nothing changed
    class    another class, libraries in layers of their own: `layers: auto`; the others are given
             them in folders beside each other, unpacked before the clock starts
    cold     a changed fat JAR on an agent that never built anything: no state, no caches; the
             registry has the base, and nothing under the image's name
    pushing  ours in process, libraries loaded, beside pushing a layer that is made already
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from builders import Builder, Place, others
from scene import Cost, Provisimus, engine, put, registry, scratch

SCENES = ("changed", "same", "class", "cold", "pushing")
TITLES = {
    "changed": "JAR changed",
    "same": "nothing changed",
    "class": "class changed, libraries apart",
    "cold": "JAR changed, cold agent",
    "pushing": "JAR changed, in process",
}
OURS = "provisimus"

Found = dict[tuple[str, str], list[Cost]]
"""By scene and builder."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--docker-host")
    parser.add_argument("--only", default=",".join(SCENES))
    asked = parser.parse_args()
    given = asked.docker_host or os.environ.get("DOCKER_HOST")
    with scratch() as folder, registry(folder) as port, engine(folder, given) as host:
        place = Place(folder / "others", port)
        place.prepare()
        builders = others(place, host, private=given is None)
        builders[OURS] = Ours(folder, port)
        found = measure(builders, place, Jar(asked.megabytes), asked.rounds, asked.only.split(","))
    report(found, asked.megabytes, asked.rounds)


def measure(
    builders: dict[str, Builder], place: Place, jar: Jar, rounds: int, scenes: list[str]
) -> Found:
    ours = builders[OURS]
    assert isinstance(ours, Ours)
    found: Found = {}

    def run(scene: str, name: str, work: Callable[[], Cost], number: int) -> None:
        try:
            cost = work()
        except NotImplementedError:
            return
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace")[-300:]
            print(f"{name}, {TITLES[scene]}, does not work here: {said}", file=sys.stderr)
            return
        # The first round warms caches up; it tells nothing but of a cold agent.
        if number or scene == "cold":
            found.setdefault((scene, name), []).append(cost)

    def changed() -> None:
        path = jar.change(place.folder / "greeter-1.0.0.jar")
        place.take(path, jar.libraries, jar.classes)
        ours.take(path)

    for number in range(rounds + 1):
        for name in random.sample(sorted(builders), len(builders)):
            builder = builders[name]
            if "changed" in scenes or "same" in scenes:
                changed()
                run("changed", name, lambda: builder("fat"), number)  # noqa: B023
            if "same" in scenes:
                run("same", name, lambda: builder("fat"), number)  # noqa: B023
            if "class" in scenes:
                changed()
                run("class", name, lambda: builder("apart"), number)  # noqa: B023
            if "cold" in scenes and number:
                changed()
                run("cold", name, lambda: builder("fat", cold=True), number)  # noqa: B023
        if "pushing" in scenes:
            changed()
            run("pushing", "provisimus, in process", lambda: ours.in_process("build"), number)
            changed()
            run("pushing", "ready-made bytes", lambda: ours.in_process("push"), number)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return found


class Jar:
    """A Spring Boot JAR: libraries of random bytes, as they are compressed already; one class
    changes."""

    def __init__(self, megabytes: int) -> None:
        self.libraries = {f"{index}.jar": os.urandom(1 << 20) for index in range(megabytes)}
        self.classes: dict[str, bytes] = {}

    def change(self, target: Path) -> Path:
        self.classes = {"com/acme/Greeter.class": os.urandom(10_000)}
        manifest = "Manifest-Version: 1.0\nStart-Class: com.acme.Greeter\n"
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("META-INF/MANIFEST.MF", manifest)
            for name, data in self.libraries.items():
                archive.writestr(f"BOOT-INF/lib/{name}", data)
            for name, data in self.classes.items():
                archive.writestr(f"BOOT-INF/classes/{name}", data)
        put(target, made.getbuffer())
        return target


class Ours:
    """A workspace each for `fat` and `apart`, and another for each cold agent."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._cold = 0
        self._run = Provisimus(folder, port)
        self._filler = os.urandom(20 << 20)
        self._jar = Path()
        for name, layers in (("fat", "fat"), ("apart", "auto")):
            self._make(name, f"greeter-{name}", layers)
        self._run(folder / "fat", "image", "build", "base", "-q")

    def take(self, jar: Path) -> None:
        self._jar = jar
        for name in ("fat", "apart"):
            self._publish(name)

    def __call__(self, what: str, *, cold: bool = False) -> Cost:
        name = f"greeter-{what}"
        if cold:
            self._cold += 1
            what, name = f"cold-{self._cold}", f"greeter-cold-{self._cold}"
            self._make(what, name, "fat")
            self._publish(what)
        return self._run(self._folder / what, "image", "build", f"{name}@1.0.0", "-q")

    def in_process(self, verb: str) -> Cost:
        script = Path(__file__).with_name("in_process.py")
        argv = [sys.executable, str(script), verb, str(self._folder / "fat"), "greeter-fat"]
        environment = self._run.environment
        done = subprocess.run(argv, env=environment, capture_output=True, check=True)
        return Cost(**json.loads(done.stdout))

    def _publish(self, workspace: str) -> None:
        """What `artifact publish` writes; the version's folder is emptied first."""
        home = self._folder / workspace / "artifacts/com/acme/greeter/1.0.0"
        shutil.rmtree(home, ignore_errors=True)
        content = self._jar.read_bytes()
        put(home / "greeter-1.0.0.jar", content)
        put(home / "greeter-1.0.0.jar.sha256", hashlib.sha256(content).hexdigest())
        put(home / "greeter-1.0.0.jar.commit", "a" * 40)

    def _make(self, workspace: str, name: str, layers: str) -> None:
        root = self._folder / workspace
        registry = f"registry: {{url: '127.0.0.1:{self._port}'}}\n"
        put(root / "provisimus.yaml", f"project: bench\n{registry}")
        put(root / "docker/base/manifest.yaml", "version: '1'\n")
        put(root / "docker/base/Dockerfile.j2", "FROM scratch\nCOPY filler /usr/lib/filler\n")
        put(root / "docker/base/filler", self._filler)
        manifest = f"source: {{maven: 'com.acme:greeter'}}\nlayers: {layers}\n"
        put(root / f"docker/{name}/manifest.yaml", manifest)
        put(
            root / f"docker/{name}/Dockerfile.j2",
            'FROM {{ image("base") }}\nCOPY {{ artifact.file }} /app/greeter.jar\n'
            'ENTRYPOINT ["java", "-jar", "/app/greeter.jar"]\n',
        )


def report(found: Found, megabytes: int, rounds: int) -> None:
    print(f"\n{megabytes} MB JAR into the registry, {rounds} rounds; seconds, cpu without servers")
    for scene in dict.fromkeys(scene for scene, _ in found):
        rows = {name: costs for (of, name), costs in found.items() if of == scene}
        first = min(rows, key=lambda name: (not name.startswith(OURS), name))
        ours = statistics.median(each.wall for each in rows[first])
        print(f"\n{TITLES[scene]:<32}{'median':>8}{'lowest':>8}{'cpu':>8}{'ratio':>8}")
        for name in [first, *sorted(set(rows) - {first})]:
            wall = [each.wall for each in rows[name]]
            cpu = statistics.median(each.cpu for each in rows[name])
            median = statistics.median(wall)
            print(f"{name:<32}{median:>8.2f}{min(wall):>8.2f}{cpu:>8.2f}{median / ours:>7.1f}x")


if __name__ == "__main__":
    main()
