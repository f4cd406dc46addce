"""AWS::IAM::Policy: one inline policy in several roles, users and groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._iam import (
    ABSENT,
    HOLDERS,
    NOT_ENFORCED,
    as_written,
    document,
    holders,
    named,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Attachment,
    Handler,
    Shape,
    Wanted,
)


class Policy(Handler):
    type = "AWS::IAM::Policy"
    honoured = frozenset({"PolicyDocument/**", "PolicyName", *(f"{key}/*" for key in HOLDERS)})
    attributes = frozenset({"Id"})
    capability = "IAM"
    recorded: ClassVar[Mapping[str, str]] = {"*": NOT_ENFORCED}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        _refuse_nobody(wanted.properties)
        done: list[tuple[str, str]] = []
        try:
            for holder in sorted(holders(wanted.properties)):
                _put(cloud, holder, wanted.properties)
                done.append(holder)
        except Exception:
            # There is no id yet by which it could be removed.
            _delete(cloud, done, str(wanted.properties["PolicyName"]))
            raise
        return wanted.generated_name

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """From each that should have it; it has no id of its own."""
        found = {each: _document(cloud, each, properties) for each in holders(properties)}
        documents = [each for each in found.values() if each is not None]
        if not documents:
            return None
        written = properties["PolicyDocument"]
        told = [as_written(each, written) for each in documents]
        return {
            "PolicyDocument": next((each for each in told if each != written), written),
            "PolicyName": properties["PolicyName"],
            **{
                key: [
                    name for name in properties.get(key, []) if found[kind, str(name)] is not None
                ]
                for key, kind in HOLDERS.items()
            },
        }

    def attachments(self, physical_id: str, properties: Mapping[str, Any]) -> Iterable[Attachment]:
        for _, holder in sorted(holders(properties)):
            yield Attachment(holder, "Policies", {"PolicyName": properties["PolicyName"]})

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _refuse_nobody(after.properties)
        was, becomes = before.properties, after.properties
        for holder in sorted(holders(becomes)):
            _put(cloud, holder, becomes)
        renamed = was["PolicyName"] != becomes["PolicyName"]
        gone = holders(was) if renamed else holders(was) - holders(becomes)
        _delete(cloud, gone, str(was["PolicyName"]))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        _delete(cloud, holders(properties), str(properties["PolicyName"]))


def _put(cloud: Cloud, holder: tuple[str, str], properties: Mapping[str, Any]) -> None:
    getattr(cloud.iam, f"put_{holder[0]}_policy")(
        PolicyName=properties["PolicyName"],
        PolicyDocument=document(properties["PolicyDocument"]),
        **named(*holder),
    )


def _document(cloud: Cloud, holder: tuple[str, str], properties: Mapping[str, Any]) -> Any:
    get = getattr(cloud.iam, f"get_{holder[0]}_policy")
    told = unless_absent(lambda: get(PolicyName=properties["PolicyName"], **named(*holder)), ABSENT)
    return told and told["PolicyDocument"]


def _delete(cloud: Cloud, gone: Iterable[tuple[str, str]], name: str) -> None:
    for kind, holder in gone:
        delete = getattr(cloud.iam, f"delete_{kind}_policy")
        arguments = {"PolicyName": name, **named(kind, holder)}
        unless_absent(lambda call=delete, given=arguments: call(**given), ABSENT)  # type: ignore[misc]


def _refuse_nobody(properties: Mapping[str, Any]) -> None:
    if not holders(properties):
        raise ResourceFailed("At least one of [Groups,Roles,Users] must be non-empty.")


HANDLER = Policy()
