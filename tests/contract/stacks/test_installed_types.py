"""A stack type that comes with an installed package: found, checked, planned, applied, deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contract.stacks.desk import Desk

MODULE = '''
from provisimus.stacks.types import StackType
from provisimus.workspace.definitions.stack import StackDefinition


class MailboxDefinition(StackDefinition):
    display: str
    """What it is called."""


class Mailbox(StackType):
    name = "mailbox"
    summary = "a topic that a company calls a mailbox"
    example = "type: mailbox\\ndisplay: letters\\n"
    definition = MailboxDefinition

    def build(self, wanted):
        shown = {"DisplayName": wanted.definition.display}
        return {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": shown}}}


TYPE = Mailbox()
'''
POINTS = "[provisimus.stack_types]\nmailbox = acme_stacks.mailbox:TYPE\n"


def install(site: Path, points: str = POINTS) -> None:
    """What an installer leaves of a package."""
    (site / "acme_stacks").mkdir(parents=True)
    (site / "acme_stacks/__init__.py").touch()
    (site / "acme_stacks/mailbox.py").write_text(MODULE)
    info = site / "acme_stacks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stacks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def run(desk: Desk, site: Path, *arguments: str, expect: int = 0) -> str:
    """A process of its own, which looks for installed packages when it starts."""
    done = subprocess.run(
        [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
        cwd=desk.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr[-3000:]
    return done.stdout if expect == 0 else done.stderr


def test_a_type_of_an_installed_package_is_as_good_as_any(desk: Desk, site: Path) -> None:
    install(site)
    assert "a topic that a company calls a mailbox" in run(desk, site, "stack", "types")
    assert run(desk, site, "stack", "types", "mailbox").startswith("type: mailbox")
    (desk.root / "stacks/letters.yaml").write_text("type: mailbox\ndisplay: letters\n")
    run(desk, site, "check")
    planned = json.loads(run(desk, site, "stack", "plan", "letters", "--json"))
    assert [each["logical_id"] for each in planned["stacks"][0]["changes"]] == ["Topic"]
    run(desk, site, "stack", "apply", "letters", "--yes")
    assert desk.status("letters") == "CREATE_COMPLETE"
    (desk.root / "stacks/letters.yaml").write_text("type: mailbox\n")
    told = run(desk, site, "check", expect=3)
    assert "stacks/letters.yaml" in told
    assert "display" in told
    run(desk, site, "stack", "delete", "letters", "--yes")
    assert desk.status("letters") == "gone"


def test_an_installed_type_that_cannot_be_loaded_is_named(desk: Desk, site: Path) -> None:
    install(site, POINTS.replace("mailbox:TYPE", "letterbox:TYPE"))
    (desk.root / "stacks/letters.yaml").write_text("type: mailbox\ndisplay: letters\n")
    told = run(desk, site, "check", expect=3)
    assert "the installed stack type mailbox (acme_stacks.letterbox:TYPE)" in told
    assert "No module named 'acme_stacks.letterbox'" in told
