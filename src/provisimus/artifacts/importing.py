"""`artifact import`: what others made, put into a binary repository of ours, with where it is from.

From a file, from a vendor's address, or by coordinates through the machine's own Maven, so that its
mirrors and credentials apply.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from provisimus.artifacts.checksums import mismatch, sums_of
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.maven import layout
from provisimus.artifacts.maven.layout import parse_coordinates
from provisimus.artifacts.publishing import Published, publish
from provisimus.artifacts.repositories import Repositories
from provisimus.errors import NotFound, ProvisimusError, ToolFailed, UsageFault
from provisimus.events import Said, Tell, silence
from provisimus.model import Coordinates, Digest

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"


def import_artifact(
    repositories: Repositories,
    target: Repository,
    source: str,
    *,
    coordinates: Coordinates | None = None,
    sha256: Digest | None = None,
    origin: str | None = None,
    tell: Tell = silence,
) -> Published:
    """Put a file into `target`. `source` is a file, http(s)://…, or group:artifact:version….

    `coordinates` are what it shall be called; `origin` stands in for what we know of its origin.
    Raises NotFound, UsageFault, ChecksumMismatch, CorruptArtifact, Unreachable, ToolMissing,
    ToolFailed, Conflict (a release that exists with other bytes).
    """
    if re.match(r"https?://", source):
        if sha256 is None:
            raise UsageFault(
                "a vendor's address needs the checksum of its file",
                hint="add --sha256 with what the vendor publishes",
            )
        fetched = repositories.fetch(source, sha256, anew=True)
        named = fetched.coordinates
        with repositories.open(fetched) as path:
            wanted = _named(coordinates, str(named))
            return publish(target, path, wanted, origin=origin or str(named))
    path = Path(source).expanduser()
    if path.is_file():
        if sha256 is not None and (actual := sums_of(path).sha256) != sha256:
            raise mismatch("SHA-256", sha256.hex, actual.hex, str(path))
        return publish(target, path, coordinates, origin=origin or f"file {path.name}")
    if "/" in source or source.count(":") < 2:
        raise NotFound(
            f"there is no file {source}",
            hint="a file, https://…, or group:artifact:version[:packaging[:classifier]]",
        )
    asked = parse_coordinates(source)
    with tempfile.TemporaryDirectory(prefix="provisimus-import-") as folder:
        path, where = copied_by_maven(asked, Path(folder), tell, promised=sha256 is not None)
        if sha256 is not None and (actual := sums_of(path).sha256) != sha256:
            raise mismatch("SHA-256", sha256.hex, actual.hex, where)
        return publish(target, path, coordinates or asked, origin=origin or where)


def copied_by_maven(
    coordinates: Coordinates, folder: Path, tell: Tell, *, promised: bool = False
) -> tuple[Path, str]:
    """The file that the machine's Maven finds, and where Maven says that it is from.

    Unless its SHA-256 is `promised`, and so compared by whoever calls, Maven must find a checksum
    beside it. Raises ToolMissing, ToolFailed with Maven's own reason.
    """
    from provisimus.process import stream

    lines: list[str] = []

    def listen(raw: str) -> None:
        line = re.sub(r"//[^/@\s]*@", "//", raw)
        lines.append(line)
        tell(Said(f"import {coordinates}", line))

    try:
        # In a folder of its own: a pom.xml of the current one would be read.
        hint = "install Maven, or import the file or its address"
        argv = copy_argv(coordinates, folder / "out", promised=promised)
        stream(argv, listen, cwd=folder, hint=hint)
    except ToolFailed as error:
        reason = reason_of_maven(lines)
        raise ToolFailed(
            f"Maven gives no {coordinates}: {reason or error.message}",
            status=error.status,
            tail=error.tail,
            hint="say which file you mean: --sha256 with what its maker publishes"
            if "no checksums available" in reason
            else "its mirrors and credentials are those of ~/.m2/settings.xml",
        ) from None
    found = list((folder / "out").glob("*"))
    if len(found) != 1:
        raise ProvisimusError(f"Maven copied {len(found)} files for {coordinates}, not one")
    return found[0], origin_of_maven(coordinates, found[0].name, lines)


def copy_argv(coordinates: Coordinates, folder: Path, *, promised: bool) -> list[str]:
    """The command line that lets Maven fetch one file and copy it into a folder.

    Not every repository has checksums beside its files: with a `promised` one, ours counts.
    """
    asked = [coordinates.group, coordinates.artifact, coordinates.version, coordinates.packaging]
    asked += [coordinates.classifier] if coordinates.classifier else []
    return [
        *("mvn", "--batch-mode", "-Dstyle.color=never"),
        "--lax-checksums" if promised else "--strict-checksums",
        f"{PLUGIN}:copy",
        f"-Dartifact={':'.join(asked)}",
        f"-DoutputDirectory={folder}",
        "-Dmdep.useBaseVersion=true",
    ]


def origin_of_maven(coordinates: Coordinates, name: str, lines: list[str]) -> str:
    """What to write down: the address that Maven says, when it had to fetch the file just now."""
    said = f"{coordinates} through Maven"
    for line in reversed(lines):
        found = re.search(r"Downloaded from (\S+): (\w+://\S+)", line)
        if found and found[2].endswith(("/" + name, "." + layout.extension(coordinates.packaging))):
            return f"{said}, {found[1]}: {found[2]}"
    return f"{said}, from its local repository"


def reason_of_maven(lines: list[str]) -> str:
    """The sentence that says why, out of the many that Maven says."""
    for line in lines:
        found = re.match(r"\[ERROR\] Failed to execute goal .*?: (.*?)( -> \[Help 1\])?$", line)
        if found:
            return found[1]
    return ""


def _named(coordinates: Coordinates | None, source: str) -> Coordinates:
    if coordinates is None:
        raise UsageFault(
            f"what shall {source} be called?",
            hint="add --coordinates group:artifact:version:packaging",
        )
    return coordinates
