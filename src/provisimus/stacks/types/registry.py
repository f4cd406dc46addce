"""The stack type `registry`: repositories of Amazon ECR, tidied, kept when the stack goes."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.registry import RegistryDefinition

Wanted = WantedStack[RegistryDefinition]


class Registry(StackType[RegistryDefinition]):
    name = "registry"
    definition = RegistryDefinition
    summary = "repositories for container images in Amazon ECR, scanned and tidied"
    example = """\
type: registry
repositories: [acme/greeter, acme/jre]
keep: 100                       # images of each
untagged: 14d                   # how long one stays that has no tag any more
immutable: true                 # a tag that is there is not moved
pulled_by: ["444455556666"]     # other accounts that may pull
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        named = _named(wanted.definition.repositories)
        return {
            **parts.head(f"{wanted.service}: repositories for container images"),
            "Resources": {
                name: _repository(each, wanted.definition) for name, each in named.items()
            },
            "Outputs": {
                "Registry": {
                    "Value": {
                        "Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
                    }
                },
                **{
                    name: {"Description": each, "Value": {"Fn::GetAtt": [name, "RepositoryUri"]}}
                    for name, each in named.items()
                },
            },
        }


def _named(repositories: tuple[str, ...]) -> dict[str, str]:
    """By logical ids that follow from each name alone."""
    return {
        "Repository"
        + "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", each))
        + hashlib.sha256(each.encode()).hexdigest()[:6]: each
        for each in repositories
    }


def _repository(name: str, asked: RegistryDefinition) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "RepositoryName": name,
        "EncryptionConfiguration": {"EncryptionType": "AES256"},
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "ImageTagMutability": "IMMUTABLE" if asked.immutable else "MUTABLE",
        "LifecyclePolicy": {"LifecyclePolicyText": json.dumps({"rules": _rules(asked)})},
    }
    if asked.pulled_by:
        properties["RepositoryPolicyText"] = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Pull",
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": [
                            {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{account}:root"}
                            for account in asked.pulled_by
                        ]
                    },
                    "Action": [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                }
            ],
        }
    return {
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _rules(asked: RegistryDefinition) -> list[dict[str, Any]]:
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": asked.untagged // 86400,
    }
    newest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": asked.keep}
    return [
        {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}
        for number, selection in enumerate((untagged, newest), 1)
    ]


TYPE = Registry()
