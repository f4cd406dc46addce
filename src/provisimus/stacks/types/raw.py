"""The stack type `raw`: a template of the user's own, planned and followed like all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.given_parameters import parameter_problems
from provisimus.stacks.short_forms import read_template
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.raw import RawDefinition

Wanted = WantedStack[RawDefinition]
QUEUE = """\
Parameters:
  Days: {Type: Number}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      MessageRetentionPeriod: !Ref Days
      SqsManagedSseEnabled: true
Outputs:
  QueueUrl: {Value: !Ref Queue}
"""


class Raw(StackType[RawDefinition]):
    name = "raw"
    definition = RawDefinition
    summary = "a CloudFormation template of your own, with the same life as all the others"
    example = """\
type: raw
template: templates/queue.yaml  # below the folder stacks; JSON, or YAML with short forms (!Ref)
parameters:
  Days: 7
  # VpcId: ${stack:main.VpcId}  # an output of another stack
"""

    files: ClassVar[Mapping[str, str]] = {"templates/queue.yaml": QUEUE}

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        template = read_template(wanted.files[asked.template], asked.template)
        given = self.parameters(wanted)
        if faults := list(parameter_problems(template, given, asked.template)):
            where = f"stacks/{wanted.service}.yaml"
            raise InvalidDefinitions([replace(each, file=where) for each in faults])
        return template

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        return {name: _text(value) for name, value in wanted.definition.parameters.items()}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


TYPE = Raw()
