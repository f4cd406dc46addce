"""What a bake that failed means, from what was heard of it: the error for people. Pure."""

from __future__ import annotations

from pathlib import Path

from provisimus.errors import ToolFailed
from provisimus.machines.packer import TAIL, Narrator

GONE = "the temporary machine is gone; with --debug it is kept"


def failure(
    narrator: Narrator, error: ToolFailed, folder: Path, left: str = GONE, disk: int = 0
) -> ToolFailed:
    """The error of a failed bake: the script that failed and its last lines, or Packer's words.

    `left` says what became of the machine; `disk` is its size in GiB.
    """
    definition = str(folder / "machine.yaml")
    if narrator.found:
        return ToolFailed(
            "the machine image would hold what must never be in one",
            tail=tuple(narrator.found[:TAIL]),
            where=definition,
            hint="remove it in the last script of setup/, or, if it is meant to be there, "
            f"hygiene: {{allow: [/the/path]}}; {left}",
        )
    script, status, tail = narrator.failed or ("", "", ())
    if narrator.full:
        return ToolFailed(
            f"the disk of {disk} GiB is full: {script or 'the bake'} failed",
            tail=tail,
            where=f"{definition}: disk",
            hint=f"write disk: {2 * disk} GiB, or put less on it; {left}",
        )
    if narrator.unpulled:
        return _unpulled(narrator, tail, definition, left)
    if narrator.hung:
        name, seconds, last = narrator.hung
        return ToolFailed(
            f"{name} did not end within {seconds} s and was ended",
            tail=last,
            where=str(folder / name),
            hint=f"does it wait for somebody? Or write setup_timeout: … in {definition}; {left}",
        )
    if narrator.failed:
        own = script.startswith("setup/")
        return ToolFailed(
            f"{script if own else 'the step ' + script} failed while baking: exit status {status}",
            status=int(status) if status.isdigit() else None,
            tail=tail,
            where=str(folder / script) if own else None,
            hint=f"repair it and run the same command again; {left}",
        )
    words = [text for text in narrator.errors if not text.startswith("Build '")]
    if not words:
        return error
    hint = None if left == GONE else left
    if any("Timeout waiting for SSH" in text for text in words):
        hint = "can it be reached (subnet, route, security group), and is the base's user right?"
    return ToolFailed(
        f"Packer failed: {words[0]}",
        status=error.status,
        tail=tuple(words[-TAIL:]),
        hint=hint,
    )


def _unpulled(narrator: Narrator, tail: tuple[str, ...], definition: str, left: str) -> ToolFailed:
    said = " ".join(tail).lower()
    how, hint = "could not be pulled", "can the machine reach its registry?"
    if "manifest unknown" in said or "not found" in said:
        how, hint = "is no longer in its registry", "build or mirror it again; was it pruned?"
    elif "unauthorized" in said or "denied" in said or "no basic auth" in said:
        how, hint = "was refused by its registry", "may these credentials pull it? docker login"
    what = " and ".join(dict.fromkeys(narrator.unpulled))
    return ToolFailed(
        f"the image {what} {how} while baking",
        tail=tail,
        where=definition,
        hint=f"{hint}; {left}",
    )
