"""The images' registry client as machines know it: what is there, and how one logs in."""

from __future__ import annotations

import json
import threading

from provisimus.images.registry.client import DOCKER_LIST, OCI_INDEX, Manifest, Registry
from provisimus.images.registry.credentials import HUB_KEY, Credentials, find_credentials
from provisimus.images.registry.names import DOCKER_HUB, Reference, parse_reference
from provisimus.machines.access import ImageFacts, Login
from provisimus.machines.preflight import PLATFORMS
from provisimus.model import Digest

SIZED = frozenset(PLATFORMS.values())
"""Platforms of EC2. Of others in an index, no manifest is asked for: registries count that as pulls
and allow so many."""
UNKNOWN_PLATFORM = "unknown/unknown"
"""What attestations inside of an index are for."""


class RegistryAccess:
    """Any number of registries, a client for each. Used from several threads."""

    def __init__(self) -> None:
        self._clients: dict[str, Registry] = {}
        self._found: dict[str, Credentials | None] = {}
        """Asked once: a credential helper is a program, which may ask its user."""
        self._one_at_a_time = threading.Lock()

    def look(self, reference: str) -> ImageFacts | None:
        """Raises Unreachable, Refused, ProvisimusError for a registry that wants credentials."""
        asked = parse_reference(reference)
        client = self._client(asked.host)
        found = client.manifest(asked.repository, asked.selector)
        if found is None:
            return None
        if found.media_type not in (OCI_INDEX, DOCKER_LIST):
            platform = _platform(client, asked, found)
            return ImageFacts({platform: _stored(found)} if platform else {})
        stored: dict[str, int] = {}
        for each in found.data["manifests"]:
            platform = _named(each.get("platform", {}))
            if platform in SIZED:
                one = client.manifest(asked.repository, str(each["digest"]))
                # An index may name what was never put there.
                stored |= {platform: _stored(one)} if one else {}
            elif platform != UNKNOWN_PLATFORM:
                stored[platform] = 0
        return ImageFacts(stored)

    def login(self, reference: str) -> Login | None:
        """What Docker would use for the registry of an image, or AWS's token for ECR."""
        host = parse_reference(reference).host
        if host not in self._found:
            self._found[host] = find_credentials(host)
        found = self._found[host]
        if found is None:
            return None
        key = HUB_KEY if host == DOCKER_HUB else host
        return Login(key, found.user, found.secret, found.refresh)

    def _client(self, host: str) -> Registry:
        with self._one_at_a_time:
            return self._clients.setdefault(host, Registry(host))


def _platform(client: Registry, asked: Reference, manifest: Manifest) -> str | None:
    digest = Digest.parse(manifest.data["config"]["digest"])
    config = json.loads(client.blob(asked.repository, digest))
    platform = _named(config)
    return None if platform == UNKNOWN_PLATFORM else platform


def _named(data: dict[str, str]) -> str:
    return f"{data.get('os', 'unknown')}/{data.get('architecture', 'unknown')}"


def _stored(manifest: Manifest) -> int:
    return sum(int(layer["size"]) for layer in manifest.data.get("layers", ()))
