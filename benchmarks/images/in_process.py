"""One build, or the push of a layer that is made already, timed inside the process; libraries are
loaded before. `jar_changed.py` runs it: in_process.py build|push WORKSPACE IMAGE → JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from provisimus.artifacts import open_repositories
from provisimus.environment import open_environment
from provisimus.events import silence
from provisimus.images import build_images, plan_images
from provisimus.images.definition import read_definition
from provisimus.images.documents import StoredLayer, configuration, manifest
from provisimus.images.find import read_base
from provisimus.images.layers import CompressedLayer, LayerEntry, tar_pieces
from provisimus.images.registry import open_registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.images.registry.content import Known
from provisimus.model import Digest
from provisimus.workspace import open_workspace


def build(folder: str, name: str) -> Callable[[], object]:
    workspace = open_workspace(folder)
    environment = open_environment(workspace, "local")

    def work() -> object:
        plan = plan_images(workspace, environment, [(name, "1.0.0")])
        return build_images(plan, environment, silence, "bench")

    return work


def push(folder: str, name: str) -> Callable[[], object]:
    """Layer, configuration and manifest, as one who made them yesterday would send them."""
    workspace = open_workspace(folder)
    url = open_environment(workspace, "local").registry
    client = open_registry(url)
    found = client.manifest(client.repository("base"), "1")
    assert found is not None
    base = read_base(client, client.repository("base"), found)
    definition = read_definition(workspace, name, "1.0.0", open_repositories(workspace))
    jar = definition.context[0]
    entry = LayerEntry("app/greeter.jar", "file", 0o644, 0, 0, jar.size, "", "", jar.pieces)
    layer = CompressedLayer(tar_pieces([entry]))
    data = b"".join(layer)
    known = Known(Digest.of(data), len(data), lambda offset: _pieces(data, offset))
    stored = StoredLayer(layer.diff_id, known.digest, known.size)
    config = configuration(base, {}, [stored], [("COPY", True)], {}, 0)
    body = manifest(config, [*base.layers, stored], {})

    def work() -> object:
        target = open_registry(url)
        repository = target.repository(name)
        target.copy_blob(repository, known)
        target.put_blob(repository, config)
        return target.put_manifest(repository, "pushed", OCI_MANIFEST, body)

    return work


def _pieces(data: bytes, offset: int) -> list[bytes]:
    return [data[at : at + (1 << 20)] for at in range(offset, len(data), 1 << 20)]


def main() -> None:
    verb, folder, name = sys.argv[1:]
    work = {"build": build, "push": push}[verb](folder, name)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    done = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(done))


if __name__ == "__main__":
    main()
