"""The section Rules: what parameters must fulfil together before anything is made. Pure.

Source: CloudFormation template reference, "Rules" and "Rule-specific intrinsic functions". What
exists in the account is asked through `Lookups`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported
from provisimus.localcloud.cloudformation.intrinsics import Context, evaluate, text

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::VPC::Id": ("DefaultNetworkAcl", "DefaultSecurityGroup"),
    "AWS::EC2::Subnet::Id": ("AvailabilityZone", "VpcId"),
    "AWS::EC2::SecurityGroup::Id": (),
}
"""What Fn::ValueOf knows of a parameter's type, besides `Tags.KEY`."""
PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region")
"""What is known before there is a stack."""
_FUNCTIONS = frozenset(
    {
        "Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals",
        "Fn::Not", "Fn::Or", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Lookups:
    """What rules may ask about the account."""

    all_of: Callable[[str], list[str]]
    """Parameter type → the ids of all there are."""
    attribute: Callable[[str, str, str], str | None]
    """(parameter type, id, attribute) → its value; None for a tag that it has not."""


def check(rules: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether the section is one; raises ValidationError."""
    for name, rule in rules.items():
        if not isinstance(rule, Mapping) or set(rule) - {"RuleCondition", "Assertions"}:
            raise _malformed(name, "a rule has Assertions and may have a RuleCondition")
        assertions = rule.get("Assertions")
        if not isinstance(assertions, list) or not assertions:
            raise _malformed(name, "a rule needs Assertions")
        for each in assertions:
            if not isinstance(each, Mapping) or "Assert" not in each:
                raise _malformed(name, "every assertion needs an Assert")
            if set(each) - {"Assert", "AssertDescription"}:
                raise _malformed(name, "an assertion has an Assert and an AssertDescription")
            _check_functions(name, each["Assert"], parameters)
        _check_functions(name, rule.get("RuleCondition", []), parameters)


def enforce(
    rules: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, Any]],
    context: Context,
    lookups: Lookups,
) -> None:
    """Raises ValidationError with the description of the first assertion that does not hold."""
    judge = _Judge(declared, context, lookups)
    for name, rule in rules.items():
        if "RuleCondition" in rule and not judge.truth(rule["RuleCondition"]):
            continue
        for each in rule["Assertions"]:
            if not judge.truth(each["Assert"]):
                description = each.get("AssertDescription", "an assertion does not hold")
                raise ValidationError(f"Template rule {name} failed: {description}")


class _Judge:
    def __init__(
        self, declared: Mapping[str, Mapping[str, Any]], context: Context, lookups: Lookups
    ) -> None:
        self._declared = declared
        self._context = context
        self._lookups = lookups

    def truth(self, expression: Any) -> bool:
        found = self._value(expression)
        if not isinstance(found, bool):
            raise ValidationError(
                "Template error: a rule's condition or assertion must be true or false"
            )
        return found

    def _value(self, expression: Any) -> Any:
        if isinstance(expression, list):
            return [self._value(each) for each in expression]
        if not isinstance(expression, Mapping):
            return text(expression)
        (function, argument), *_ = expression.items()
        match function, argument:
            case "Fn::And", [*conditions]:
                return all(self.truth(each) for each in conditions)
            case "Fn::Or", [*conditions]:
                return any(self.truth(each) for each in conditions)
            case "Fn::Not", [condition]:
                return not self.truth(condition)
            case "Fn::Equals", [left, right]:
                return self._value(left) == self._value(right)
            case "Fn::Contains", [several, one]:
                return self._value(one) in self._several(several)
            case "Fn::EachMemberEquals", [several, one]:
                wanted = self._value(one)
                return all(each == wanted for each in self._several(several))
            case "Fn::EachMemberIn", [several, others]:
                known = self._several(others)
                return all(each in known for each in self._several(several))
            case "Fn::RefAll", str(kind):
                return self._lookups.all_of(kind)
            case "Fn::ValueOf", [str(name), str(attribute)]:
                return self._of_parameter(name, attribute)
            case "Fn::ValueOfAll", [str(kind), str(attribute)]:
                return self._of_all(kind, attribute)
            case "Ref", _:
                return evaluate(expression, self._context)
        raise ValidationError(f"Template error: {function} in a rule has unusable arguments")

    def _several(self, expression: Any) -> list[Any]:
        found = self._value(expression)
        if not isinstance(found, list):
            raise ValidationError("Template error: a rule's function was given no list")
        return found

    def _of_parameter(self, name: str, attribute: str) -> Any:
        value = self._context.parameters[name]
        kind = _item(str(self._declared[name]["Type"]))
        if isinstance(value, list):
            return [self._attribute(kind, each, attribute) for each in value]
        return self._attribute(kind, value, attribute)

    def _of_all(self, kind: str, attribute: str) -> list[Any]:
        """Of all parameters of the type: that is how the reference's examples use it."""
        found: list[Any] = []
        for name, declared in self._declared.items():
            if _item(str(declared["Type"])) == kind:
                told = self._of_parameter(name, attribute)
                found += told if isinstance(told, list) else [told]
        return found

    def _attribute(self, kind: str, identifier: str, attribute: str) -> str | None:
        known = kind in ATTRIBUTES and (
            attribute in ATTRIBUTES[kind] or attribute.startswith("Tags.")
        )
        if not known:
            raise ValidationError(f"Template error: {kind} has no attribute {attribute} for rules")
        return self._lookups.attribute(kind, identifier, attribute)


def _check_functions(rule: str, value: Any, parameters: Mapping[str, Mapping[str, Any]]) -> None:
    if isinstance(value, list):
        for each in value:
            _check_functions(rule, each, parameters)
    if not isinstance(value, Mapping):
        return
    if len(value) != 1:
        raise _malformed(rule, "a function stands alone")
    (function, argument), *_ = value.items()
    if function == "Ref":
        if argument not in parameters and argument not in PSEUDO:
            raise _malformed(rule, f"Ref {argument} is no parameter")
        return
    if function not in _FUNCTIONS:
        raise unsupported(f"Function {function} in rule {rule}")
    if function == "Fn::ValueOf" and (
        not isinstance(argument, list) or not argument or argument[0] not in parameters
    ):
        raise _malformed(rule, "Fn::ValueOf needs a parameter and an attribute")
    if function in ("Fn::And", "Fn::Or") and not (
        isinstance(argument, list) and 2 <= len(argument) <= 10
    ):
        raise _malformed(rule, f"{function} needs two to ten conditions")
    _check_functions(rule, argument, parameters)


def _item(kind: str) -> str:
    return kind.removeprefix("List<").removesuffix(">")


def _malformed(rule: str, why: str) -> ValidationError:
    return ValidationError(f"Template format error: [/Rules/{rule}] {why}.")
