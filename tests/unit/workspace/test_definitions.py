"""Definitions as values: frozen, compared, copied, written as data that fingerprints rest on."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from provisimus.images.definition import _made_from
from provisimus.machines.plan import base_identity
from provisimus.machines.publish import not_in_the_local_cloud, settings_of
from provisimus.model import fingerprint
from provisimus.workspace.definitions.common import as_data, said
from provisimus.workspace.definitions.image import Source
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.project import AwsBase, Base, LocalBase
from provisimus.workspace.definitions.publish import Publish
from provisimus.workspace.definitions.stack import Ingress, Snapshots
from provisimus.workspace.problems import parse

MACHINE: dict[str, Any] = {
    "base": "debian-12",
    "main": "rich",
    "side_carts": ["other", {"image": f"h/v:1@sha256:{'0' * 64}"}],
    "docker": {"engine": "20.10"},
    "updates": {"install": "security", "as_of": "2024-02-03", "unattended": True},
    "time": {"zone": "Europe/Amsterdam", "servers": ["a.b", "c.d"]},
    "journal": {"size": "1 GiB", "keep": "7d"},
    "containers": {
        "rich": {
            "environment": {"A": "b"},
            "ports": {8080: 80, 443: 1443, 80: 8081},
            "cpus": 2,
            "health": {"run": ["a", "b"], "every": "5s"},
            "mounts": [{"from": "/a", "to": "/b", "read_only": True}],
        },
        "other": {"after": ["rich"], "cpus": 0.5, "stop_within": "20s"},
    },
    "users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA"], "expires": "2030-01-02"}],
    "health": {"container": "rich", "publish": {"port": 9000, "open": True}},
    "volumes": [{"mount": "/data", "quiesce": "/usr/local/bin/q"}],
    "publish": {"regions": ["us-east-1"], "deprecate_after": "180d"},
    "disk": "20 GiB",
}


def test_a_definition_is_a_frozen_value() -> None:
    one = Snapshots(every=3600, keep=2)
    with pytest.raises(FrozenInstanceError):
        one.keep = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del one.keep
    assert one == Snapshots(keep=2, every=3600)
    assert hash(one) == hash(Snapshots(keep=2, every=3600))
    assert one != Snapshots(every=3600, keep=3)
    assert Publish() != Snapshots(every=3600, keep=2)
    assert repr(one) == "Snapshots(every=3600, keep=2, by='machine')"


def test_a_definition_says_what_it_lacks_and_what_it_has_not() -> None:
    with pytest.raises(TypeError, match="Snapshots needs keep"):
        Snapshots(every=3600)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Snapshots has no color"):
        Snapshots(every=3600, keep=1, color="red")  # type: ignore[call-arg]


def test_a_copy_is_checked_as_a_whole() -> None:
    here = Ingress(port=22, source="10.0.0.0/8")
    assert replace(here, port=80) == Ingress(port=80, source="10.0.0.0/8")
    with pytest.raises(ValueError, match="SSH open to the world"):
        replace(here, source="0.0.0.0/0")


def test_a_definition_that_was_read_equals_one_that_was_made() -> None:
    read = parse(Ingress, {"port": 80, "from": "10.0.0.0/8"})
    assert read == Ingress(port=80, source="10.0.0.0/8")
    assert hash(read) == hash(Ingress(port=80, source="10.0.0.0/8"))
    assert list(read.__dict__) == ["port", "source"]


def test_as_data_is_what_json_has() -> None:
    container = as_data(parse(Machine, MACHINE))["containers"]["rich"]
    assert container == {
        "environment": {"A": "b"},
        "mounts": [{"source": "/a", "to": "/b", "read_only": True}],
        "ports": {"8080": 80, "443": 1443, "80": 8081},
        "memory": None,
        "cpus": 2.0,
        "processes": None,
        "health": {"run": ["a", "b"], "every": 5, "within": 120, "patience": 5, "retries": 3},
        "after": [],
        "restart": "always",
        "stop_within": 10,
        "writable": None,
    }


def test_fingerprints_are_those_of_the_pydantic_models_that_were_here_before() -> None:
    assert fingerprint(as_data(parse(Machine, MACHINE))).short == "e432a3762df8"
    assert settings_of(parse(Publish, MACHINE["publish"])) == "14d05ef0ffba"


def test_of_a_base_counts_what_is_said() -> None:
    aws = AwsBase(owner="1", name="debian-*")
    local = LocalBase(debian="bookworm", packages=("docker.io",))
    assert base_identity(Base(aws=aws, local=local), local=True) == {
        "aws": {"owner": "1", "name": "debian-*"},
        "local": {"debian": "bookworm", "packages": ["docker.io"]},
        "user": "admin",
    }
    assert base_identity(Base(aws=aws, local=local), local=False) == {
        "aws": {"owner": "1", "name": "debian-*"},
        "user": "admin",
    }
    assert said(LocalBase(tiny=True)) == {"tiny": True}


def test_of_a_source_counts_what_is_said_but_what_it_follows() -> None:
    source = parse(
        Source,
        {
            "maven": "a:b:tar.gz:bin",
            "version": "2",
            "follow": "[1,2)",
            "unpack": True,
            "strip": 0,
            "include": [],
        },
    )
    assert _made_from(source) == {
        "maven": "a:b:tar.gz:bin",
        "version": "2",
        "unpack": True,
        "strip": 0,
        "include": [],
    }
    assert _made_from(parse(Source, {"debian": {"packages": ["a"]}})) == {
        "debian": {"suite": "bookworm", "packages": ["a"]}
    }


def test_what_is_published_is_named_as_it_stands_in_the_file() -> None:
    publish = parse(Publish, MACHINE["publish"])
    assert "publish/regions, publish/deprecate_after waits" in not_in_the_local_cloud(publish)
