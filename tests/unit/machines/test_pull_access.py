"""Docker's configuration for the machine that bakes, and what nobody may see of it."""

from __future__ import annotations

import json

from provisimus.events import Event, Said
from provisimus.machines.access import Login
from provisimus.machines.packer import Narrator
from provisimus.machines.pull_access import HIDDEN, PullAccess, pull_access

OURS = Login("r.example:5000", "ci", "s3cr3t-word")
HUB = Login("https://index.docker.io/v1/", "", "", "identity-token-x")
PAIR = "Y2k6czNjcjN0LXdvcmQ="


def test_a_configuration_as_docker_reads_it() -> None:
    access = pull_access([OURS, HUB, OURS])
    assert json.loads(access.config) == {
        "auths": {
            "r.example:5000": {"auth": PAIR},
            "https://index.docker.io/v1/": {"identitytoken": "identity-token-x"},
        }
    }
    assert "\n" not in access.config
    assert access.variables() == {
        "PROVISIMUS_REGISTRY_CONFIG": access.config,
        "PKR_VAR_registry_config": access.config,
    }


def test_without_credentials_there_is_nothing_to_give() -> None:
    assert not pull_access([])
    assert pull_access([]).variables() == {}


def test_it_never_shows() -> None:
    access = pull_access([OURS, HUB])
    for secret in ("s3cr3t-word", PAIR, "identity-token-x", access.config):
        assert access.blanked(f"before {secret} after") == f"before {HIDDEN} after"
        assert secret not in repr(access)
        assert secret not in repr((OURS, HUB))
    assert PullAccess().blanked("text") == "text"


def test_a_secret_of_a_few_letters_blanks_no_log() -> None:
    assert pull_access([Login("r", "ci", "a")]).blanked("a banana") == "a banana"


def test_what_packer_says_is_blanked_before_anybody_hears_it() -> None:
    events: list[Event] = []
    narrator = Narrator(events.append, "greeter", pull_access([OURS]))
    narrator("1,,ui,say,==> amazon-ebs: Uploading s3cr3t-word")
    narrator(f"1,,ui,error,==> amazon-ebs: it said {PAIR}")
    narrator("1,,ui,message,    amazon-ebs: provisimus: failed 50-images with status 1")
    assert [each.text for each in events if isinstance(each, Said)] == [
        f"Uploading {HIDDEN}",
        f"it said {HIDDEN}",
    ]
    assert narrator.errors == [f"it said {HIDDEN}"]
    assert narrator.failed == ("50-images", "1", (f"Uploading {HIDDEN}", f"it said {HIDDEN}"))


def test_a_password_that_is_a_word_of_packers_confuses_nobody() -> None:
    events: list[Event] = []
    narrator = Narrator(events.append, "greeter", pull_access([Login("r", "ci", "message")]))
    narrator("1,,ui,message,    amazon-ebs: provisimus: step 50-images")
    narrator("1,,ui,message,    amazon-ebs: no message")
    assert [each.text for each in events if isinstance(each, Said)] == [f"no {HIDDEN}"]
