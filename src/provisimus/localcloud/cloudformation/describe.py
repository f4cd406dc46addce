"""What is known, as the API's answers tell it. Pure: values in, answers out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from provisimus.localcloud.cloudformation.changes import Change, Detail
from provisimus.localcloud.cloudformation.drift import Detection, ResourceDrift
from provisimus.localcloud.cloudformation.events import StackEvent
from provisimus.localcloud.cloudformation.parameters import ParameterValue
from provisimus.localcloud.cloudformation.stack import ChangeSet, Deployment, Resource, Stack
from provisimus.localcloud.cloudformation.support import handler_of, needed_capability
from provisimus.localcloud.cloudformation.template import Template

_EXECUTED = ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED")


def stack(known: Stack) -> dict[str, Any]:
    """One of DescribeStacks."""
    deployment = known.deployment or Deployment("")
    return _given(
        {
            "StackId": known.id,
            "StackName": known.name,
            "ChangeSetId": next(
                (e.id for e in known.change_sets.values() if e.execution_status in _EXECUTED), None
            ),
            "Description": deployment.description,
            "Parameters": parameters(deployment.parameters.values()),
            "CreationTime": when(known.created),
            "LastUpdatedTime": when(known.updated),
            "DeletionTime": when(known.deleted),
            "StackStatus": known.status,
            "StackStatusReason": known.reason,
            "DisableRollback": known.on_failure == "DO_NOTHING",
            "NotificationARNs": list(deployment.notification_arns),
            "Capabilities": list(deployment.capabilities),
            "RoleARN": deployment.role_arn,
            "Outputs": [
                _given(
                    {
                        "OutputKey": each.key,
                        "OutputValue": each.value,
                        "Description": each.description,
                        "ExportName": each.export,
                    }
                )
                for each in known.outputs
            ],
            "Tags": tags(deployment.tags),
            "EnableTerminationProtection": known.protected,
            "DriftInformation": _given(
                {
                    "StackDriftStatus": known.drift_status,
                    "LastCheckTimestamp": when(known.drift_checked),
                }
            ),
            "RollbackConfiguration": {},
        }
    )


def summary(known: Stack) -> dict[str, Any]:
    """One of ListStacks."""
    whole = stack(known)
    result: dict[str, Any] = {
        key: whole[key]
        for key in (
            "StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime",
            "StackStatus", "StackStatusReason", "DriftInformation",
        )
        if key in whole
    }  # fmt: skip
    return {**result, "TemplateDescription": whole.get("Description", "")}


def stack_event(known: Stack, each: StackEvent) -> dict[str, Any]:
    return _given(
        {
            "StackId": known.id,
            "EventId": each.event_id,
            "StackName": known.name,
            "LogicalResourceId": each.logical_id,
            "PhysicalResourceId": each.physical_id,
            "ResourceType": each.type,
            "Timestamp": when(each.timestamp),
            "ResourceStatus": each.status,
            "ResourceStatusReason": each.reason,
            "ResourceProperties": each.properties,
            "ClientRequestToken": each.token,
        }
    )


def resource(known: Stack, each: Resource) -> dict[str, Any]:
    """One of DescribeStackResources."""
    return _given(
        {
            "StackName": known.name,
            "StackId": known.id,
            "LogicalResourceId": each.logical_id,
            "PhysicalResourceId": each.physical_id,
            "ResourceType": each.type,
            "Timestamp": when(each.timestamp),
            "ResourceStatus": each.status,
            "ResourceStatusReason": each.reason,
            "DriftInformation": _drift_information(known.drifts.get(each.logical_id)),
        }
    )


def resource_detail(known: Stack, each: Resource) -> dict[str, Any]:
    """The answer of DescribeStackResource."""
    result = resource(known, each)
    result["LastUpdatedTimestamp"] = result.pop("Timestamp")
    return {**result, "Metadata": json.dumps(each.metadata)}


def resource_summary(known: Stack, each: Resource) -> dict[str, Any]:
    """One of ListStackResources."""
    result = resource(known, each)
    result["LastUpdatedTimestamp"] = result.pop("Timestamp")
    return {key: value for key, value in result.items() if key not in ("StackName", "StackId")}


def resource_drift(known: Stack, each: ResourceDrift) -> dict[str, Any]:
    """One of DescribeStackResourceDrifts."""
    return _given(
        {
            "StackId": known.id,
            "LogicalResourceId": each.logical_id,
            "PhysicalResourceId": each.physical_id,
            "ResourceType": each.type,
            "ExpectedProperties": each.expected,
            "ActualProperties": each.actual,
            "PropertyDifferences": [
                {
                    "PropertyPath": one.path,
                    "ExpectedValue": one.expected,
                    "ActualValue": one.actual,
                    "DifferenceType": one.kind,
                }
                for one in each.differences
            ],
            "StackResourceDriftStatus": each.status,
            "Timestamp": when(each.timestamp),
            "DriftStatusReason": each.reason,
        }
    )


def detection(known: Stack, each: Detection) -> dict[str, Any]:
    """The answer of DescribeStackDriftDetectionStatus."""
    return _given(
        {
            "StackId": known.id,
            "StackDriftDetectionId": each.id,
            "StackDriftStatus": each.stack_status,
            "DetectionStatus": each.status,
            "DetectionStatusReason": each.reason,
            "DriftedStackResourceCount": each.drifted,
            "Timestamp": when(each.begun),
        }
    )


def change_set(known: Stack, each: ChangeSet, *, values: bool) -> dict[str, Any]:
    """The answer of DescribeChangeSet; property values only where asked for."""
    return _given(
        {
            **change_set_summary(known, each),
            "Parameters": parameters(each.deployment.parameters.values()),
            "NotificationARNs": list(each.deployment.notification_arns),
            "Capabilities": list(each.deployment.capabilities),
            "Tags": tags(each.deployment.tags),
            "RollbackConfiguration": {},
            "OnStackFailure": each.on_stack_failure,
            "Changes": each.changes if values else [_without_values(c) for c in each.changes],
        }
    )


def change_set_summary(known: Stack, each: ChangeSet) -> dict[str, Any]:
    """One of ListChangeSets."""
    return _given(
        {
            "StackId": known.id,
            "StackName": known.name,
            "ChangeSetId": each.id,
            "ChangeSetName": each.name,
            "ExecutionStatus": each.execution_status,
            "Status": each.status,
            "StatusReason": each.reason,
            "CreationTime": when(each.created),
            "Description": each.description,
            "IncludeNestedStacks": each.include_nested,
        }
    )


def change(each: Change) -> dict[str, Any]:
    """One of a change set's Changes, values included."""
    return {
        "Type": "Resource",
        "ResourceChange": _given(
            {
                "PolicyAction": each.policy_action,
                "Action": each.action,
                "LogicalResourceId": each.logical_id,
                "PhysicalResourceId": each.physical_id,
                "ResourceType": each.type,
                "Replacement": each.replacement,
                "Scope": each.scope,
                "Details": [_detail(detail) for detail in each.details],
                "BeforeContext": _context(each.before),
                "AfterContext": _context(each.after),
            }
        ),
    }


