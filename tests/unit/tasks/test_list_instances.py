"""An instance as it is listed."""

from datetime import UTC, datetime

from provisimus.tasks.list_instances import ListedInstance, listed

FOUND = {
    "InstanceId": "i-1",
    "State": {"Name": "running"},
    "InstanceType": "t3.small",
    "LaunchTime": datetime(2026, 1, 1, 12, tzinfo=UTC),
    "PublicIpAddress": "127.9.0.1",
    "PrivateIpAddress": "10.0.0.5",
}


def tagged(**tags: str) -> dict[str, object]:
    return {**FOUND, "Tags": [{"Key": f"provisimus:{k}", "Value": v} for k, v in tags.items()]}


def test_one_of_a_service() -> None:
    assert listed(tagged(service="greeter", version="1.0.0")) == ListedInstance(
        "i-1",
        "greeter",
        "1.0.0",
        "running",
        "t3.small",
        "127.9.0.1",
        "10.0.0.5",
        "2026-01-01T12:00:00Z",
    )


def test_one_that_bakes_and_one_that_nobody_named() -> None:
    assert listed(tagged(machine="greeter")).service == "(bakes greeter)"
    assert listed(FOUND).service == "unknown"
