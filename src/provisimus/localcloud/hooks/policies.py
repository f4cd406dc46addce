"""Managed policies of AWS's own: known as soon as somebody names one; and a boundary is a policy
that there is.

moto has their documents, and would load all 1,500 of them for each account when it starts; else it
knows none, so that no role can have one.

Source: API reference, AttachRolePolicy, CreateRole, PutRolePermissionsBoundary; "AWS managed
policies" in the IAM User Guide.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import NotFoundException
from moto.iam.models import AWSManagedPolicy, IAMBackend

from provisimus.localcloud.hooks.cloud import replace

NAMING = (
    "attach_group_policy", "attach_role_policy", "attach_user_policy", "get_policy",
    "get_policy_version", "list_policy_versions",
)  # fmt: skip
"""What is asked of a policy by its ARN, which is the first argument."""


def install() -> None:
    """Replace moto's methods."""
    for name in NAMING:
        replace(IAMBackend, name, _knowing(getattr(IAMBackend, name)))

    replace(IAMBackend, "create_role", _bounded(IAMBackend.create_role, "permissions_boundary", 3))
    put = IAMBackend.put_role_permissions_boundary
    replace(IAMBackend, put.__name__, _bounded(put, "permissions_boundary", 1))


def _bounded(moto: Any, name: str, place: int) -> Any:
    """With a look at the boundary, which is the argument of this name or at this place."""

    def call(backend: Any, *given: Any, **named: Any) -> Any:
        arn = named.get(name, given[place] if len(given) > place else None)
        if arn and arn not in backend.managed_policies:
            learn(backend, arn)
            if arn not in backend.managed_policies and backend.policy_arn_regex.match(arn):
                raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")
        return moto(backend, *given, **named)

    return call


def _knowing(moto: Any) -> Any:
    def call(backend: Any, policy_arn: str, *given: Any, **named: Any) -> Any:
        if policy_arn not in backend.managed_policies:
            learn(backend, policy_arn)
        return moto(backend, policy_arn, *given, **named)

    return call


def learn(backend: Any, arn: str) -> None:
    """Have the account know the policy, where AWS has one of this ARN."""
    name = arn.rpartition("/")[2]
    data = _documents().get(name)
    if data is None:
        return
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    if policy.arn == arn:
        backend.managed_policies[arn] = policy
        backend.aws_managed_policies.append(policy)


@cache
def _documents() -> dict[str, Any]:
    return dict(json.loads(aws_managed_policies_data))
