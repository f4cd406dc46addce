"""Who has which key, and the change of a key in every definition that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import NotFound, UsageFault
from provisimus.tasks.list_instances import ListedInstance
from provisimus.tasks.users import (
    comment_of,
    key_fingerprint,
    list_users,
    matching,
    plan_rotation,
    replaced,
    shown_key,
    write_rotation,
)
from provisimus.workspace import Workspace, open_workspace

OLD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
NEW = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAfHh0cGxoZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIB"
# As `ssh-keygen -l` prints it.
OLD_PRINT = "SHA256:mKqU+0K8OhKmA8bBQi9Rz0Q5l7/g160hIP+rJYSTNj4"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "stacks").mkdir()
    for name, comment in (("greeter", " ada@acme"), ("cache", ""), ("other", None)):
        folder = tmp_path / "packer" / name
        folder.mkdir(parents=True)
        users = (
            f"users:   # who may in\n  - {{name: ops, ssh_keys: ['{OLD}{comment}'], sudo: true}}\n"
            if comment is not None
            else ""
        )
        (folder / "machine.yaml").write_text(f"base: debian-12\nmain: {name}\n{users}")
    (tmp_path / "stacks/greeter.yaml").write_text("version: 1.0.0\n")
    (tmp_path / "stacks/cache.yaml").write_text("type: cluster\nversion: 1.0.0\nmembers: 2\n")
    return open_workspace(tmp_path)


def instance(name: str, service: str) -> ListedInstance:
    return ListedInstance(name, service, "1.0.0", "running", "t3.small", None, None, "now")


def test_each_key_is_listed_with_what_runs_it(workspace: Workspace) -> None:
    running = [instance("i-1", "greeter"), instance("i-2", "cache-2"), instance("i-3", "else")]
    found = list_users(workspace, "local", running)
    assert [
        (e.machine, e.user, e.sudo, e.key, e.comment, e.services, e.instances) for e in found
    ] == [
        ("cache", "ops", True, OLD_PRINT, "", ("cache",), ("i-2",)),
        ("greeter", "ops", True, OLD_PRINT, "ada@acme", ("greeter",), ("i-1",)),
    ]


def test_a_key_is_replaced_in_every_definition_and_nothing_else(workspace: Workspace) -> None:
    changes = plan_rotation(workspace, "local", OLD_PRINT, f"{NEW} ada@new\n")
    assert [(e.machine, e.users, e.services) for e in changes] == [
        ("cache", ("ops",), ("cache",)),
        ("greeter", ("ops",), ("greeter",)),
    ]
    before = changes[1].path.read_text()
    assert changes[1].before == before
    write_rotation(changes)
    after = (workspace.packer / "greeter/machine.yaml").read_text()
    assert after == before.replace(f"{OLD} ada@acme", f"{NEW} ada@new")
    assert workspace.machine("cache").users[0].ssh_keys == (f"{NEW} ada@new",)
    with pytest.raises(NotFound, match="no machine has the key"):
        plan_rotation(workspace, "local", OLD_PRINT, NEW)


def test_a_comment_names_a_key_and_one_machine_may_be_chosen(workspace: Workspace) -> None:
    (change,) = plan_rotation(workspace, "local", "ada@acme", NEW)
    assert change.machine == "greeter"
    (change,) = plan_rotation(workspace, "local", OLD_PRINT, NEW, ["cache"])
    assert change.machine == "cache"


def test_faults_are_told_before_anything_is_written(workspace: Workspace) -> None:
    with pytest.raises(UsageFault, match="is no public SSH key"):
        plan_rotation(workspace, "local", OLD_PRINT, "-----BEGIN OPENSSH PRIVATE KEY-----")
    with pytest.raises(UsageFault, match="the new key is the old one"):
        plan_rotation(workspace, "local", OLD_PRINT, f"{OLD} with another comment")
    with pytest.raises(UsageFault, match="means several keys"):
        matching([f"{OLD} ada", f"{NEW} ada"], "ada")
    with pytest.raises(UsageFault, match="as one line"):
        replaced("ssh_keys: [>-\n  folded]\n", frozenset({OLD}), NEW, Path("machine.yaml"))


def test_fingerprints_are_those_of_ssh_keygen() -> None:
    assert key_fingerprint(OLD) == key_fingerprint(f"{OLD} any comment") == OLD_PRINT
    assert comment_of(f"{OLD} ada of acme") == "ada of acme"
    for text in ("", "ssh-ed25519", "ssh-ed25519 !", "ssh-rsa " + OLD.split()[1]):
        with pytest.raises(UsageFault):
            key_fingerprint(text)
    assert shown_key("ssh-ed25519 AAAA…").startswith("no key: ssh-ed25519")
