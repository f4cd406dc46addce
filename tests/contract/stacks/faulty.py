"""Commands whose calls go wrong: what they ask for, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from provisimus import aws, rate
from provisimus.cli.app import provisimus
from provisimus.errors import ProvisimusError

THIRTY_PERCENT = {"kind": "throttle", "share": 30}
_READS = ("Describe", "List", "Get", "Detect", "AssumeRole")


@contextmanager
def hurried(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """How long is waited before a call is repeated, and nothing else, is shorter in here."""
    with patch.context() as hurry:
        hurry.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.001)
        hurry.setattr(rate, "LEAST", rate.MOST)
        yield


@contextmanager
def heard(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The changing calls that commands make meanwhile, each once: CreateChangeSet …"""
    names: list[str] = []

    def note(name: str) -> None:
        if not name.startswith(_READS) and name not in names:
            names.append(name)

    with _listening(patch, note):
        yield names


@contextmanager
def asked(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every call that commands make meanwhile, in order."""
    names: list[str] = []
    with _listening(patch, names.append):
        yield names


@contextmanager
def _listening(patch: pytest.MonkeyPatch, hear: Callable[[str], None]) -> Iterator[None]:
    make = aws.Cloud._client

    def note(model: Any, **_: Any) -> None:
        hear(model.name)

    def made(self: aws.Cloud, service: str) -> Any:
        client = make(self, service)
        client.meta.events.register("before-call", note)
        return client

    with patch.context() as listening:
        listening.setattr(aws.Cloud, "_client", made)
        yield


def ran(root: Any, *words: str) -> ProvisimusError | None:
    """Run a command to its end; anything but an error of ours, said with a word, is a fault."""
    done = CliRunner().invoke(provisimus, [*words, "-C", str(root)])
    error = done.exception
    if isinstance(error, ProvisimusError):
        assert error.message
        return error
    assert error is None, (words, repr(error), done.output)
    assert done.exit_code == 0, (words, done.output)
    return None
