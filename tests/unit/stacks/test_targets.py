"""What a load balancer says of its targets."""

from provisimus.stacks.targets import standing


def target(name: str, state: str, **more: str) -> dict[str, object]:
    return {"Target": {"Id": name, "Port": 8080}, "TargetHealth": {"State": state, **more}}


def test_all_are_healthy() -> None:
    assert standing([target("i-1", "healthy"), target("i-2", "healthy")]) == (2, [])


def test_one_that_leaves_is_not_waited_for() -> None:
    assert standing([target("i-1", "draining"), target("i-2", "healthy")]) == (1, [])


def test_what_is_said_of_each_that_is_not() -> None:
    told = standing(
        [
            target("i-2", "unhealthy", Description="Health checks failed with these codes: [503]"),
            target("i-1", "initial", Reason="Elb.RegistrationInProgress"),
            target("i-3", "unhealthy"),
        ]
    )
    assert told == (
        0,
        [
            "i-1 is initial: Elb.RegistrationInProgress",
            "i-2 is unhealthy: Health checks failed with these codes: [503]",
            "i-3 is unhealthy",
        ],
    )
