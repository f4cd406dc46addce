"""Packer's output as events, its failures as errors, its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import ToolFailed
from provisimus.events import Event, Failed, Finished, Said, Started
from provisimus.machines.packer import (
    Line,
    Narrator,
    build_argv,
    parse_version,
    read_line,
    too_old,
)
from provisimus.machines.packer_failure import failure

GOOD = """\
1795385166,,ui,say,==> amazon-ebs: Prevalidating AMI Name: x-y
1795385166,,ui,message,    amazon-ebs: Found Image ID: ami-03cf127a
1795385166,,ui,say,==> amazon-ebs: Creating temporary keypair: provisimus-run
1795385166,,ui,say,==> amazon-ebs: Launching a source AWS instance...
1795385167,,ui,say,==> amazon-ebs: Waiting for SSH to become available...
1795385169,,ui,say,==> amazon-ebs: Connected to SSH!
1795385169,,ui,say,==> amazon-ebs: Uploading /w/stage.tar => /tmp/provisimus-stage.tar
1795385170,,ui,message,    amazon-ebs: provisimus: step 50-images
1795385170,,ui,message,    amazon-ebs: pulling a%!(PACKER_COMMA) b
1795385171,,ui,message,    amazon-ebs: provisimus: step setup/10-hello
1795385171,,ui,message,    amazon-ebs: hello
"""
BAD = (
    GOOD
    + """\
