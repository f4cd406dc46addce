"""What several instances log, together: each line after the name of the instance that it is of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from provisimus.errors import ProvisimusError
from provisimus.parallel import side_by_side
from provisimus.process import stream
from provisimus.tasks.list_instances import ListedInstance


def labels_of(instances: Sequence[ListedInstance]) -> dict[str, str]:
    """The name of each running instance by its id: its service's, as long as that is its alone.

    Pure. All are of one width, so that what is logged stands in a column.
    """
    running = [each for each in instances if each.state == "running"]
    times = Counter(each.service for each in running)
    names = {
        each.instance_id: each.service if times[each.service] == 1 else each.instance_id
        for each in running
    }
    width = max(map(len, names.values()), default=0)
    return {instance: name.ljust(width) for instance, name in names.items()}


def tell_all(
    sessions: Mapping[str, Sequence[str]],
    labels: Mapping[str, str],
    say: Callable[[str], None],
    *,
    at_once: int = 32,
) -> None:
    """Run the program of each instance and say its lines as they come.

    One that fails is said, the others go on; then its error is raised, the first of several.
    """

    def work(instance: str) -> None:
        try:
            stream(sessions[instance], lambda line: say(f"{labels[instance]} | {line}"), grace=2.0)
        except ProvisimusError as error:
            say(f"{labels[instance]} ! {error.message}")
            raise

    ended = side_by_side(dict.fromkeys(sessions, ()), work, lambda *_: None, at_once=at_once)
    for each in ended.values():
        if isinstance(each, Exception):
            raise each
