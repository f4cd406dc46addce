"""Metadata options change one at a time, as the API reference has it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from types import SimpleNamespace

from moto.ec2.models.instances import Instance, InstanceBackend, MetadataOptions

from provisimus.localcloud.hooks import options

options.install(SimpleNamespace(changes=threading.RLock()))
backend = InstanceBackend()
instance = Instance.__new__(Instance)
instance.metadata_options = MetadataOptions(
    {"HttpTokens": "required", "HttpPutResponseHopLimit": "2", "InstanceMetadataTags": "enabled"}
)
backend.get_instance = lambda identifier: instance
backend.modify_instance_metadata_options("i-1", http_endpoint="disabled")
print(*(value for _, value in sorted(vars(instance.metadata_options).items())))
backend.modify_instance_metadata_options("i-1", http_tokens="optional", hop_limit=5)
print(*(value for _, value in sorted(vars(instance.metadata_options).items())))
"""


def test_what_a_change_does_not_name_stays():
    # In a process of its own: hooks change moto for good.
    done = subprocess.run((sys.executable, "-c", PROGRAM), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    # http_endpoint, http_protocol_ipv6, hop limit, http_tokens, instance_metadata_tags, state
    assert done.stdout.splitlines() == [
        "disabled disabled 2 required enabled applied",
        "disabled disabled 5 optional enabled applied",
    ]
