"""What a request wants: its parameters read into values and checked.

Looks nothing up but what template parameters name (SSM values, ids); changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from provisimus.localcloud.cloudformation import limits, parameters, rules, stack_policy, support
from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported
from provisimus.localcloud.cloudformation.intrinsics import Context
from provisimus.localcloud.cloudformation.lookups import (
    existence,
    parameter_lookup,
    rule_lookups,
)
from provisimus.localcloud.cloudformation.signals import Signal
from provisimus.localcloud.cloudformation.stack import Deployment
from provisimus.localcloud.cloudformation.template import Template, parse
from provisimus.localcloud.cloudformation.template_url import fetch

MAX_TAGS = 50

read_template = lru_cache(maxsize=64)(parse)
"""`parse`, remembered: one request reads the same text several times."""


def deployment(
    params: Mapping[str, Any], cloud: Cloud, previous: Deployment | None = None
) -> tuple[Deployment, Template]:
    """What CreateStack, UpdateStack or CreateChangeSet ask for; raises ValidationError.

    Where tags or notification ARNs are not given, an update keeps those of before.
    """
    text = _template_text(params, cloud, previous)
    template = read_template(text)
    support.check(template)
    capabilities = tuple(params.get("Capabilities") or ())
    support.check_capabilities(template, capabilities)
    given = params.get("Parameters") or []
    values = parameters.resolve(
        template.parameters,
        {
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in given
            if not each.get("UsePreviousValue")
        },
        frozenset(each["ParameterKey"] for each in given if each.get("UsePreviousValue")),
        previous.parameters if previous else {},
        ssm=parameter_lookup(cloud),
        exists=existence(cloud),
    )
    known = Context(
        {key: value.value for key, value in values.items()},
        dict(zip(rules.PSEUDO, (cloud.account, "aws", cloud.region), strict=True)),
    )
    rules.enforce(template.rules, template.parameters, known, rule_lookups(cloud))
    tags = params.get("Tags")
    arns = params.get("NotificationARNs")
    return (
        Deployment(
            template_text=text,
            parameters=values,
            tags=_tags(tags) if tags is not None else dict(previous.tags) if previous else {},
            capabilities=capabilities,
            description=template.description,
            role_arn=params.get("RoleARN") or (previous.role_arn if previous else None),
            notification_arns=(
                tuple(arns) if arns is not None else previous.notification_arns if previous else ()
            ),
        ),
        template,
    )


def stack_name(params: Mapping[str, Any]) -> str:
    """The StackName of a request that makes one; raises ValidationError."""
    return constrained("stackName", str(params.get("StackName") or ""), "[a-zA-Z][-a-zA-Z0-9]*")


def change_set_name(params: Mapping[str, Any]) -> str:
    """The ChangeSetName of a request that makes one; raises ValidationError."""
    name = str(params.get("ChangeSetName") or "")
    return constrained("changeSetName", name, "[a-zA-Z][-a-zA-Z0-9]*")


def constrained(member: str, value: str, pattern: str, most: int = 128) -> str:
    """A value of the documented pattern and length; raises ValidationError."""
    detected = f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
    if not re.fullmatch(pattern, value):
        raise ValidationError(
            f"{detected}constraint: Member must satisfy regular expression pattern: {pattern}"
        )
    if len(value) > most:
        raise ValidationError(
            f"{detected}constraint: Member must have length less than or equal to {most}"
        )
    return value


def on_failure(params: Mapping[str, Any]) -> str:
    """ROLLBACK, DO_NOTHING or DELETE of a CreateStack."""
    disabled, wanted = params.get("DisableRollback"), params.get("OnFailure")
    if disabled is not None and wanted is not None:
        raise ValidationError("You cannot specify both DisableRollback and OnFailure.")
    if wanted not in (None, "DELETE", "DO_NOTHING", "ROLLBACK"):
        raise ValidationError(
            f"1 validation error detected: Value '{wanted}' at 'onFailure' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]"
        )
    if wanted is not None:
        return str(wanted)
    return "DO_NOTHING" if disabled else "ROLLBACK"


def check_on_stack_failure(params: Mapping[str, Any], kind: str) -> None:
    """The OnStackFailure of a CreateChangeSet of this type; raises ValidationError."""
    wanted = params.get("OnStackFailure")
    if wanted not in (None, "DELETE", "DO_NOTHING", "ROLLBACK"):
        raise ValidationError(
            f"1 validation error detected: Value '{wanted}' at 'onStackFailure' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]"
        )
    if wanted == "DELETE" and kind != "CREATE":
        raise ValidationError("OnStackFailure DELETE is only valid with ChangeSetType CREATE")


def policy(params: Mapping[str, Any], name: str, template: Template | None) -> str | None:
    """The stack policy that a request carries, if any; raises ValidationError."""
    text = params.get(name)
    if text is None:
        return None
    stack_policy.check(str(text), template.resources if template else ())
    return str(text)


def signal(params: Mapping[str, Any]) -> Signal:
    """The signal of a SignalResource; raises ValidationError."""
    unique_id, status = str(params.get("UniqueId") or ""), str(params.get("Status") or "")
    if not 1 <= len(unique_id) <= 64:
        raise ValidationError(
            f"1 validation error detected: Value '{unique_id}' at 'uniqueId' failed to satisfy "
            "constraint: Member must have length between 1 and 64"
        )
    if status not in ("SUCCESS", "FAILURE"):
        raise ValidationError(
            f"1 validation error detected: Value '{status}' at 'status' failed to satisfy "
            "constraint: Member must satisfy enum value set: [SUCCESS, FAILURE]"
        )
    return Signal(unique_id, status)


def refuse(params: Mapping[str, Any], *names: str) -> None:
    """Refuse by name request parameters that would be ignored; raises ValidationError."""
    for name in names:
        if params.get(name):
            raise unsupported(f"Request parameter {name}")


def check_standard(params: Mapping[str, Any]) -> None:
    """Refuse by name a DeploymentConfig that asks for more than what is done without one."""
    config = params.get("DeploymentConfig") or {}
    mode = config.get("Mode")
    if mode not in (None, "STANDARD"):
        raise unsupported(f"DeploymentConfig Mode {mode}")
    if config.get("DisableRollback"):
        raise unsupported("DeploymentConfig DisableRollback")


def template_body(params: Mapping[str, Any], cloud: Cloud) -> str:
    """The text of TemplateBody, or what lies at TemplateURL. Raises ValidationError."""
    body, url = params.get("TemplateBody"), params.get("TemplateURL")
    if bool(body) == bool(url):
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if url:
        return fetch(cloud, str(url))
    limits.check_text(str(body))
    return str(body)


def _template_text(params: Mapping[str, Any], cloud: Cloud, previous: Deployment | None) -> str:
    body, url = params.get("TemplateBody"), params.get("TemplateURL")
    reuse = params.get("UsePreviousTemplate")
    if sum(map(bool, (body, url, reuse))) != 1:
        raise ValidationError(
            "Either Template URL or Template Body must be specified."
            if not (body or url)
            else "Only one of TemplateBody, TemplateURL and UsePreviousTemplate may be specified."
        )
    if reuse:
        if previous is None:
            raise ValidationError("There is no previous template to use.")
        return previous.template_text
    return template_body(params, cloud)


def _tags(given: list[Mapping[str, str]]) -> dict[str, str]:
    tags = {each["Key"]: each.get("Value", "") for each in given}
    if len(tags) < len(given):
        raise ValidationError("Duplicate tag keys are not allowed.")
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"Tags: no more than {MAX_TAGS} are allowed.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise ValidationError("aws: prefixed tag key names are not allowed for external use.")
    return tags
