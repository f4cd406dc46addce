"""What a guest is told about itself."""

from __future__ import annotations

import base64

import pytest
import yaml
from moto.core.types import Base64EncodedString

from provisimus.localcloud.hooks.describe import user_data
from provisimus.localcloud.seed import Seed, meta_data


def test_meta_data_is_yaml_with_the_instance_on_a_line_of_its_own():
    text = meta_data(Seed("i-1", "ip-10-0-0-5", ("ssh-ed25519 AAAA me",), b""))
    assert text.splitlines()[0] == "instance-id: i-1"
    assert yaml.safe_load(text) == {
        "instance-id": "i-1",
        "local-hostname": "ip-10-0-0-5",
        "public-keys": ["ssh-ed25519 AAAA me"],
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, b""),
        (Base64EncodedString.from_raw_string("#!/bin/sh\n"), b"#!/bin/sh\n"),
        (base64.b64encode(b"\x00\x01").decode(), b"\x00\x01"),
        ("#!/bin/sh\n", b"#!/bin/sh\n"),
    ],
)
def test_user_data_arrives_as_it_was_meant(given, meant):
    assert user_data(given) == meant
