"""The story of a stack, told from outside by boto3: made, changed, waited for, read back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

IN_PROGRESS = [
    "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS",
]  # fmt: skip
_numbers = itertools.count(1)


@dataclass
class Story:
    """One stack, from outside.

    The world is where it stands: `cloudformation` and `client(service)` speak to it, `parameters()`
    are those of a template that asks for an image and a network; what is waited for must have come
    within `patience` seconds, and is looked at every `pause` seconds.
    """

    world: Any
    name: str
    stack_id: str = ""
    seen: int = 0

    def change(
        self,
        body: str,
        kind: str = "UPDATE",
        tags: Mapping[str, str] | None = None,
        **changed: str,
    ) -> dict[str, Any]:
        """Make a change set and wait until it is there or refused."""
        api = self.world.cloudformation
        made = api.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{next(_numbers)}",
            ChangeSetType=kind,
            TemplateBody=body,
            Parameters=self.world.parameters(**changed) if "ImageId: {Type" in body else [],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": k, "Value": v} for k, v in (tags or {}).items()],
        )
        self.stack_id = made["StackId"]
        self.wait_while(
            lambda: api.describe_change_set(ChangeSetName=made["Id"])["Status"],
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        )
        return dict(api.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True))

    def apply(self, body: str, kind: str = "UPDATE", **given: Any) -> str:
        """A change set, executed to its end; returns the stack's status."""
        told = self.change(body, kind, **given)
        assert told["Status"] == "CREATE_COMPLETE", told.get("StatusReason")
        self.world.cloudformation.execute_change_set(ChangeSetName=told["ChangeSetId"])
        return self.settle()

    def create(self, body: str, **given: Any) -> str:
        made = self.world.cloudformation.create_stack(
            StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **given
        )
        self.stack_id = made["StackId"]
        return self.settle()

    def update(self, body: str, **given: Any) -> str:
        self.world.cloudformation.update_stack(
            StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **given
        )
        return self.settle()

    def delete(self, **given: Any) -> str:
        self.world.cloudformation.delete_stack(StackName=self.name, **given)
        return self.settle()

    def reach(self, logical_id: str, status: str) -> None:
        """Wait for an event."""

        def reached() -> str:
            told = self.events()
            found = any(
                (e["LogicalResourceId"], e["ResourceStatus"]) == (logical_id, status) for e in told
            )
            return "there" if found else "not yet"

        self.wait_while(reached, "not yet")

    def begun(self, logical_id: str, other_than: str = "none") -> str:
        """The physical id of a resource as soon as there is one."""

        def known() -> str:
            api = self.world.cloudformation
            told = api.list_stack_resources(StackName=self.stack_id)["StackResourceSummaries"]
            found = [
                e.get("PhysicalResourceId") for e in told if e["LogicalResourceId"] == logical_id
            ]
            return (found and found[0]) or "none"

        return self.wait_while(known, "none", other_than)

    def events(self) -> list[dict[str, Any]]:
        """All events, oldest first."""
        pages = self.world.cloudformation.get_paginator("describe_stack_events")
        told = [e for p in pages.paginate(StackName=self.stack_id) for e in p["StackEvents"]]
        return told[::-1]

    @property
    def lives(self) -> bool:
        """Whether there is a stack of the name."""
        try:
            self.world.cloudformation.describe_stacks(StackName=self.name)
        except ClientError:
            return False
        return True

    def settle(self) -> str:
        """Wait until no operation runs; returns the status."""
        running = [s for s in IN_PROGRESS if s != "REVIEW_IN_PROGRESS"]
        return self.wait_while(lambda: self.described["StackStatus"], *running)

    @property
    def described(self) -> dict[str, Any]:
        return dict(self.world.cloudformation.describe_stacks(StackName=self.stack_id)["Stacks"][0])

    @property
    def described_by_name(self) -> dict[str, Any]:
        return dict(self.world.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0])

    @property
    def outputs(self) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self.described.get("Outputs", [])}

    def physical(self, logical_id: str) -> str:
        told = self.world.cloudformation.describe_stack_resource(
            StackName=self.stack_id, LogicalResourceId=logical_id
        )
        return str(told["StackResourceDetail"]["PhysicalResourceId"])

    def news(self) -> list[str]:
        """`NAME STATUS [reason]` of the events since last asked, oldest first."""
        events = self.events()
        fresh = events[self.seen :]
        self.seen = len(events)
        return [
            " ".join(
                part
                for part in (
                    "STACK" if e["LogicalResourceId"] == self.name else e["LogicalResourceId"],
                    e["ResourceStatus"],
                    f"[{e['ResourceStatusReason']}]" if e.get("ResourceStatusReason") else "",
                )
                if part
            )
            for e in fresh
        ]

    def wait_while(self, status: Callable[[], str], *running: str) -> str:
        pause = threading.Event()
        for _ in range(int(self.world.patience / self.world.pause)):
            now = status()
            if now not in running:
                return now
            pause.wait(self.world.pause)
        raise AssertionError(f"still {status()} after {self.world.patience:.0f} seconds")
