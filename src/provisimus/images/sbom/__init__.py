"""What is inside an image: JARs, with those inside them, and Debian packages, as a CycloneDX SBOM.

It is read from the image's layers, so it tells what is there, not what was meant to be, and is
attached to the image as an OCI referrer.
"""

from provisimus.images.sbom.attach import (
    SBOM,
    Attached,
    attach_sbom,
    attach_to,
    attached_sbom,
    make_sbom,
)

__all__ = ["SBOM", "Attached", "attach_sbom", "attach_to", "attached_sbom", "make_sbom"]
