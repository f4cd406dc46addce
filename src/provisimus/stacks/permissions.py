"""What the role of an instance may do: as little as its definition asks for. Pure.

Each function gives statements of an IAM policy. The service authorization reference says which
actions know which resources and conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.ondisk.places import NAMESPACE, POLICY
from provisimus.ondisk.references import references
from provisimus.workspace.definitions.outputs import OUTPUT

Statement = dict[str, Any]


def policies(statements: list[Statement]) -> list[dict[str, Any]]:
    """The inline policies of a role; none without statements."""
    if not statements:
        return []
    document = {"Version": "2012-10-17", "Statement": statements}
    return [{"PolicyName": "machine", "PolicyDocument": document}]


def allow(action: str | list[str], resource: Any, **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def reading(environment: Mapping[str, str]) -> list[Statement]:
    """To read exactly the parameters and secrets that the environment names."""
    named = {each for value in environment.values() for each in references(OUTPUT.sub("", value))}
    parameters = sorted({each.name for each in named if each.kind == "ssm"})
    secrets = sorted({each.name for each in named if each.kind == "secret"})
    found = []
    if parameters:
        found.append(allow("ssm:GetParameter", [_parameter(name) for name in parameters]))
    if secrets:
        found.append(allow("secretsmanager:GetSecretValue", [_secret(name) for name in secrets]))
    return found


def telling(*, metric: bool, signal: bool) -> list[Statement]:
    """To tell CloudWatch and the instance's own stack how the service is."""
    found = []
    if metric:
        # PutMetricData knows no resource; the namespace is all that can be said.
        only = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
        found.append(allow("cloudwatch:PutMetricData", "*", Condition=only))
    if signal:
        found.append(allow("cloudformation:SignalResource", {"Ref": "AWS::StackId"}))
    return found


def snapshotting(volumes: list[str], policies: list[Any]) -> list[Statement]:
    """To take snapshots of these volumes (logical ids) in the name of these policies, and to remove
    what carries such a name, nothing else."""
    if not volumes:
        return []
    snapshots = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}::snapshot/*"}
    given = {"StringEquals": {f"aws:RequestTag/{POLICY}": policies}}
    carried = {"StringEquals": {f"aws:ResourceTag/{POLICY}": policies}}
    at_creation = {"StringEquals": {"ec2:CreateAction": "CreateSnapshot"}}
    return [
        allow("ec2:CreateSnapshot", [_arn("ec2", f"volume/${{{name}}}") for name in volumes]),
        allow("ec2:CreateSnapshot", snapshots, Condition=given),
        allow("ec2:CreateTags", snapshots, Condition=at_creation),
        allow("ec2:DeleteSnapshot", snapshots, Condition=carried),
        # These know no resources.
        allow(["ec2:DescribeSnapshots", "ec2:DescribeTags"], "*"),
    ]


def _parameter(name: str) -> Any:
    return _arn("ssm", f"parameter/{name.removeprefix('/')}")


def _secret(name: str) -> Any:
    # Secrets Manager ends each ARN with a dash and six characters of its own.
    return _arn("secretsmanager", f"secret:{name}-??????")


def _arn(service: str, resource: str) -> Any:
    place = "${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{place}:{resource}"}
