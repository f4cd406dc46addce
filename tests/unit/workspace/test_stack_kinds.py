"""Which class reads a stack's file; a company's own types; what uses what."""

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.types import all_types, find_type
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace import Workspace, open_workspace
from provisimus.workspace.check import check
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.stack_uses import in_order

QUEUE = '''
from provisimus.stacks.types import StackType
from provisimus.workspace.definitions.common import Misfit
from provisimus.workspace.definitions.stack import StackDefinition, Use


class QueueDefinition(StackDefinition):
    days: int = 4
    """How long a message waits at most."""
    after: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.days > 14:
            raise Misfit("SQS keeps nothing longer than 14 days", "days")

    def uses(self):
        if self.after:
            yield Use(self.after, ("after",))


class Queue(StackType):
    name = "queue"
    summary = "a queue as we like it"
    example = "type: queue\\ndays: 7\\n"
    definition = QueueDefinition

    def build(self, wanted):
        seconds = wanted.definition.days * 86400
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": seconds}}
        return {"Resources": {"Queue": queue}}


TYPE = Queue()
'''


def workspace(root: Path, types: str = "", **stacks: str) -> Workspace:
    (root / "provisimus.yaml").write_text("project: acme\n")
    (root / "stacks").mkdir(exist_ok=True)
    for name, text in stacks.items():
        (root / f"stacks/{name}.yaml").write_text(text)
    if types:
        (root / "stack_types").mkdir(exist_ok=True)
        (root / "stack_types/queue.py").write_text(types)
    return open_workspace(root)


def problems(found: Workspace) -> list[str]:
    return [
        f"{Path(each.file).name}:{each.line} {each.key}: {each.message}" for each in check(found)[0]
    ]


def test_a_file_is_read_by_the_class_of_its_type_and_known_as_such(tmp_path: Path) -> None:
    text = "type: network\nenvironments: {local: {nat: one}}\n"
    for _ in range(2):
        found = workspace(tmp_path, main=text)
        assert isinstance(found.stack("main"), NetworkDefinition)
        local = found.stack("main", "local")
        assert isinstance(local, NetworkDefinition)
        assert local.nat == "one"
        assert found.machine_of("main") is None


def test_a_type_that_nobody_has(tmp_path: Path) -> None:
    found = workspace(tmp_path, main="\ntype: netwrok\n")
    with pytest.raises(InvalidDefinitions) as error:
        found.stack("main")
    [problem] = error.value.problems
    assert (problem.line, problem.key) == (2, "type")
    assert problem.hint == "did you mean 'network'?"


def test_a_type_of_the_companys_own(tmp_path: Path) -> None:
    found = workspace(tmp_path, QUEUE, orders="type: queue\ndays: 7\n")
    assert problems(found) == []
    kind = find_type("queue", found.root)
    assert list(all_types(found.root))[-1] == "queue"
    made = kind.build(WantedStack("orders", "", found.stack("orders")))
    assert made["Resources"]["Queue"]["Properties"] == {"MessageRetentionPeriod": 604800}


def test_its_own_rules_are_told_like_ours(tmp_path: Path) -> None:
    found = workspace(tmp_path, QUEUE, a="type: queue\ndays: 15\n", b="type: queue\ndasy: 1\n")
    assert problems(found) == [
        "a.yaml:2 days: SQS keeps nothing longer than 14 days",
        "b.yaml:2 dasy: this key is not known here",
    ]


def test_its_file_is_read_anew_each_time(tmp_path: Path) -> None:
    found = workspace(tmp_path, QUEUE, orders="type: queue\n")
    found.stack("orders")
    kept = tmp_path / ".provisimus/cache/definitions"
    assert "QueueDefinition" not in "".join(each.read_text() for each in kept.glob("*.json"))


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("import nothing_of_that_name\n", 1, "it cannot be loaded: ModuleNotFoundError"),
        ("a = 1\nb = (\n", 2, "it cannot be loaded: SyntaxError"),
        ("KIND = 1\n", None, "it has no constant TYPE"),
        ("TYPE = 1\n", None, "its TYPE has no name and definition"),
        (
            QUEUE.replace('name = "queue"', 'name = "service"'),
            None,
            "the stack type 'service' comes from Provisimus itself already",
        ),
    ],
)
def test_one_that_cannot_be_used_is_named(
    tmp_path: Path, code: str, line: int | None, said: str
) -> None:
    found = workspace(tmp_path, code, orders="type: queue\n")
    with pytest.raises(InvalidDefinitions) as error:
        found.stack("orders")
    [problem] = error.value.problems
    assert Path(problem.file).name == "queue.py"
    assert problem.line == line
    assert problem.message.startswith(said)


def test_a_companys_code_is_not_loaded_without_need(tmp_path: Path) -> None:
    found = workspace(tmp_path, "raise RuntimeError\n", main="type: network\n")
    assert problems(found) == []


def test_uses_are_checked_where_they_stand(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        QUEUE,
        a="type: queue\nafter: b\n",
        b="type: queue\nafter: c\n",
        c="type: queue\nafter: a\n",
        d="type: queue\nafter: e\n",
        self="type: queue\nafter: self\n",
    )
    assert problems(found) == [
        "a.yaml:2 after: the stacks use each other in a circle: a → b → c → a",
        "d.yaml:2 after: there is no stack 'e' in the workspace",
        "self.yaml:2 after: a stack cannot use itself",
    ]


def test_uses_that_only_one_environment_has(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        QUEUE,
        a="type: queue\nenvironments:\n  local:\n    after: b\n",
        b="type: queue\nafter: a\n",
    )
    assert problems(found) == [
        "a.yaml:4 environments/local/after: the stacks use each other in a circle: a → b → a"
    ]


def test_a_stack_of_another_type(tmp_path: Path) -> None:
    found = workspace(
        tmp_path, QUEUE, q="type: queue\n", s="network: {stack: q}\nenvironments: {local: {}}\n"
    )
    assert "s.yaml:1 network: 'q' is of type queue, not network" in problems(found)


def test_what_is_used_comes_first(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        QUEUE,
        a="type: queue\nafter: c\n",
        b="type: queue\n",
        c="type: queue\nafter: d\n",
        d="type: queue\n",
    )
    stacks = {name: found.stack(name) for name in found.services()}
    assert in_order(stacks) == ["d", "c", "a", "b"]
    assert in_order({name: stacks[name] for name in "ab"}) == ["a", "b"]


def test_one_type_in_all_environments(tmp_path: Path) -> None:
    found = workspace(tmp_path, a="type: network\nenvironments: {local: {type: service}}\n")
    with pytest.raises(InvalidDefinitions, match="a stack has one type in all environments"):
        found.stack("a")
