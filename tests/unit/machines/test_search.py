"""The search of a machine for what must not be in its image, on a root of our own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisimus.machines.recipe import SCRIPTS

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ops\n"
# Put together here, so that nobody's search for secrets stumbles over this file.
PRIVATE = "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nb3BlbnNzaC1rZXk\n"
ACCESS = "AKIA" + "Q2W3E4R5T6Y7ABCD"


@dataclass(frozen=True)
class Place:
    root: Path
    stage: Path

    def write(self, path: str, text: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def allow(self, *patterns: str) -> None:
        (self.stage / "allowed").write_text("".join(f"{each}\n" for each in patterns))

    def search(self) -> list[str]:
        done = subprocess.run(
            [str(SCRIPTS / "bake/95-search")],
            env={
                **os.environ,
                "PROVISIMUS_ROOT": str(self.root),
                "PROVISIMUS_STAGE": str(self.stage),
                "PROVISIMUS_LENT": str(self.stage / "lent"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        found = [line for line in done.stdout.splitlines() if line.startswith("provisimus: found ")]
        assert done.returncode == bool(found), done.stdout
        return [line.removeprefix("provisimus: found ") for line in found]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A machine after its bake, as it should be."""
    made = Place(tmp_path / "root", tmp_path / "stage")
    (made.stage / "keys").mkdir(parents=True)
    (made.stage / "keys/ops").write_text(KEY)
    made.allow()
    made.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nops:x:1:1::/home/ops:/bin/bash\n")
    made.write("/etc/shadow", "root:*:19000::::::\nops:!$y$locked:19000::::::\n")
    made.write("/etc/machine-id", "")
    made.write("/etc/ssl/certs/some.pem", "-----BEGIN CERTIFICATE-----\n")
    made.write("/home/ops/.ssh/authorized_keys", KEY)
    made.write("/var/lib/docker/overlay2/x/diff/key.pem", PRIVATE)
    made.write("/usr/share/doc/some/key.pem", PRIVATE)
    made.write(
        "/opt/some/README", "AKIAIOSFODNN7EXAMPLE, aws_secret_access_key = " + "a" * 33 + "EXAMPLE"
    )
    return made


def test_a_clean_machine(place: Place) -> None:
    assert place.search() == []


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("/root/.ssh/authorized_keys", KEY, "lets in who is not among the users of machine.yaml"),
        ("/home/ops/.ssh/authorized_keys", KEY * 2, "lets in who is not among the users"),
        ("/etc/shadow", "ops:$y$j9T$x:19000::::::\n", "ops has a password, or an empty one"),
        ("/etc/shadow", "ops::19000::::::\n", "ops has a password, or an empty one"),
        ("/etc/machine-id", "5f2c\n", "an identity, which every machine would share"),
        ("/etc/ssh/ssh_host_rsa_key", "x\n", "a host key, which every machine would share"),
        ("/var/lib/cloud/instances/i-1/user-data.txt", "x", "cloud-init's state"),
        ("/home/ops/.bash_history", "ls\n", "the history of a shell"),
        ("/root/.docker/config.json", '{"auths": {"r": {"auth": "eA=="}}}', "credentials of a"),
        ("/home/ops/.aws/credentials", "[default]\n", "credentials"),
        ("/root/.netrc", "machine x\n", "credentials"),
        ("/opt/app/with space/tls.pem", PRIVATE, "a private key"),
        ("/etc/app/settings", f"key={ACCESS}\n", "an access key of AWS"),
        ("/srv/env", "AWS_SECRET_ACCESS_KEY=" + "aB3/" * 10, "an access key of AWS"),
        ("/var/lib/app/settings", "token: ghp_" + "a" * 36, "a token"),
    ],
)
def test_what_must_not_be_in_an_image_is_named(
    place: Place, path: str, text: str, what: str
) -> None:
    place.write(path, text)
    (found,) = place.search()
    assert found.startswith(f"{path}: {what}")
    place.allow("/nowhere", path.replace("app", "*"))
    assert place.search() == []


def test_an_empty_credentials_file_is_nothing(place: Place) -> None:
    place.write("/root/.docker/config.json", '{"auths": {}}')
    place.write("/root/.netrc", "")
    assert place.search() == []


PAIR = base64.b64encode(b"ci:pass word-1").decode()
LENT = json.dumps(
    {
        "auths": {
            "r": {"auth": PAIR},
            "s": {"auth": base64.b64encode(b"ci:short").decode()},
            "t": {"identitytoken": "token-of-t"},
        }
    },
    separators=(",", ":"),
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/var/log/setup.log", "logged in with pass word-1 at noon"),
        ("/opt/app/with space/settings", f"x={PAIR}"),
        ("/home/ops/notes", "token-of-t"),
        ("/var/lib/docker/image/overlay2/x.json", PAIR),
        ("/etc/large", "x" * 600_000 + "pass word-1"),
    ],
)
def test_the_credentials_of_the_bake_are_found_by_value(place: Place, path: str, text: str) -> None:
    (place.stage / "lent").mkdir()
    (place.stage / "lent/config.json").write_text(LENT + "\n")
    place.write("/srv/innocent", "a short word")
    assert place.search() == []
    place.write(path, text)
    place.allow("*")
    assert place.search() == [f"{path}: the password of a registry"]
