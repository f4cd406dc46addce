"""A group behind a load balancer, changed in what only another load balancer can be."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Scene
    from provisimus.model import Stack

GROUP = "type: autoscaled-service\ninstances: {min: 1, max: 2}\n"
INTERNAL = GROUP + "balancer: {public: false}\n"


def balancers(scene: Scene) -> dict[str, str]:
    """Schemes by ARN."""
    found = scene.environment.cloud.elbv2.describe_load_balancers()["LoadBalancers"]
    return {each["LoadBalancerArn"]: each["Scheme"] for each in found}


def applied(scene: Scene, text: str) -> Stack:
    """Without instances: which there are and how they fare is seen with machines elsewhere."""
    scene.define(text)
    plan = scene.plan("1.0.0")
    template = copy.deepcopy(dict(plan.template))
    template["Resources"]["Instances"]["Properties"]["MinSize"] = "0"
    return scene.carry_out(replace(plan, template=template, health=None))


def targets(scene: Scene, arn: str) -> Any:
    [found] = scene.environment.cloud.elbv2.describe_target_groups(TargetGroupArns=[arn])[
        "TargetGroups"
    ]
    return found


def test_a_public_balancer_becomes_an_internal_one_and_back(scene: Scene) -> None:
    made = applied(scene, GROUP)
    group = made.outputs["AutoScalingGroup"]
    before = balancers(scene)
    for text, scheme in ((INTERNAL, "internal"), (GROUP, "internet-facing")):
        changed = applied(scene, text)
        assert changed.status == "UPDATE_COMPLETE"
        assert changed.outputs["AutoScalingGroup"] == group, "the group stays"
        (new,) = balancers(scene).keys() - before.keys()
        assert balancers(scene)[new] == scheme
        assert len(balancers(scene)) == len(before), "the old one is gone"
        own = changed.outputs["TargetGroupArn"]
        assert targets(scene, own)["LoadBalancerArns"] == [new]
        [told] = scene.environment.cloud.autoscaling.describe_auto_scaling_groups(
            AutoScalingGroupNames=[group]
        )["AutoScalingGroups"]
        assert told["TargetGroupARNs"] == [own]
        assert scene.plan("1.0.0").change == "none"
        before = balancers(scene)
    scene.deleted("greeter")
