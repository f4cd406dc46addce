"""Type `raw`: a CloudFormation template of your own, with the same life as all the others."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

from provisimus.workspace.definitions.common import Misfit, checked_name
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.rules import after
from provisimus.workspace.definitions.stack import StackDefinition


def _file(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} leads out of the folder stacks — put the template below it")
    return value


class RawDefinition(StackDefinition):
    template: Annotated[str, after(_file)]
    """A file below the folder stacks: JSON, or YAML with CloudFormation's short forms."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The template's parameters. A list goes in with commas; `${stack:main.VpcId}` is an output of
    another stack."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.parameters.items():
            if value is None:
                raise Misfit(
                    "it has no value — write one; of what is secret a reference: "
                    '"{{resolve:secretsmanager:NAME:SecretString:KEY}}"',
                    "parameters",
                    name,
                )
            if isinstance(value, dict):
                raise Misfit(
                    "a parameter is a text, a number or a list of them", "parameters", name
                )
            text = str(value)
            if "${stack:" in text:
                found = output_of(text)
                if found is None:
                    said = f"{text!r} is no output alone — write ${{stack:NAME.Output}}"
                    raise Misfit(said, "parameters", name)
                try:
                    checked_name(found[0])
                except ValueError as error:
                    raise Misfit(str(error), "parameters", name) from None

    def files(self) -> tuple[str, ...]:
        return (self.template,)


DEFINITION = RawDefinition
