"""How Elastic Load Balancing says no, and what of it is known to AWS alone."""

from __future__ import annotations

from collections.abc import Mapping

from moto.elbv2.exceptions import ELBClientError


def invalid(what: str) -> ELBClientError:
    return ELBClientError("ValidationError", what)


def denied(what: str) -> ELBClientError:
    return ELBClientError("OperationNotPermitted", what)


def unknown(what: str) -> ELBClientError:
    """For what would be taken by AWS and is not simulated."""
    return denied(f"{what} is known to AWS, not to this local cloud")


def check_attributes(
    given: Mapping[str, str], honoured: Mapping[str, tuple[str, ...]], defaults: Mapping[str, str]
) -> None:
    """Refuse every attribute that would have an effect on AWS and has none here.

    `honoured` are those that have one, with the values that they may have (none named: any);
    others may only be given the value that they have anyhow.
    """
    for name, value in given.items():
        if name in honoured:
            if honoured[name] and value not in honoured[name]:
                raise unknown(f"{name}={value}")
        elif name not in defaults:
            raise invalid(f"Attribute key '{name}' is not recognized")
        elif str(value).lower() != defaults[name]:
            raise unknown(f"{name}={value}")


def whole_number(name: str, value: str, least: int, most: int) -> int:
    """A number of an attribute. Raises ELBClientError when it is none or out of its bounds."""
    if not value.isdecimal() or not least <= int(value) <= most:
        raise invalid(f"'{name}' value '{value}' must be between '{least}-{most}' inclusive")
    return int(value)
