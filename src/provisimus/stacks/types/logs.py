"""The log group of a stack with machines: who may write to it, and who is told to.

Each gives nothing where the definition asks for none.
"""

from __future__ import annotations

from typing import Any

from provisimus.stacks.permissions import Statement, allow
from provisimus.workspace.definitions.logs import ContainerLogs


def log_group(asked: ContainerLogs | None) -> dict[str, Any]:
    """What the stack's containers write their lines to."""
    if asked is None:
        return {}
    return {
        "LogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"RetentionInDays": asked.keep // 86400},
        }
    }


def log_output(asked: ContainerLogs | None) -> dict[str, Any]:
    return {"LogGroup": {"Value": {"Ref": "LogGroup"}}} if asked else {}


def log_variables(asked: ContainerLogs | None) -> dict[str, str]:
    """Variables of the main container, as text for Fn::Sub."""
    return {"LOG_GROUP": "${LogGroup}"} if asked else {}


def logging_of(asked: ContainerLogs | None) -> dict[str, str]:
    """What the machine is told of it, as text for Fn::Sub; nothing where a side cart ships."""
    return {"group": "${LogGroup}"} if asked and asked.by == "engine" else {}


def writing_logs(asked: ContainerLogs | None) -> list[Statement]:
    """To write into the stack's own log group, and nowhere else."""
    if asked is None:
        return []
    own = {"Fn::GetAtt": ["LogGroup", "Arn"]}
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return [allow(actions, own)]
