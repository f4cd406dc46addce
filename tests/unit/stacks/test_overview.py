"""Stacks at a glance, of what DescribeStacks says."""

from datetime import UTC, datetime
from typing import Any

from provisimus.stacks.overview import StackState, states


def found(service: str, uses: str = "", **more: Any) -> dict[str, Any]:
    tags = {"provisimus:service": service, "provisimus:fingerprint": "sha256:ab"}
    if uses:
        tags["provisimus:uses"] = uses
    return {
        "StackName": f"acme-local-{service}",
        "StackId": f"arn:{service}",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **more,
    }


def test_who_uses_whom_and_what_is_not_there() -> None:
    greeter = found("greeter", "main names", EnableTerminationProtection=True)
    drifted = {"StackDriftStatus": "DRIFTED"}
    main = found("main", DriftInformation=drifted, LastUpdatedTime=datetime(2026, 2, 1, tzinfo=UTC))
    declared = {name: f"acme-local-{name}" for name in ("main", "greeter", "names")}
    assert states([greeter, main], declared) == [
        StackState(
            "greeter",
            "acme-local-greeter",
            "CREATE_COMPLETE",
            fingerprint="sha256:ab",
            changed="2026-01-01T00:00:00+00:00",
            protected=True,
            uses=("main", "names"),
        ),
        StackState(
            "main",
            "acme-local-main",
            "CREATE_COMPLETE",
            fingerprint="sha256:ab",
            drift="drifted",
            changed="2026-02-01T00:00:00+00:00",
            used_by=("greeter",),
        ),
        StackState("names", "acme-local-names", "not there", used_by=("greeter",)),
    ]
