"""Template parameters: what is declared, what was given, what holds.

Pure but for the two lookups that are handed in (an SSM parameter's value; whether an id exists).
Error texts are CloudFormation's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation import limits
from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported

MASK = "****"
_SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_LIST = re.compile(r"List<(.+)>")
_PLAIN = frozenset({"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"})
_IDS = frozenset(
    {
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::Image::Id",
        "AWS::EC2::Instance::Id",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::Volume::Id",
        "AWS::EC2::VPC::Id",
        "AWS::Route53::HostedZone::Id",
        "AWS::SSM::Parameter::Name",
    }
)


@dataclass(frozen=True)
class ParameterValue:
    """One parameter of a deployment, as text; lists are comma separated, as given."""

    key: str
    given: str
    resolved: str | None = None
    """The value behind an SSM parameter's name, else None."""
    secret: bool = False
    is_list: bool = False

    @property
    def value(self) -> str | list[str]:
        """What Ref returns."""
        text = self.given if self.resolved is None else self.resolved
        return [part.strip() for part in text.split(",")] if self.is_list else text

    @property
    def shown(self) -> str:
        return MASK if self.secret else self.given


def hidden_by(values: Mapping[str, ParameterValue]) -> frozenset[str]:
    """The texts that NoEcho parameters hold, never to be shown."""
    return frozenset(each.given for each in values.values() if each.secret and each.given)


def masked(value: Any, hidden: frozenset[str]) -> Any:
    """The value with what a NoEcho parameter holds hidden, wherever it was put."""
    if not hidden:
        return value
    if isinstance(value, Mapping):
        return {key: masked(inner, hidden) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, hidden) for inner in value]
    if isinstance(value, str):
        for secret in sorted(hidden, key=len, reverse=True):
            value = value.replace(secret, MASK)
    return value


def resolve(
    declared: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, str],
    reused: frozenset[str] = frozenset(),
    previous: Mapping[str, ParameterValue] | None = None,
    *,
    ssm: Callable[[str], str],
    exists: Callable[[str, str], bool],
) -> dict[str, ParameterValue]:
    """The value of every declared parameter.

    `reused` are those with UsePreviousValue. Raises ValidationError.
    """
    previous = previous or {}
    stray = sorted((given.keys() | reused) - declared.keys())
    if stray:
        raise ValidationError(f"Parameters: [{', '.join(stray)}] do not exist in the template")
    texts: dict[str, str] = {}
    missing: list[str] = []
    for key, declaration in declared.items():
        if key in reused:
            if key not in previous:
                raise ValidationError(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as "
                    "true for a parameter key not in the previous template"
                )
            texts[key] = previous[key].given
        elif key in given:
            texts[key] = given[key]
        elif "Default" in declaration:
            texts[key] = _default_text(declaration["Default"])
        else:
            missing.append(key)
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for key, text in texts.items():
        limits.check_value(key, text)
    return {key: _value(key, declared[key], text, ssm, exists) for key, text in texts.items()}


def _value(
    key: str,
    declared: Mapping[str, Any],
    given: str,
    ssm: Callable[[str], str],
    exists: Callable[[str, str], bool],
) -> ParameterValue:
    kind, resolved = str(declared["Type"]), None
    if found := _SSM.fullmatch(kind):
        kind, resolved = found[1], ssm(given)
    if kind not in _PLAIN and _item_type(kind) not in _IDS:
        raise unsupported(f"Parameter type {kind}")
    value = ParameterValue(
        key,
        given,
        resolved,
        secret=str(declared.get("NoEcho", "false")).lower() == "true",
        is_list=kind == "CommaDelimitedList" or kind.startswith("List<"),
    )
    for item in value.value if isinstance(value.value, list) else [value.value]:
        _check(key, kind, declared, item)
        if _item_type(kind) in _IDS and not exists(_item_type(kind), item):
            raise ValidationError(
                f"Parameter validation failed: parameter value {item} for parameter name {key} "
                "does not exist"
            )
    return value


def _check(key: str, kind: str, declared: Mapping[str, Any], item: str) -> None:
    allowed = declared.get("AllowedValues")
    if allowed is not None and item not in [_default_text(each) for each in allowed]:
        raise _refused(key, declared, "must be one of AllowedValues")
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], item):
        raise _refused(key, declared, f"must match pattern {declared['AllowedPattern']}")
    if "MinLength" in declared and len(item) < int(declared["MinLength"]):
        least = declared["MinLength"]
        raise _refused(key, declared, f"must contain at least {least} characters")
    if "MaxLength" in declared and len(item) > int(declared["MaxLength"]):
        most = declared["MaxLength"]
        raise _refused(key, declared, f"must contain at most {most} characters")
    if _item_type(kind) != "Number":
        return
    try:
        number = float(item)
    except ValueError:
        raise _refused(key, declared, "must be a number") from None
    if "MinValue" in declared and number < float(declared["MinValue"]):
        raise _refused(key, declared, f"must be a number not less than {declared['MinValue']}")
    if "MaxValue" in declared and number > float(declared["MaxValue"]):
        raise _refused(key, declared, f"must be a number not greater than {declared['MaxValue']}")


def _refused(key: str, declared: Mapping[str, Any], why: str) -> ValidationError:
    description = declared.get("ConstraintDescription")
    return ValidationError(
        f"Parameter {key} failed to satisfy constraint: {description}"
        if description
        else f"Parameter '{key}' {why}"
    )


def _item_type(kind: str) -> str:
    found = _LIST.fullmatch(kind)
    return found[1] if found else kind


def _default_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
