"""What a machine is made of, as it said itself while it was baked: brought out and kept.

The step 85-sbom writes a CycloneDX document to the disk and says it in Packer's output, in lines of
base64: that works with any template. Joined with the images' own SBOMs and put where other
machines can read it by ``release/machine_sbom.py``.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

from provisimus.events import Tell, Warned
from provisimus.files import replacing
from provisimus.machines import tags
from provisimus.model import Digest, MachineImage

ON_DISK = "/usr/share/provisimus/sbom/machine.cdx.json"
LARGEST = 64 << 20
"""Bytes that are unpacked of what a machine says; 5,000 packages take one million."""


def key_of(fingerprint: Digest, run: str) -> str:
    """Names one bake: a fingerprint that is baked again can hold newer packages."""
    return f"{fingerprint.short}-{run}"


def key_of_image(image: MachineImage) -> str | None:
    """The same by what an AMI's tags say; None for one that does not say it."""
    run = image.tags.get(tags.RUN)
    return key_of(image.fingerprint, run) if image.fingerprint and run else None


def kept_at(state: Path, key: str) -> Path:
    """Where what the machine said is kept until it is joined."""
    return state / "sbom" / f"{key}.machine.json"


def keep(state: Path, fingerprint: Digest, run: str, said: Sequence[str], tell: Tell) -> None:
    """Keep what a machine said of itself. One that said nothing sound is warned of, no more."""
    document = heard(said)
    if document is None:
        tell(Warned(f"the machine did not say what it is made of; {ON_DISK} on its disk may"))
        return
    place = kept_at(state, key_of(fingerprint, run))
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as temporary:
        temporary.write_bytes(document)


def heard(said: Sequence[str]) -> bytes | None:
    """The document from its lines; None when they are cut off or no JSON. Pure."""
    try:
        packed = base64.b64decode("".join(said), validate=True)
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        document = unpacker.decompress(packed, LARGEST)
        if not unpacker.eof:
            return None
        json.loads(document)
    except (binascii.Error, zlib.error, ValueError):
        return None
    return document
