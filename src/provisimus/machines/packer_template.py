"""The Packer template of a bake, builder `amazon-ebs`. Pure; what runs it: ``packer_run.py``.

Legacy JSON, which Packer reads from 1.6.0 on, and for 1.7 and later the same in HCL's JSON, with
what they can do more: IMDSv2 on the machine that bakes and in the AMI, and the plugin declared.
Nothing secret is in either: credentials come to Packer through its environment. Packer interpolates
`{{` in the one and `${` in the other, which no value here can hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisimus.machines.pull_access import FROM, VARIABLE

OLDEST = (1, 6, 0)
"""The oldest Packer that knows `aws_polling` and `throughput`, which the template needs."""

MODERN = (1, 7, 0)
"""The first Packer that takes `required_plugins` and what only plugins know."""

PLUGIN = ">= 1.2.8, < 2.0.0"
"""The plugin for AWS: 1.x speaks to every Packer from 1.7 on, and knows `imds_support`."""

NEEDS = {
    "required_plugins": (1, 7, 0),
    "metadata_options": (1, 7, 0),
    "imds_support": (1, 8, 0),
    "deprecate_at": (1, 8, 0),
    "boot_mode": (1, 7, 0),
}
"""Words of a definition's own template, and the first Packer that takes each."""

ARCHIVE = "/tmp/provisimus-stage.tar"  # noqa: S108
"""Where the archive of ``staging.py`` is put on the machine that bakes."""
STAGE = "/var/lib/provisimus-stage"
IN_SHELL = "PROVISIMUS_REGISTRY"
"""What the commands of a bake find Docker's configuration in, where there is one."""


@dataclass(frozen=True)
class Build:
    """Everything that a template says. `disk` in GiB; `endpoint` is set for the local cloud only.

    `tunnel` is the port of a registry on this machine's loopback, which the machine that bakes
    reaches under the very same name; None for a registry that it reaches by itself. `signs_in` when
    registries want credentials, which are never here. `key_file` is the private half of `key_pair`
    where that exists already; without, Packer makes a temporary one.
    """

    region: str
    base: str
    root_device: str
    user: str
    instance_type: str
    disk: int
    ami_name: str
    description: str
    tags: Mapping[str, str]
    temporary_tags: Mapping[str, str]
    key_pair: str
    archive: Path
    security_group: str | None = None
    subnet: str | None = None
    tunnel: int | None = None
    endpoint: str | None = None
    signs_in: bool = False
    key_file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def template(build: Build) -> dict[str, Any]:
    """The template as data, in the legacy form."""
    made: dict[str, Any] = {
        "builders": [builder(build)],
        "provisioners": provisioners(build, f"{{{{user `{VARIABLE}`}}}}"),
    }
    if build.signs_in:
        made["variables"] = {VARIABLE: f"{{{{env `{FROM}`}}}}"}
        made["sensitive-variables"] = [VARIABLE]
    return made


def modern_template(build: Build) -> dict[str, dict[str, Any]]:
    """The files of the template for Packer 1.7 and later, by name.

    The plugin stands in a file of its own: the rest is what every Packer since 1.6.0 can read, but
    for two words.
    """
    source = {
        **_without_type(builder(build)),
        "metadata_options": {
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
        },
        "imds_support": "v2.0",
    }
    steps = [
        {each["type"]: _without_type(each)} for each in provisioners(build, f"${{var.{VARIABLE}}}")
    ]
    sensitive = {VARIABLE: {"type": "string", "sensitive": True}}
    plugin = {"source": "github.com/hashicorp/amazon", "version": PLUGIN}
    return {
        "machine.pkr.json": {
            **({"variable": sensitive} if build.signs_in else {}),
            "source": {"amazon-ebs": {"machine": source}},
            "build": {"sources": ["source.amazon-ebs.machine"], "provisioner": steps},
        },
        "plugins.pkr.json": {"packer": {"required_plugins": {"amazon": plugin}}},
    }


def _without_type(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "type"}


def provisioners(build: Build, config: str) -> list[dict[str, Any]]:
    """`config` is how the template spells the value of the variable `registry_config`."""
    shell = {
        "type": "shell",
        "inline_shebang": "/bin/sh -eu",
        "inline": list(provisioning_commands(build.environment)),
    }
    if build.signs_in:
        shell["environment_vars"] = [f"{IN_SHELL}={config}"]
    return [{"type": "file", "source": str(build.archive), "destination": ARCHIVE}, shell]


