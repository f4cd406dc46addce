"""Logs of several instances: how they are called, and that one that fails stops no other."""

import pytest

from provisimus.errors import ToolFailed
from provisimus.tasks.list_instances import ListedInstance
from provisimus.tasks.many_logs import labels_of, tell_all


def instance(number: int, service: str, state: str = "running") -> ListedInstance:
    return ListedInstance(f"i-{number}", service, "1", state, "t3.small", None, None, "-")


def test_members_are_called_by_their_service_and_others_by_their_id() -> None:
    found = [instance(1, "cache-1"), instance(2, "cache-2"), instance(3, "cache-2", "stopped")]
    assert labels_of(found) == {"i-1": "cache-1", "i-2": "cache-2"}
    assert labels_of([instance(1, "web"), instance(20, "web")]) == {"i-1": "i-1 ", "i-20": "i-20"}
    assert labels_of([]) == {}


def test_each_line_says_whose_it_is_and_a_failure_stops_no_other() -> None:
    said: list[str] = []
    sessions = {"a": ["sh", "-c", "echo lost; exit 3"], "b": ["sh", "-c", "echo one; echo two"]}
    with pytest.raises(ToolFailed):
        tell_all(sessions, {"a": "web-1", "b": "web-2"}, said.append)
    assert [each for each in said if each.startswith("web-2")] == ["web-2 | one", "web-2 | two"]
    mine = [each for each in said if each.startswith("web-1")]
    assert mine[0] == "web-1 | lost"
    assert mine[1].startswith("web-1 ! sh")