1795385172,,ui,message,    amazon-ebs: no such file
1795385172,,ui,message,    amazon-ebs: provisimus: failed setup/10-hello with status 3
1795385172,,ui,message,    amazon-ebs: provisimus: failed 60-setup with status 1
1795385173,,ui,error,==> amazon-ebs: Provisioning step had errors: Running the cleanup
1795385173,,ui,say,==> amazon-ebs: Terminating the source AWS instance...
1795385187,,ui,error,Build 'amazon-ebs' errored: Script exited with non-zero exit status: 1
1795385187,,error-count,1
"""
)


def narrate(text: str) -> tuple[list[Event], Narrator]:
    events: list[Event] = []
    narrator = Narrator(events.append, "greeter")
    with narrator:
        for line in text.splitlines():
            narrator(line)
    return events, narrator


def in_short(events: list[Event]) -> list[str]:
    short = []
    for event in events:
        match event:
            case Started(step, _):
                short.append(f"+ {step}")
            case Said(_, text):
                short.append(f"  {text}")
            case Finished(step, _, _):
                short.append(f"- {step}")
            case Failed(step, _, error):
                short.append(f"! {step}: {error}")
    return short


def test_a_line_is_unescaped() -> None:
    assert read_line("1,,ui,say,==> amazon-ebs: a%!(PACKER_COMMA) b\\nc") == Line("say", "a, b\nc")
    assert read_line("1,amazon-ebs,artifact,0,id,eu-west-1:ami-1") == Line(
        "artifact", "0,id,eu-west-1:ami-1"
    )
    assert read_line("panic: something") is None


def test_phases_become_steps() -> None:
    events, _ = narrate(GOOD)
    assert in_short(events) == [
        "+ greeter: check",
        "  Prevalidating AMI Name: x-y",
        "  Found Image ID: ami-03cf127a",
        "- greeter: check",
        "+ greeter: launch",
        "  Creating temporary keypair: provisimus-run",
        "  Launching a source AWS instance...",
        "- greeter: launch",
        "+ greeter: wait for SSH",
        "  Waiting for SSH to become available...",
        "- greeter: wait for SSH",
        "+ greeter: log in",
        "  Connected to SSH!",
        "- greeter: log in",
        "+ greeter: upload",
        "  Uploading /w/stage.tar => /tmp/provisimus-stage.tar",
        "- greeter: upload",
        "+ greeter: images",
        "  pulling a, b",
        "- greeter: images",
        "+ greeter: setup/10-hello",
        "  hello",
        "- greeter: setup/10-hello",
    ]


def test_the_phase_that_failed_is_told_and_the_clean_up_after_it_is_none() -> None:
    events: list[Event] = []
    narrator = Narrator(events.append, "greeter")
    for line in BAD.splitlines():
        narrator(line)
    narrator.__exit__(ToolFailed, ToolFailed("packer failed"), None)
    assert [each for each in in_short(events) if each[0] == "!"] == [
        "! greeter: setup/10-hello: exit status 3"
    ]
    assert in_short(events)[-1] == "- greeter: clean up"


def test_what_packer_says_fails_the_phase_that_it_is_in() -> None:
    events, _ = narrate(
        "1,,ui,say,==> amazon-ebs: Waiting for SSH to become available...\n"
        "1,,ui,error,==> amazon-ebs: Timeout waiting for SSH.\n"
        "1,,ui,say,==> amazon-ebs: Terminating the source AWS instance...\n"
    )
    assert in_short(events) == [
        "+ greeter: wait for SSH",
        "  Waiting for SSH to become available...",
        "! greeter: wait for SSH: Timeout waiting for SSH.",
        "  Timeout waiting for SSH.",
        "+ greeter: clean up",
        "  Terminating the source AWS instance...",
        "- greeter: clean up",
    ]


def test_what_interrupts_the_bake_fails_its_phase() -> None:
    events: list[Event] = []
    narrator = Narrator(events.append, "greeter")
    narrator("1,,ui,say,==> amazon-ebs: Waiting for SSH to become available...")
    narrator.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert isinstance(events[-1], Failed)
    assert events[-1].step == "greeter: wait for SSH"


def test_a_failed_setup_script_is_named_with_its_last_lines() -> None:
    _, narrator = narrate(BAD)
    error = failure(narrator, ToolFailed("packer failed", status=1), Path("packer/greeter"))
    assert error.message == "setup/10-hello failed while baking: exit status 3"
    assert error.tail == ("hello", "no such file")
    assert error.where == "packer/greeter/setup/10-hello"
    assert error.status == 3
    assert error.hint == (
        "repair it and run the same command again; the temporary machine is gone; "
        "with --debug it is kept"
    )


def test_a_failure_says_what_became_of_the_machine() -> None:
    first = ToolFailed("packer failed", status=1)
    for text in (BAD, "1,,ui,error,==> amazon-ebs: something\n"):
        _, narrator = narrate(text)
        hint = failure(narrator, first, Path(), "i-1 is kept").hint
        assert hint is not None
        assert hint.endswith("i-1 is kept")


def test_packers_own_error_comes_first() -> None:
    _, narrator = narrate("1,,ui,error,==> amazon-ebs: Timeout waiting for SSH.\n")
    error = failure(narrator, ToolFailed("packer failed", status=1), Path())
    assert error.message == "Packer failed: Timeout waiting for SSH."
    assert "subnet" in str(error.hint)


def test_without_words_the_programs_failure_stays() -> None:
    _, narrator = narrate("")
    first = ToolFailed("packer failed (exit status 2)", status=2)
    assert failure(narrator, first, Path()) is first


def test_versions() -> None:
    assert parse_version("Packer v1.6.6\n\nYour version is out of date!") == (1, 6, 6)
    assert parse_version("nonsense") is None
    assert too_old((1, 6, 6), (1, 6, 0), "amazon-ebs") is None
    assert (
        too_old((1, 6, 6), (1, 7, 0), "required_plugins")
        == "Packer 1.6.6 is too old: `required_plugins` needs 1.7.0 or newer"
    )


def test_the_command_line() -> None:
    assert build_argv("/usr/bin/packer", Path("/w/t.json"), {"region": "x", "base_ami": "y"}) == [
        *("/usr/bin/packer", "-machine-readable", "build", "-on-error=cleanup"),
        *("-var=base_ami=y", "-var=region=x", "/w/t.json"),
    ]
    assert build_argv("packer", Path("t"), {}, keep=True)[3] == "-on-error=abort"


def failed(*lines: str) -> ToolFailed:
    """The error of a bake whose machine said these lines last."""
    said = "".join(f"1,,ui,message,    amazon-ebs: {line}\n" for line in lines)
    _, narrator = narrate(GOOD + said)
    first = ToolFailed("packer failed", status=1)
    return failure(narrator, first, Path("packer/greeter"), "it is gone", disk=8)


def test_a_setup_script_that_hangs_is_named_with_its_last_lines() -> None:
    error = failed(
        "waiting for somebody",
        "provisimus: hung setup/10-hello after 1800",
        "provisimus: failed 60-setup with status 1",
    )
    assert error.message == "setup/10-hello did not end within 1800 s and was ended"
    assert error.tail == ("hello", "waiting for somebody")
    assert error.where == "packer/greeter/setup/10-hello"
    assert "setup_timeout" in str(error.hint)


@pytest.mark.parametrize(
    "line",
    [
        "write /var/lib/docker/tmp/x: no space left on device",
        "E: You don't have enough free space in /var/cache/apt/archives/.",
        "provisimus: full 12",
    ],
)
def test_a_disk_that_fills_is_told_with_its_size_and_the_key(line: str) -> None:
    error = failed(
        line,
        "provisimus: failed setup/10-hello with status 1",
        "provisimus: failed 60-setup with status 1",
    )
    assert error.message == "the disk of 8 GiB is full: setup/10-hello failed"
    assert error.where == "packer/greeter/machine.yaml: disk"
    assert error.hint == "write disk: 16 GiB, or put less on it; it is gone"


def test_a_full_disk_that_a_step_survived_is_not_blamed() -> None:
    error = failed(
        "cache: no space left on device",
        "provisimus: step setup/20-other",
        "provisimus: failed setup/20-other with status 4",
    )
    assert error.message == "setup/20-other failed while baking: exit status 4"


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("Error response from daemon: manifest unknown", "is no longer in its registry"),
        ("pull access denied for greeter", "was refused by its registry"),
        ("dial tcp: i/o timeout", "could not be pulled"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_named(said: str, how: str) -> None:
    error = failed(
        "provisimus: step 50-images",
        "provisimus: unpulled r.example/greeter@sha256:1f",
        said,
        "provisimus: failed 50-images with status 1",
    )
    assert error.message == f"the image r.example/greeter@sha256:1f {how} while baking"
    assert error.tail == (said,)
    assert error.where == "packer/greeter/machine.yaml"
