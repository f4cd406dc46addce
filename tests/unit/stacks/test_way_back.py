"""What a stack remembers of what it was, and where a change goes back to. No cloud."""

from tests.unit.stacks.test_service import CASES, TYPE

from provisimus.stacks.change_set import Deployment
from provisimus.stacks.template import attached, body_of, detached
from provisimus.stacks.way_back import forgetting, remembered, remembering, way_back

PLAIN, DATA = TYPE.build(CASES["plain"]), TYPE.build(CASES["one-volume"])


def deployment(version: str, before: Deployment | None = None) -> Deployment:
    tags = {"provisimus:fingerprint": f"sha256:{version}", "provisimus:version": version}
    return Deployment(remembering(DATA, before), {"Version": version, "ImageId": "ami-1"}, tags)


def test_a_template_remembers_what_was_before_it_and_can_forget() -> None:
    one = deployment("1")
    template = remembering(PLAIN, one)
    assert remembered(template) == one
    assert forgetting(template) == PLAIN
    assert remembered(PLAIN) is None
    assert remembering(PLAIN, None) == PLAIN
    assert len(body_of(template)) - len(body_of(PLAIN)) < len(body_of(DATA))


def test_one_step_back_is_kept_and_no_more() -> None:
    two = deployment("2", deployment("1"))
    kept = remembered(remembering(PLAIN, two))
    assert kept is not None
    assert remembered(kept.template) is None
    assert kept.template == DATA


def test_the_memory_lives_through_the_halves_of_a_swap() -> None:
    two = deployment("2", deployment("1"))
    half = detached(two.template, "sha256:2")
    assert remembered(half) == remembered(two.template) == deployment("1")
    assert attached(half) == two.template


def test_a_change_goes_back_to_what_runs() -> None:
    one = deployment("1")
    two = deployment("2", one)
    assert way_back(one, "sha256:2", accepted=True) == one
    assert way_back(one, "sha256:2", accepted=False) == one
    assert way_back(two, "sha256:3", accepted=True) == two


def test_what_was_never_accepted_is_passed_over() -> None:
    one = deployment("1")
    assert way_back(deployment("2", one), "sha256:3", accepted=False) == one


def test_nothing_goes_back_to_itself() -> None:
    one = deployment("1")
    assert way_back(deployment("2", one), "sha256:1", accepted=False) is None
    assert way_back(one, "sha256:1", accepted=True) is None
