"""What one would take instead of us, each by its own command line, where it is installed.

A builder gets the JAR as it is (`fat`), or its libraries and its classes apart (`apart`) the way
its users lay them out; it builds an image on the base and pushes it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scene import Cost, put, spent

JIB = "com.google.cloud.tools:jib-maven-plugin:3.4.4:build"
POM = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.acme</groupId><artifactId>greeter</artifactId><version>1.0.0</version>
</project>
"""
FAT = "COPY greeter-1.0.0.jar /app/greeter.jar\n"
APART = "COPY lib /app/lib\nCOPY classes /app/classes\n"


@dataclass(frozen=True)
class Place:
    """Where a builder finds what it takes. `port` is the registry's."""

    folder: Path
    port: int

    @property
    def base(self) -> str:
        return f"127.0.0.1:{self.port}/base:1"

    def prepare(self) -> None:
        for name, copies in (("fat", FAT), ("apart", APART)):
            start = f'FROM {self.base}\n{copies}ENTRYPOINT ["java"]\n'
            put(self.folder / name / "Dockerfile", start)
        put(self.folder / "jib/pom.xml", POM)

    def take(self, jar: Path, libraries: dict[str, bytes], classes: dict[str, bytes]) -> None:
        """Another JAR. Libraries that are there stay as they are, times and all."""
        for target in ("fat", "jib/target"):
            (self.folder / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(jar, self.folder / target / "greeter-1.0.0.jar")
        for name, data in libraries.items():
            for target in ("apart/lib", "jib/libraries/app/lib"):
                if not (self.folder / target / name).exists():
                    put(self.folder / target / name, data)
        for name, data in classes.items():
            for target in ("apart/classes", "jib/target/classes"):
                put(self.folder / target / name, data)


class Builder(Protocol):
    """`what` is "fat" or "apart"; `cold` runs as on an agent that never built anything."""

    def __call__(self, what: str, *, cold: bool = False) -> Cost: ...


class Docker:
    """`docker build` and `docker push`; `private` where the engine is ours to empty."""

    def __init__(self, place: Place, host: str, buildkit: str, *, private: bool) -> None:
        self._place = place
        self._client = [client_with_buildkit() if buildkit == "1" else "docker", "--host", host]
        self._environment = {**os.environ, "DOCKER_BUILDKIT": buildkit}
        self._name = f"docker-{buildkit}"
        self._private = private
        self._cold = 0

    def __call__(self, what: str, *, cold: bool = False) -> Cost:
        target = f"127.0.0.1:{self._place.port}/{self._name}-{what}:1"
        if cold:
            if not self._private:
                raise NotImplementedError("an engine that is not ours is not emptied")
            self._cold += 1
            target = f"127.0.0.1:{self._place.port}/{self._name}-cold-{self._cold}:1"
            spent([*self._client, "system", "prune", "-a", "-f"], self._environment)
            spent([*self._client, "builder", "prune", "-a", "-f"], self._environment)
        context = str(self._place.folder / what)
        built = spent([*self._client, "build", "-q", "-t", target, context], self._environment)
        return built + spent([*self._client, "push", "-q", target], self._environment)


class Buildah:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._cold = 0

    def __call__(self, what: str, *, cold: bool = False) -> Cost:
        root, target = "buildah", f"127.0.0.1:{self._place.port}/buildah-{what}:1"
        if cold:
            self._cold += 1
            root = f"buildah-cold-{self._cold}"
            target = f"127.0.0.1:{self._place.port}/{root}:1"
        place = self._place.folder / root
        storage = ["buildah", "--root", f"{place}/root", "--runroot", f"{place}/run"]
        plain, environment = "--tls-verify=false", dict(os.environ)
        context = str(self._place.folder / what)
        built = spent(
            [*storage, "build", "-q", "--layers", plain, "-t", target, context], environment
        )
        pushed = spent([*storage, "push", "-q", plain, target], environment)
        if cold:
            spent([*storage, "rmi", "-a", "-f"], environment)
        return built + pushed


class Jib:
    """Its own way with a fat JAR is the packaged file as it is, else classes in a folder."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._cold = 0

    def __call__(self, what: str, *, cold: bool = False) -> Cost:
        target = f"127.0.0.1:{self._place.port}/jib-{what}:1"
        options = {
            "jib.from.image": self._place.base,
            "jib.container.mainClass": "com.acme.Greeter",
            "jib.allowInsecureRegistries": "true",
            "jib.containerizingMode": "packaged" if what == "fat" else "exploded",
        }
        if what == "apart":
            options["jib.extraDirectories.paths"] = str(self._place.folder / "jib/libraries")
        if cold:
            self._cold += 1
            target = f"127.0.0.1:{self._place.port}/jib-cold-{self._cold}:1"
            for each in ("baseImageCache", "applicationCache"):
                options[f"jib.{each}"] = str(self._place.folder / f"jib-cold-{self._cold}" / each)
        given = [f"-D{name}={value}" for name, value in {**options, "jib.to.image": target}.items()]
        pom = str(self._place.folder / "jib")
        return spent(["mvn", "-q", "-B", "-f", pom, JIB, *given], dict(os.environ))


def others(place: Place, host: str | None, *, private: bool) -> dict[str, Builder]:
    """Those that are here, by the name that the table gives them."""
    found: dict[str, Builder] = {}
    if shutil.which("buildah"):
        found["buildah"] = Buildah(place)
    if shutil.which("mvn"):
        found["Jib"] = Jib(place)
    if host is not None:
        found["docker, classic"] = Docker(place, host, "0", private=private)
        found["docker, BuildKit"] = Docker(place, host, "1", private=private)
    return found


def client_with_buildkit() -> str:
    """From 23 on the client needs its plugin buildx; Debian 12 has 20.10, which needs none."""
    for client in ("docker", "/usr/bin/docker"):
        if shutil.which(client):
            asking = [client, "buildx", "version"]
            plugin = subprocess.run(asking, capture_output=True, check=False).returncode == 0
            said = subprocess.run([client, "--version"], capture_output=True, check=False).stdout
            if plugin or b" version 20." in said:
                return client
    return "docker"
