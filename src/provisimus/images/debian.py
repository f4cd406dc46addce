"""A base made from Debian packages by mmdebstrap: its TAR becomes the image's one layer.

`base_fingerprint` and `arguments` decide, purely; `packages_tar` runs. Small on purpose: essential
packages and what is asked for, no apt, no documentation, nothing recommended. dpkg's database
stays, so that scanners and people see what is in it.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from provisimus.errors import ToolFailed
from provisimus.model import Digest, fingerprint
from provisimus.workspace.definitions.image import DebianSource

RECIPE = 1
"""Raise it when the same packages would give another file system."""

EPOCH = "1577836800"

ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)

_EXCLUDED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
)
_KEPT = ("/usr/share/doc/*/copyright",)

_REMOVED = (
    "etc/apt/sources.list*",
    "etc/apt/auth.conf*",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "var/log/*.log",
    "var/log/apt",
    "var/cache/ldconfig/aux-cache",
    "var/cache/debconf/*-old",
    "var/lib/dpkg/*-old",
)
"""Traces of the machine that built it, and caches; relative to the new root."""

SCRATCH = "provisimus-debian-"
HINT = "install it: apt-get install mmdebstrap"


def base_fingerprint(source: DebianSource, architecture: str, update: int) -> Digest:
    """Of everything that is said of the base; which versions of packages it got, the lock pins."""
    return fingerprint(
        {
            "recipe": RECIPE,
            "suite": source.suite,
            "packages": sorted(set(source.packages)),
            "architecture": architecture,
            "update": update,
        }
    )


def included(packages: Iterable[str]) -> list[str]:
    """The packages, with what their own maintainer scripts need but do not depend on."""
    wanted = list(dict.fromkeys(packages))
    if any(name.startswith("openjdk-") for name in wanted):
        wanted.append("ca-certificates-java")
    return list(dict.fromkeys(wanted))


def trimmed(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """(paths that dpkg leaves out, paths removed at the end) beyond what goes for every base.

    A JVM in a container compiles nothing against older releases (ct.sym), has less than 32 GB of
    heap (the second class-data archive) and its own character sets (glibc's converters).
    """
    if not any(re.fullmatch(r"openjdk-\d+-jre(-headless)?", name) for name in packages):
        return [], []
    excluded = ["/usr/lib/jvm/*/lib/ct.sym", "/usr/lib/*/gconv/*"]
    return excluded, ["usr/lib/jvm/*/lib/server/classes_nocoops.jsa"]


def arguments(source: DebianSource, target: Path, sources: Sequence[Path] = ()) -> list[str]:
    """The command line of mmdebstrap that writes the file system as a TAR to `target`.

    `sources` are files with apt's package sources; none leaves them to mmdebstrap.
    """
    excluded, removed = trimmed(source.packages)
    return [
        # Its many lines are heard, not shown: at each of them it can be stopped.
        *("mmdebstrap", "--verbose", "--variant=essential", "--format=tar"),
        # What is half-written when the machine fails is thrown away whole.
        "--dpkgopt=force-unsafe-io",
        # Debian 12's usrmerge package would bring all of Perl.
        "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
        f"--include={','.join(included(source.packages))}",
        *(f"--dpkgopt=path-exclude={path}" for path in (*_EXCLUDED, *excluded)),
        *(f"--dpkgopt=path-include={path}" for path in _KEPT),
        # openjdk's alternatives want a place for manual pages that are not there.
        '--setup-hook=mkdir -p "$1/usr/share/man/man1"',
        *(f'--customize-hook=rm -rf "$1"/{path}' for path in (*_REMOVED, *removed)),
        *(source.suite, str(target)),
        *map(str, sources),
    ]


def sources_for(suite: str, files: dict[str, str]) -> dict[str, str]:
    """Of the machine's own package sources (name to text) those that speak of a suite.

    In deb822 form and in one-line form; a company's mirror is used that way. Empty when this
    machine has none of that suite.
    """
    names = (suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates")
    found = {}
    for name, text in sorted(files.items()):
        if name.endswith(".sources"):
            kept = [
                paragraph.strip()
                for paragraph in re.split(r"\n\s*\n", text)
                if set(_field(paragraph, "Suites").split()) & set(names)
                and "deb" in _field(paragraph, "Types").split()
                and _field(paragraph, "Enabled").lower() != "no"
            ]
            joined = "\n\n".join(kept)
        else:
            joined = "\n".join(
                line
                for line in text.splitlines()
                if (match := re.match(r"deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)", line))
                and match[1] in names
            )
        if joined:
            found[Path(name).name] = joined + "\n"
    # Sources without the suite itself (its security updates alone) would not do.
    whole = any(
        re.search(rf"(?<![\w-]){re.escape(suite)}(?![\w/-])", text) for text in found.values()
    )
    return found if whole else {}


def packages_tar(
    source: DebianSource, on_line: Callable[[str], None], stop: threading.Event
) -> Iterator[bytes]:
    """Build the file system and hand over its TAR in pieces. Half a minute to two minutes.

    Ends early, with all that it started, when `stop` is set. Raises ToolMissing, and ToolFailed
    with mmdebstrap's last lines.
    """
    with _scratch() as place:
        sources = []
        for name, text in sources_for(source.suite, _machine_sources()).items():
            (place / name).write_text(text, encoding="utf-8")
            sources.append(place / name)
        pipe = place / "layer.tar"
        os.mkfifo(pipe)
        yield from _run(arguments(source, pipe, sources), pipe, on_line, stop)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for one build. What a killed one left is removed first: its lock ended with it."""
    for lock in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*/lock"):
        with suppress(OSError), lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as folder,
        (Path(folder) / "lock").open("w") as held,
    ):
        fcntl.flock(held, fcntl.LOCK_EX)
        yield Path(folder)


