"""Runs a script of a machine or of a bake on a desk: its paths moved, other programs acted."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from provisimus.machines.recipe import SCRIPTS


@dataclass(frozen=True)
class Desk:
    """`bin/` comes first on the PATH; `stage/` and `root/` are what the scripts are told of."""

    folder: Path

    def program(self, name: str, text: str) -> None:
        """Another program, as the rest of a shell script."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def write(self, path: str, text: str = "") -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def run(self, script: str, **moved: str) -> tuple[int, list[str]]:
        """Its exit code and what it says. `moved` are paths of the script by a word of their own:
        `bootstrap="/bootstrap"` moves that one to `bootstrap` on this desk.
        """
        text = (SCRIPTS / script).read_text()
        for here, there in moved.items():
            assert there in text
            text = text.replace(there, str(self.folder / here))
        place = self.folder / "script"
        place.write_text(text)
        done = subprocess.run(
            ["sh", str(place)],
            env={
                **os.environ,
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "PROVISIMUS_STAGE": str(self.folder / "stage"),
                "PROVISIMUS_ROOT": str(self.folder / "root"),
                "DESK": str(self.folder),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()
