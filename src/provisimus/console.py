"""The serial console of an instance: all that is heard of a machine nobody can log in to."""

from __future__ import annotations

import base64
import binascii

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, ProvisimusError
from provisimus.evidence import evidence


def console_of(environment: Environment, instance: str) -> list[str]:
    """What the instance said on its serial console, line by line; empty when nothing is kept."""
    try:
        text = _plain(_console_output(environment, instance))
    except CloudFault as fault:
        if environment.local is None or fault.code.startswith("InvalidInstanceID"):
            raise NotFound(f"there is no console of {instance}: {fault.message}") from fault
        text = ""
    if not text.strip() and environment.local is not None:
        text = environment.local.console(instance)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _console_output(environment: Environment, instance: str) -> str:
    # Without `Latest` EC2 answers with what it kept of the last boot, minutes late. Instance types
    # before Nitro know no other way (GetConsoleOutput, "Latest").
    def ask(*, latest: bool) -> str:
        with speaking(environment.cloud, f"read the console of {instance}"):
            found = environment.cloud.ec2.get_console_output(InstanceId=instance, Latest=latest)
        return found.get("Output", "")

    try:
        return ask(latest=True)
    except CloudFault as fault:
        if fault.code != "UnsupportedOperation":
            raise
        return ask(latest=False)


def last_words(environment: Environment, instance: str | None) -> tuple[str, ...]:
    """What the console tells of why it does not answer; never a reason to fail on its own."""
    if not instance:
        return ()
    try:
        return evidence(console_of(environment, instance))
    except ProvisimusError:
        return ()


def _plain(output: str) -> str:
    # The API speaks base64, and boto3 decodes it; other clients and clouds may not.
    try:
        return base64.b64decode(output, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return output
