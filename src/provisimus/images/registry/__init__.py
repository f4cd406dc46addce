"""Our client of the OCI distribution API (a Docker registry). Knows blobs, manifests and tags,
not how an image is made.
"""

from provisimus.images.registry.client import Registry, open_registry
from provisimus.images.registry.names import Reference, as_tag, parse_reference

__all__ = ["Reference", "Registry", "as_tag", "open_registry", "parse_reference"]
