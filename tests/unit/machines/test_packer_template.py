"""The Packer template, by value, and what a definition's own template needs and declares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.machines.packer_template import (
    OLDEST,
    Build,
    asks_imdsv2,
    declared_variables,
    declares_plugins,
    modern_template,
    needed_version,
    opens_ssh_itself,
    provisioning_commands,
    template,
    variables,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "machines"

AWS = Build(
    region="eu-west-1",
    base="ami-0123456789abcdef0",
    root_device="/dev/xvda",
    user="admin",
    instance_type="t3.small",
    disk=8,
    ami_name="acme-greeter-1.0.0-0123456789ab-20260101T000000-abcdef",
    description="greeter 1.0.0 of acme, made by Provisimus",
    tags={"Name": "greeter 1.0.0", "provisimus:fingerprint": "sha256:…"},
    temporary_tags={"provisimus:run": "20260101T000000-abcdef"},
    key_pair="provisimus-20260101T000000-abcdef",
    archive=Path("/scratch/stage.tar"),
    security_group="sg-1",
    subnet="subnet-1",
    environment={"PROVISIMUS_VERSION": "1.0.0", "PROVISIMUS_MACHINE": "greeter"},
)
LOCAL = replace(AWS, subnet=None, tunnel=5000, endpoint="http://127.0.0.1:4800")


SIGNED = replace(AWS, signs_in=True)
KEYED = replace(AWS, key_file=Path("/scratch/key.pem"))
BUILDS = [("aws", AWS), ("local", LOCAL), ("credentials", SIGNED)]


@pytest.mark.parametrize(("name", "build"), BUILDS)
def test_the_whole_template(name: str, build: Build) -> None:
    assert template(build) == json.loads((GOLDEN / f"template-{name}.json").read_text())


def test_only_the_local_cloud_has_an_endpoint_and_skips() -> None:
    local, aws = (template(build)["builders"][0] for build in (LOCAL, AWS))
    assert {key for key in local if key not in aws} == {
        "custom_endpoint_ec2",
        "skip_credential_validation",
        "skip_metadata_api_check",
        "skip_region_validation",
        "ssh_remote_tunnels",
    }


def test_the_registry_has_one_name_here_and_there() -> None:
    builder = template(replace(LOCAL, tunnel=5055))["builders"][0]
    assert builder["ssh_remote_tunnels"] == ["5055:127.0.0.1:5055"]


def test_commands_without_settings() -> None:
    assert provisioning_commands({})[-1] == (
        "{ printenv PROVISIMUS_REGISTRY || true; } | sudo /var/lib/provisimus-stage/run"
    )


def test_every_value_of_the_template_is_offered_to_a_template_of_ones_own() -> None:
    given = variables(LOCAL)
    assert given["base_ami"] == "ami-0123456789abcdef0"
    assert json.loads(given["run_tags"]) == dict(LOCAL.temporary_tags)
    assert all(isinstance(value, str) for value in given.values())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("template.pkr.json", '{"variable": {"base_ami": {}, "region": {}}}'),
        ("template.pkr.json", '{"variables": {"base_ami": "", "region": ""}}'),
        ("template.pkr.hcl", 'variable "base_ami" {\n type = string\n}\n  variable "region" {}\n'),
    ],
)
def test_declared_variables(name: str, text: str) -> None:
    assert declared_variables(name, text) == {"base_ami", "region"}


def test_what_a_template_of_ones_own_needs() -> None:
    assert needed_version("packer { required_plugins { } }") == ((1, 7, 0), "required_plugins")
    assert needed_version("deprecate_at = 1\nboot_mode = 2") == ((1, 8, 0), "deprecate_at")
    assert needed_version("source amazon-ebs x {}") == (OLDEST, "amazon-ebs")


@pytest.mark.parametrize(
    ("text", "itself"),
    [
        ("source amazon-ebs x { security_group_id = var.security_group_id }", False),
        ('{"builders": [{"type": "amazon-ebs", "security_group_ids": ["sg-1"]}]}', False),
        ("temporary_security_group_source_cidrs = [var.office]", False),
        ('ssh_interface = "session_manager"', False),
        ("source amazon-ebs x { }", True),
        ('{"builders": [{"type": "amazon-ebs"}]}', True),
    ],
)
def test_who_opens_ssh_for_a_template_of_ones_own(text: str, itself: bool) -> None:
    assert opens_ssh_itself(text) == itself


@pytest.mark.parametrize(("name", "build"), BUILDS)
def test_the_whole_template_for_newer_packers(name: str, build: Build) -> None:
    golden = json.loads((GOLDEN / f"template-modern-{name}.json").read_text())
    assert modern_template(build) == golden


def test_newer_packers_get_the_same_machine_and_imdsv2() -> None:
    old, new = template(AWS)["builders"][0], modern_template(AWS)["machine.pkr.json"]
    source = new["source"]["amazon-ebs"]["machine"]
    more = {key: value for key, value in source.items() if key not in old}
    assert {key: value for key, value in source.items() if key in old} == {
        key: value for key, value in old.items() if key != "type"
    }
    assert more == {
        "metadata_options": {
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
        },
        "imds_support": "v2.0",
    }


def test_credentials_are_sensitive_variables_and_not_in_the_template() -> None:
    old, new = template(SIGNED), modern_template(SIGNED)["machine.pkr.json"]
    assert old["variables"] == {"registry_config": "{{env `PROVISIMUS_REGISTRY_CONFIG`}}"}
    assert old["sensitive-variables"] == ["registry_config"]
    assert new["variable"] == {"registry_config": {"type": "string", "sensitive": True}}
    assert "registry_config" not in json.dumps([template(AWS), modern_template(AWS)])
    assert "registry_config" not in variables(SIGNED)


def test_a_key_of_ours_takes_the_place_of_packers() -> None:
    old, new = (template(build)["builders"][0] for build in (AWS, KEYED))
    assert {key: old[key] for key in old if key not in new} == {
        "temporary_key_pair_name": "provisimus-20260101T000000-abcdef"
    }
    assert {key: new[key] for key in new if key not in old} == {
        "ssh_keypair_name": "provisimus-20260101T000000-abcdef",
        "ssh_private_key_file": "/scratch/key.pem",
    }
    assert variables(KEYED)["ssh_private_key_file"] == "/scratch/key.pem"
    assert variables(AWS)["ssh_private_key_file"] == ""


def test_nothing_of_the_template_is_taken_for_an_expression_of_hcl() -> None:
    text = json.dumps(modern_template(LOCAL))
    assert "${" not in text
    assert "%{" not in text


def test_who_asks_for_imdsv2() -> None:
    assert not asks_imdsv2((1, 6, 6), None)
    assert asks_imdsv2((1, 7, 0), None)
    assert not asks_imdsv2((1, 12, 0), "source amazon-ebs x {}")
    assert asks_imdsv2((1, 12, 0), 'metadata_options {\n http_tokens = "required"\n}')
    assert asks_imdsv2((1, 12, 0), '{"metadata_options": {"http_tokens": "required"}}')


def test_who_declares_plugins() -> None:
    assert declares_plugins("packer { required_plugins { } }")
    assert not declares_plugins("source amazon-ebs x { }")
