"""The stack type `access`: the roles of Provisimus, of a build server and of those who look.

The role of Provisimus may make stacks of its own project, what those consist of by way of
CloudFormation alone, and bake machine images. Roles that it makes lie below a path of its own, and
it can hand on no others.
"""

from __future__ import annotations

from typing import Any

from provisimus.stacks.permissions import Statement, allow
from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.access import AccessDefinition

Wanted = WantedStack[AccessDefinition]
PROJECT = "provisimus:project"


class Access(StackType[AccessDefinition]):
    name = "access"
    definition = AccessDefinition
    summary = "roles of an account: Provisimus itself, the build server, those who look"
    example = """\
type: access
role: provisimus                # as `role:` of the environment says
operators: ["arn:aws:iam::111122223333:role/platform"]
# build_server:                 # a token of its own in place of a key
#   provider: arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com
#   subjects: ["repo:acme/services:ref:refs/heads/main"]
readers: ["arn:aws:iam::111122223333:root"]
session: 4h
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        resources = {
            "Operator": _role(wanted, "", "releases services", [*_trust(asked)], _operating(wanted))
        }
        if asked.readers:
            trust = [_by_principals(asked.readers)]
            resources["Reader"] = _role(wanted, "-reader", "looks", trust, _reading())
        given = {
            name: {"Type": "String", "Description": description}
            for name, description in (
                ("Provider", "Who vouches for the build server."),
                ("Boundary", "What bounds the roles."),
            )
            if name in self.parameters(wanted)
        }
        return {
            **parts.head(f"{wanted.service}: who may do what"),
            **({"Parameters": given} if given else {}),
            "Resources": resources,
            "Outputs": {
                f"{name}RoleArn": {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in resources
            },
        }

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        return _parameters(wanted.definition)


def _parameters(asked: AccessDefinition) -> dict[str, str]:
    found = {"Provider": asked.build_server.provider} if asked.build_server else {}
    return {**found, "Boundary": asked.boundary} if asked.boundary else found


def _role(
    wanted: Wanted, suffix: str, does: str, trust: list[Statement], may: list[Statement]
) -> dict[str, Any]:
    asked = wanted.definition
    properties: dict[str, Any] = {
        "RoleName": f"{asked.role}{suffix}",
        "Description": f"Whoever {does}",
        "MaxSessionDuration": asked.session,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
        "Policies": [
            {
                "PolicyName": "provisimus",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": may},
            }
        ],
    }
    if asked.boundary:
        properties["PermissionsBoundary"] = {"Ref": "Boundary"}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _trust(asked: AccessDefinition) -> list[Statement]:
    found = [_by_principals(asked.operators)] if asked.operators else []
    if server := asked.build_server:
        found.append(
            {
                "Effect": "Allow",
                "Principal": {"Federated": {"Ref": "Provider"}},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{server.issuer}:aud": server.audience},
                    "StringLike": {f"{server.issuer}:sub": list(server.subjects)},
                },
            }
        )
    return found


def _by_principals(principals: tuple[str, ...]) -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": "sts:AssumeRole",
    }


# ---- what they may do ----------------------------------------------------------------------------


def _operating(wanted: Wanted) -> list[Statement]:
    project = wanted.ours.get(PROJECT, "*")
    stacks = _arn("cloudformation", f"stack/{project}-*/*")
    return [
        allow(
            [
                f"cloudformation:{verb}"
                for verb in (
                    "CancelUpdateStack",
                    "ContinueUpdateRollback",
                    "CreateChangeSet",
                    "CreateStack",
                    "DeleteChangeSet",
                    "DeleteStack",
                    "Describe*",
                    "DetectStackDrift",
                    "DetectStackResourceDrift",
                    "ExecuteChangeSet",
                    "Get*",
                    "List*",
                    "RollbackStack",
                    "SignalResource",
                    "TagResource",
                    "UntagResource",
                    "UpdateStack",
                    "UpdateTerminationProtection",
                )
            ],
            stacks,
            Sid="StacksOfTheProject",
        ),
        allow(
            ["cloudformation:DescribeStacks", "cloudformation:ListStacks"], "*", Sid="WhatStacks"
        ),
        allow(
            [f"{service}:*" for service in _SERVICES],
            "*",
            Sid="WhatStacksAreMadeOf",
            # What is called by CloudFormation in the name of whoever has the role.
            Condition={
                "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}
            },
        ),
        allow(list(_BAKING), "*", Sid="BakeAndLook"),
        allow("ecr:GetAuthorizationToken", "*", Sid="LogIn"),
        allow(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:ListImages",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            _arn("ecr", f"repository/{project}/*"),
            Sid="PushAndPull",
        ),
        allow(
            "ssm:GetParameter",
            {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/*"},
            Sid="BasesOfVendors",
        ),
        *_rotating(project),
        _logs(project),
        *_roles_of_stacks(wanted),
    ]


def _logs(project: str) -> Statement:
    """`logs --since`: log groups are named by CloudFormation, after their stack."""
    return allow("logs:FilterLogEvents", _arn("logs", f"log-group:{project}-*"), Sid="ReadLogs")


def _rotating(project: str) -> list[Statement]:
    """`database rotate`: RDS asks Secrets Manager in the name of whoever asks RDS ("Permissions
    required for Secrets Manager integration"). A secret carries the database that it is of."""
    databases = _arn("rds", f"db:{project.lower()}-*")
    own = {"ArnLike": {"aws:ResourceTag/aws:rds:primaryDBInstanceArn": databases}}
    secrets = _arn("secretsmanager", "secret:rds!db-*")
    return [
        allow("rds:ModifyDBInstance", databases, Sid="RotatePasswords"),
        allow(
            ["secretsmanager:DescribeSecret", "secretsmanager:RotateSecret"],
            secrets,
            Sid="SecretsOfPasswords",
            Condition=own,
        ),
    ]


_SERVICES = (
    "acm",
    "autoscaling",
    "cloudwatch",
    "dlm",
    "ec2",
    "ecr",
    "elasticloadbalancing",
    "logs",
    "rds",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
)

_BAKING = (
    "autoscaling:Describe*",
    "cloudwatch:Describe*",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CopyImage",
    "ec2:CreateImage",
    "ec2:CreateKeyPair",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSnapshot",
    "ec2:CreateTags",
    "ec2:DeleteKeyPair",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSnapshot",
    "ec2:DeregisterImage",
    "ec2:Describe*",
    "ec2:GetConsoleOutput",
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "ec2:RegisterImage",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
    "elasticloadbalancing:Describe*",
    "rds:Describe*",
    "servicequotas:GetServiceQuota",
)
"""What a bake, a boot test and a swap call themselves ("Baking" in the documents)."""


def _roles_of_stacks(wanted: Wanted) -> list[Statement]:
    """Roles that its stacks make: named by CloudFormation after the stack, so of the project."""
    project = wanted.ours.get(PROJECT, "*")
    roles = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{project}-*"}
    profiles = {
        "Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:instance-profile/{project}-*"
    }
    bound: dict[str, Any] = {}
    if wanted.definition.boundary:
        same = {"iam:PermissionsBoundary": {"Ref": "Boundary"}}
        bound = {"Condition": {"StringEquals": same}}
    return [
        allow(["iam:CreateRole", "iam:PutRolePolicy"], roles, Sid="MakeRoles", **bound),
        allow(
            [
                "iam:AttachRolePolicy",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:Get*",
                "iam:List*",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
            ],
            roles,
            Sid="ChangeRoles",
            Condition=_by_cloudformation(),
        ),
        allow(
            [
                "iam:AddRoleToInstanceProfile",
                "iam:CreateInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:GetInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
            ],
            profiles,
            Sid="Profiles",
        ),
        allow(
            "iam:PassRole",
            roles,
            Sid="HandRolesOn",
            Condition={
                "StringEquals": {
                    "iam:PassedToService": [
                        "dlm.amazonaws.com",
                        "ec2.amazonaws.com",
                        "vpc-flow-logs.amazonaws.com",
                    ]
                }
            },
        ),
    ]


def _by_cloudformation() -> dict[str, Any]:
    return {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}


def _reading() -> list[Statement]:
    """What `plan`, `status`, `trace` and `diagnose` ask; nothing that holds a secret."""
    return [
        allow(
            [
                "autoscaling:Describe*",
                "cloudformation:Describe*",
                "cloudformation:Get*",
                "cloudformation:List*",
                "cloudwatch:Describe*",
                "ec2:Describe*",
                "ec2:GetConsoleOutput",
                "ecr:BatchGetImage",
                "ecr:DescribeImages",
                "ecr:GetAuthorizationToken",
                "ecr:GetDownloadUrlForLayer",
                "ecr:ListImages",
                "elasticloadbalancing:Describe*",
                "rds:Describe*",
            ],
            "*",
            Sid="Look",
        )
    ]


def _arn(service: str, resource: str) -> Any:
    place = "${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{place}:{resource}"}


TYPE = Access()