def provisioning_commands(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What runs on the machine; the rest is in the archive. Values are versions and names."""
    settings = " ".join(f"{key}={value}" for key, value in sorted(environment.items()))
    return (
        f"sudo rm -rf {STAGE}",
        f"sudo install -d -m 0700 {STAGE}",
        f"sudo tar -C {STAGE} -xf {ARCHIVE}",
        # Through a pipe: sudo logs its arguments, and whoever is there reads those of all.
        f"{{ printenv {IN_SHELL} || true; }} | "
        + f"sudo env {settings} {STAGE}/run".replace("env  ", ""),
    )


def builder(build: Build) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "amazon-ebs",
        "region": build.region,
        "source_ami": build.base,
        "instance_type": build.instance_type,
        "ami_name": build.ami_name,
        "ami_description": build.description,
        "tags": dict(build.tags),
        "snapshot_tags": dict(build.tags),
        "run_tags": dict(build.temporary_tags),
        "run_volume_tags": dict(build.temporary_tags),
        "launch_block_device_mappings": [
            {
                "device_name": build.root_device,
                "volume_size": build.disk,
                "volume_type": "gp3",
                # 1.6.6 asks for both and knows no default.
                "iops": 3000,
                "throughput": 125,
                "delete_on_termination": True,
            },
        ],
        **key_of(build),
        "communicator": "ssh",
        "ssh_username": build.user,
        "ssh_interface": "public_ip",
        "ssh_timeout": "10m",
        "aws_polling": {"delay_seconds": 5, "max_attempts": 720},
    }
    if build.security_group:
        made["security_group_id"] = build.security_group
    if build.subnet:
        made["subnet_id"] = build.subnet
        made["associate_public_ip_address"] = True
    if build.tunnel:
        made["ssh_remote_tunnels"] = [f"{build.tunnel}:127.0.0.1:{build.tunnel}"]
    if build.endpoint:
        made |= {
            "custom_endpoint_ec2": build.endpoint,
            "skip_region_validation": True,
            "skip_metadata_api_check": True,
            "skip_credential_validation": True,
            "aws_polling": {"delay_seconds": 1, "max_attempts": 900},
        }
    return made


def key_of(build: Build) -> dict[str, str]:
    if build.key_file:
        return {
            "ssh_keypair_name": build.key_pair,
            "ssh_private_key_file": str(build.key_file),
        }
    # Packer tags neither key pairs nor, before 1.7, security groups: the name tells the run.
    return {"temporary_key_pair_name": build.key_pair}


def makes(build: Build) -> tuple[tuple[str, str], ...]:
    """Kind and name of what Packer makes by this template; an instance is named by its tags."""
    return (
        ("key pair", build.key_pair),
        ("instance", build.key_pair),
        ("image", build.ami_name),
    )


def variables(build: Build) -> dict[str, str]:
    """Our values for a definition's own template, which declares those that it wants."""
    return {
        "region": build.region,
        "base_ami": build.base,
        "root_device": build.root_device,
        "instance_type": build.instance_type,
        "ssh_username": build.user,
        "disk": str(build.disk),
        "ami_name": build.ami_name,
        "ami_description": build.description,
        "tags": json.dumps(dict(build.tags)),
        "run_tags": json.dumps(dict(build.temporary_tags)),
        "key_pair": build.key_pair,
        "ssh_keypair_name": build.key_pair if build.key_file else "",
        "ssh_private_key_file": str(build.key_file or ""),
        "archive": str(build.archive),
        "archive_destination": ARCHIVE,
        "provision": "\n".join(provisioning_commands(build.environment)),
        "security_group_id": build.security_group or "",
        "subnet_id": build.subnet or "",
        "registry_tunnel": f"{build.tunnel}:127.0.0.1:{build.tunnel}" if build.tunnel else "",
        "endpoint": build.endpoint or "",
    }


def declared_variables(name: str, text: str) -> frozenset[str]:
    """The variables that a definition's own template declares; `name` is its file's name.

    Packer refuses a value for a variable that an HCL template does not declare.
    """
    if name.endswith(".pkr.json"):
        document = json.loads(text)
        both = {**document.get("variables", {}), **document.get("variable", {})}
        return frozenset(both)
    return frozenset(re.findall(r'^\s*variable\s+"?([A-Za-z_][\w-]*)"?\s*\{', text, re.MULTILINE))


def opens_ssh_itself(text: str) -> bool:
    """Whether a definition's own template leaves the security group to Packer.

    Packer's own lets SSH in from everywhere, unless it is told a source or connects otherwise.
    """
    return not re.search(
        r"\bsecurity_group_(id|ids|filter)\b|\btemporary_security_group_source_|\bsession_manager\b",
        text,
    )


def needed_version(text: str) -> tuple[tuple[int, int, int], str]:
    """The oldest Packer that takes a definition's own template, and the word that needs it."""
    found = [(version, word) for word, version in NEEDS.items() if re.search(rf"\b{word}\b", text)]
    return max(found, default=(OLDEST, "amazon-ebs"))


def asks_imdsv2(version: tuple[int, int, int], own: str | None) -> bool:
    """Whether the builder requires IMDSv2 by the template, a definition's `own` or ours."""
    if own is None:
        return version >= MODERN
    return re.search(r"http_tokens\W+required", own) is not None


def declares_plugins(own: str) -> bool:
    """Whether a definition's own template has Packer fetch its plugins (`packer init`)."""
    return re.search(r"\brequired_plugins\b", own) is not None