def template_summary(template: Template) -> dict[str, Any]:
    """The answer of GetTemplateSummary, and what ValidateTemplate has in common with it."""
    needed = needed_capability(template)
    return _given(
        {
            "Description": template.description,
            "Parameters": [_declared(k, v) for k, v in template.parameters.items()],
            "ResourceTypes": sorted({each.type for each in template.resources.values()}),
            "Version": template.version,
            "Metadata": json.dumps(template.metadata) if template.metadata else None,
            "Capabilities": [needed] if needed else [],
            "CapabilitiesReason": (
                "The following resource(s) require capabilities: "
                f"[{', '.join(_demanding(template))}]"
                if needed
                else None
            ),
        }
    )


def parameters(values: Iterable[ParameterValue]) -> list[dict[str, Any]]:
    return [
        _given(
            {
                "ParameterKey": each.key,
                "ParameterValue": each.shown,
                "ResolvedValue": each.resolved,
            }
        )
        for each in values
    ]


def tags(given: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def when(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _drift_information(found: ResourceDrift | None) -> dict[str, Any]:
    if found is None:
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    return {
        "StackResourceDriftStatus": found.status,
        "LastCheckTimestamp": when(found.timestamp),
    }


def _detail(detail: Detail) -> dict[str, Any]:
    path = f"/{detail.attribute}" + (f"/{detail.name}" if detail.name else "")
    return _given(
        {
            "Target": _given(
                {
                    "Attribute": detail.attribute,
                    "Name": detail.name if detail.attribute == "Properties" else None,
                    "RequiresRecreation": detail.recreation,
                    "Path": path,
                    "BeforeValue": detail.before,
                    "AfterValue": detail.after,
                    "AttributeChangeType": detail.kind,
                }
            ),
            "Evaluation": detail.cause.evaluation,
            "ChangeSource": detail.cause.source,
            "CausingEntity": detail.cause.entity,
        }
    )


def _without_values(each: Mapping[str, Any]) -> dict[str, Any]:
    told = {k: v for k, v in each["ResourceChange"].items() if not k.endswith("Context")}
    hidden = ("BeforeValue", "AfterValue", "Path", "AttributeChangeType")
    told["Details"] = [
        {**detail, "Target": {k: v for k, v in detail["Target"].items() if k not in hidden}}
        for detail in told["Details"]
    ]
    return {**each, "ResourceChange": told}


def _declared(key: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    default, allowed = declared.get("Default"), declared.get("AllowedValues")
    return _given(
        {
            "ParameterKey": key,
            "DefaultValue": None if default is None else str(default),
            "ParameterType": declared["Type"],
            "NoEcho": str(declared.get("NoEcho", "false")).lower() == "true",
            "Description": declared.get("Description"),
            "ParameterConstraints": (
                {"AllowedValues": [str(each) for each in allowed]} if allowed else {}
            ),
        }
    )


def _demanding(template: Template) -> list[str]:
    return sorted(
        {e.type for e in template.resources.values() if handler_of(e.type).capability == "IAM"}
    )


def _context(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, default=str, sort_keys=True)


def _given(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if value is not None}