def _apart(argv: list[str], place: Path) -> tuple[list[str], dict[str, str]]:
    """As root, mmdebstrap mounts in the machine's own namespace and writes below TMPDIR. In
    namespaces of its own, all that it started and mounted ends with it, even if it is killed. As
    somebody else it makes itself such namespaces, for a user who cannot look into our folder.
    """
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return argv, {}
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*apart, *argv], {"TMPDIR": str(place)}


def masked(line: str) -> str:
    """A line without the user and password of a mirror that it names."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", line)


class _Stopped(Exception):
    """Nobody wants the TAR any more."""


def _run(
    argv: list[str], pipe: Path, on_line: Callable[[str], None], stop: threading.Event
) -> Iterator[bytes]:
    from provisimus.process import find_program, stream

    failures: list[BaseException] = []

    def listen(line: str) -> None:
        if stop.is_set():
            raise _Stopped
        if re.match(r"[IWE]: (?!running --)", line):
            on_line(masked(line[3:]))

    def work() -> None:
        try:
            find_program(argv[0], hint=HINT)
            started, more = _apart(argv, pipe.parent)
            # unshare would not hear a gentler signal.
            stream(started, listen, env={"SOURCE_DATE_EPOCH": EPOCH, **more}, death_signal="KILL")
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    # Without O_NONBLOCK, opening would wait for ever on a program that fails before it writes.
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    worker = threading.Thread(target=work)
    worker.start()
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        while not stop.is_set():
            running = worker.is_alive()
            ready = waiting.poll(100)
            piece = b""
            if any(event & select.POLLIN for _, event in ready):
                piece = os.read(handle, 1 << 20)
            if piece:
                yield piece
            elif not running:
                break
            elif ready:
                worker.join(0.02)
    finally:
        stop.set()
        os.close(handle)
        worker.join()
    for error in failures:
        if isinstance(error, _Stopped):
            return
        if isinstance(error, ToolFailed):
            # Not `from error`: what it holds was not masked.
            raise ToolFailed(
                "the base could not be made from Debian packages: " + masked(_said(error)),
                status=error.status,
                tail=tuple(map(masked, error.tail)),
                hint="a name of a package, or the way to Debian's mirrors",
            ) from None
        raise error


def _said(error: ToolFailed) -> str:
    wrong = [line for line in error.tail if line.startswith("E: ")]
    return (wrong[0] if wrong else error.message).removeprefix("E: ")


def _machine_sources() -> dict[str, str]:
    folder = Path("/etc/apt")
    paths = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return {
        path.name: path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.is_file() and path.suffix in (".list", ".sources")
    }


def _field(paragraph: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*(?:\n[ \t]+.*)*)", paragraph, re.MULTILINE)
    return found[1] if found else ""
