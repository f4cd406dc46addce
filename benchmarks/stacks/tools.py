# ruff: noqa: ARG002 - one shape for all tools
"""What one would take instead of us, each by its own command line: files, and commands as lists.

Every tool has its folder, and in it as many stacks as are asked for, all alike. What it waits
between two questions is its own affair: that is what its users wait.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ground import ACCOUNT, REGION, put

Commands = list[list[str]]
CAPABLE = ["--capabilities", "CAPABILITY_IAM"]
AWSCFNCLI = ["awscfncli2==3.1.1", "setuptools<81"]
CDK = ["aws-cdk@2.1148.1", "aws-cdk-lib@2.276.0", "constructs@10"]


class Tool(Protocol):
    """`names` are those of its stacks. A column that it cannot fill is why, in words."""

    name: str

    def install(self) -> Commands: ...

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        """Its definitions, with this template for every stack."""

    def plan(self, names: Sequence[str]) -> Commands | str: ...

    def create(self, names: Sequence[str]) -> Commands | str: ...

    def nothing(self, names: Sequence[str]) -> Commands: ...


@dataclass(frozen=True)
class Provisimus:
    """All of them by one command. A plan is a change set with values, which is removed again, and
    its template is validated meanwhile; by `--no-change-set` it compares the templates."""

    endpoint: str
    program: tuple[str, ...]
    name: str = "provisimus"
    planning: tuple[str, ...] = ()
    project = "ours"

    def install(self) -> Commands:
        return []

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        put(
            folder / "provisimus.yaml",
            f"project: {self.project}\nenvironments:\n  bench: {{provider: aws, "
            f"account: '{ACCOUNT}', region: {REGION}, endpoint: '{self.endpoint}'}}\n",
        )
        for name in names:
            put(folder / f"stacks/{name}.yaml", f"type: raw\ntemplate: templates/{name}.yaml\n")
            put(folder / f"stacks/templates/{name}.yaml", template)

    def _do(self, *words: str) -> Commands:
        return [[*self.program, "stack", *words, "--env", "bench"]]

    def plan(self, names: Sequence[str]) -> Commands | str:
        return self._do("plan", *names, *self.planning)

    def create(self, names: Sequence[str]) -> Commands:
        return self._do("apply", *names, "--yes")

    nothing = create


@dataclass(frozen=True)
class Sceptre:
    """A group by one command, its stacks side by side. A plan compares the templates."""

    home: Path
    name: str = "Sceptre"

    def install(self) -> Commands:
        return venv(self.home, ["sceptre==4.7.0"])

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        put(folder / "config/config.yaml", f"project_code: sceptre\nregion: {REGION}\n")
        for name in names:
            said = {
                "template": {"path": f"{name}.yaml", "type": "file"},
                "stack_name": f"sceptre-{name}",
            }
            put(folder / f"config/all/{name}.yaml", json.dumps(said))
            put(folder / f"templates/{name}.yaml", template)

    def _do(self, word: str, *options: str) -> Commands:
        return [[str(self.home / "bin/sceptre"), word, *options, "all"]]

    def plan(self, names: Sequence[str]) -> Commands | str:
        return self._do("diff")

    def create(self, names: Sequence[str]) -> Commands:
        return self._do("launch", "--yes")

    nothing = create


@dataclass(frozen=True)
class Formica:
    """A stack a command. A plan is a change set that stays, and so is finding nothing to do."""

    home: Path
    name: str = "formica"

    def install(self) -> Commands:
        return venv(self.home, ["formica-cli==0.16.1", "setuptools<81"])

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        put(folder / "bench.template.yaml", template)

    def _do(self, names: Sequence[str], *words: str) -> Commands:
        formica = str(self.home / "bin/formica")
        return [
            [formica, word, "--stack", f"formica-{name}", *(CAPABLE if word != "deploy" else ())]
            for name in names
            for word in words
        ]

    def plan(self, names: Sequence[str]) -> Commands | str:
        return self._do(names, "change")

    def create(self, names: Sequence[str]) -> Commands:
        return self._do(names, "new", "deploy")

    def nothing(self, names: Sequence[str]) -> Commands:
        return self._do(names, "change")


@dataclass(frozen=True)
class CfnCli:
    """All by one command, one after the other."""

    home: Path
    name: str = "cfn-cli"

    def install(self) -> Commands:
        # Its PyYAML builds with no newer Cython.
        [make, add] = venv(self.home, AWSCFNCLI)
        put(self.home.with_suffix(".constraints"), "cython<3\n")
        return [make, ["env", f"PIP_CONSTRAINT={self.home.with_suffix('.constraints')}", *add]]

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        stacks = {
            name: {
                "StackName": f"cfncli-{name}", "Template": "stack.yaml", "Region": REGION,
                "Capabilities": ["CAPABILITY_IAM"],
            }
            for name in names
        }  # fmt: skip
        put(folder / "cfn-cli.yml", json.dumps({"Version": 3, "Stages": {"Bench": stacks}}))
        put(folder / "stack.yaml", template)

    def plan(self, names: Sequence[str]) -> Commands | str:
        return "it shows a change set only to ask whether it shall be executed"

    def create(self, names: Sequence[str]) -> Commands:
        return [[str(self.home / "bin/cfn-cli"), "stack", "sync"]]

    nothing = create


@dataclass(frozen=True)
class Cdk:
    """An app in JavaScript, all of its stacks by one command, eight at once. A plan is a change set
    that is removed again."""

    home: Path
    name: str = "CDK"

    def install(self) -> Commands:
        return [["npm", "install", "--no-fund", "--no-audit", "--prefix", str(self.home), *CDK]]

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        library = self.home / "node_modules/aws-cdk-lib"
        put(folder / "stack.yaml", template)
        put(
            folder / "app.js",
            f"const cdk = require('{library}');\n"
            f"const {{CfnInclude}} = require('{library}/cloudformation-include');\n"
            "const app = new cdk.App({analyticsReporting: false});\n"
            f"for (const name of {json.dumps(list(names))}) {{\n"
            "  const stack = new cdk.Stack(app, `cdk-${name}`, "
            "{synthesizer: new cdk.BootstraplessSynthesizer()});\n"
            "  new CfnInclude(stack, 'All', {templateFile: 'stack.yaml'});\n}\n",
        )
        put(folder / "cdk.json", json.dumps({"app": "node app.js", "versionReporting": False}))

    def _do(self, *words: str) -> Commands:
        return [[str(self.home / "node_modules/.bin/cdk"), *words, "--all", "--no-notices"]]

    def plan(self, names: Sequence[str]) -> Commands | str:
        return self._do("diff")

    def create(self, names: Sequence[str]) -> Commands:
        return self._do("deploy", "--require-approval", "never", "--concurrency", "8")

    nothing = create


@dataclass(frozen=True)
class Sam:
    """A stack a command. A plan is a change set that stays."""

    home: Path
    name: str = "SAM"

    def install(self) -> Commands:
        return venv(self.home, ["aws-sam-cli==1.170.0"])

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        put(folder / "template.yaml", template)

    def _do(self, names: Sequence[str], *options: str) -> Commands:
        always = [*CAPABLE, "--no-fail-on-empty-changeset", "--no-progressbar", *options]
        sam = [str(self.home / "bin/sam"), "deploy", "--template-file", "template.yaml"]
        return [[*sam, "--stack-name", f"sam-{name}", *always] for name in names]

    def plan(self, names: Sequence[str]) -> Commands | str:
        return self._do(names, "--no-execute-changeset")

    def create(self, names: Sequence[str]) -> Commands:
        return self._do(names)

    nothing = create


@dataclass(frozen=True)
class Floor:
    """What nobody in Python gets below who asks AWS a question: one client, one DescribeStacks."""

    name: str = "botocore alone"

    def install(self) -> Commands:
        return []

    def lay(self, folder: Path, names: Sequence[str], template: str) -> None:
        put(
            folder / "ask.py",
            "from botocore.session import get_session\n"
            "client = get_session().create_client('cloudformation')\n"
            f"for _ in {list(names)}:\n    client.describe_stacks()\n",
        )

    def plan(self, names: Sequence[str]) -> Commands | str:
        return "it only asks"

    def create(self, names: Sequence[str]) -> Commands | str:
        return "it only asks"

    def nothing(self, names: Sequence[str]) -> Commands:
        return [[sys.executable, "ask.py"]]


def venv(home: Path, packages: list[str]) -> Commands:
    return [
        [sys.executable, "-m", "venv", str(home)],
        [str(home / "bin/python"), "-m", "pip", "install", "--quiet", *packages],
    ]


def peers(home: Path) -> list[Tool]:
    return [
        Sceptre(home / "sceptre"), Formica(home / "formica"), CfnCli(home / "cfn-cli"),
        Cdk(home / "cdk"), Sam(home / "sam"), Floor(),
    ]  # fmt: skip
