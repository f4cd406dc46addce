"""The definition of a stack that others made: of type `raw`, with the template that runs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provisimus.workspace.edited import written


@dataclass(frozen=True)
class Adopted:
    """What is known of it. `named` is whether the definition must say the stack's name; `body` the
    template as it was submitted; `hidden` are the parameters whose values CloudFormation tells
    nobody."""

    service: str
    environment: str
    stack: str
    named: bool
    body: str
    parameters: Mapping[str, str]
    hidden: frozenset[str]
    tags: Mapping[str, str]

    @property
    def path(self) -> str:
        """Of the definition, below the folder of stacks, as all paths here."""
        return f"{self.service}.yaml"

    @property
    def template(self) -> str:
        """Of the template."""
        kind = "json" if self.body.lstrip().startswith("{") else "yaml"
        return f"templates/{self.service}.{kind}"

    def files(self) -> dict[str, str]:
        """The texts by their paths; the template first, for the definition names it."""
        return {self.template: self.body, self.path: "".join(f"{one}\n" for one in self._lines())}

    def _lines(self) -> Iterator[str]:
        yield f"# Adopted: the stack {self.stack} of {self.environment}, with its own template."
        yield "type: raw"
        yield f"template: {self.template}"
        if self.parameters:
            yield "parameters:"
        for name, value in sorted(self.parameters.items()):
            if name in self.hidden:
                yield f"  {written(name)}:  # {UNSAID}"
            else:
                yield f"  {written(name)}: {json.dumps(value, ensure_ascii=False)}"
        if self.tags:
            yield "tags:"
        for name, value in sorted(self.tags.items()):
            yield f"  {written(name)}: {json.dumps(value, ensure_ascii=False)}"
        if self.named:
            yield f"environments: {{{self.environment}: {{stack_name: {written(self.stack)}}}}}"


UNSAID = 'NoEcho: write a reference, "{{resolve:secretsmanager:NAME:SecretString:KEY}}"'


def own_tags(tags: Mapping[str, str], company: Mapping[str, str]) -> dict[str, str]:
    """Those of a stack's tags that neither Provisimus nor the company sets."""
    return {
        name: value
        for name, value in tags.items()
        if not name.lower().startswith(("aws:", "provisimus:")) and company.get(name) != value
    }
