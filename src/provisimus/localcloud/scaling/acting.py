"""A scaling policy acts: an alarm, or a request, has it change the desired capacity."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from provisimus.localcloud.scaling import policies, settings, words
from provisimus.localcloud.scaling.group import Group, Policy
from provisimus.localcloud.scaling.keeper import Keeper

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """Who asks a policy to act, and what the metric is; without an alarm, a user asks."""

    policy: str
    value: float
    threshold: float
    alarm: str = ""
    state: str = ""


def act(keeper: Keeper, order: Order, *, heed_cooldown: bool = True) -> bool:
    """Whether the policy changed anything."""
    for group in list(keeper.groups.values()):
        policy = next((each for each in group.policies if each.arn == order.policy), None)
        if policy is not None:
            return _executed(keeper, group.name, policy, order, heed_cooldown=heed_cooldown)
    log.warning("there is no scaling policy %s", order.policy)
    return False


def _executed(
    keeper: Keeper, name: str, policy: Policy, order: Order, *, heed_cooldown: bool
) -> bool:
    scaled = False

    def changed(current: Group) -> Group:
        nonlocal scaled
        after = executed(current, policy, order, time.time(), heed_cooldown=heed_cooldown)
        scaled = after != current
        return after

    keeper.change(name, changed)
    keeper.cloud.changed()
    return scaled


def executed(
    group: Group, policy: Policy, order: Order, now: float, *, heed_cooldown: bool
) -> Group:
    """The group when the policy has acted; unchanged where it must not. Pure."""
    given = policy.settings
    if not given.get("Enabled", True) or (order.alarm and not group.does("AlarmNotification")):
        return group
    wanted = group.desired
    match given["PolicyType"]:
        case "SimpleScaling":
            pause = int(given.get("Cooldown") or settings.cooldown(group))
            if heed_cooldown and now - group.scaled < pause:
                return group
            amount = int(given["ScalingAdjustment"])
            wanted = policies.adjusted(group.desired, given, amount, group.least, group.most)
        case "StepScaling":
            step = policies.step(given["StepAdjustments"], order.value - order.threshold)
            if step is None:
                return group
            wanted = _stepped(group, policy, step, now)
        case "TargetTrackingScaling":
            target = float(given["TargetTrackingConfiguration"]["TargetValue"])
            if _warming(group, policy, now):
                return group
            capacity = policies.tracked(group.desired, order.value, target)
            wanted = max(group.least, min(group.most, capacity))
    if wanted == group.desired:
        return group
    if order.alarm:
        why = words.alarmed(now, order.alarm, order.state, policy.name, group.desired, wanted)
    else:
        what = f"executed policy {policy.name}"
        why = words.asked(now, what, group.desired, wanted)
    return replace(group.set(DesiredCapacity=wanted), why=why, scaled=now)


def _stepped(group: Group, policy: Policy, step: int, now: float) -> int:
    """Instances that warm up are none yet: the same breach does not add others to them."""
    base = group.desired - _warming(group, policy, now)
    wanted = policies.adjusted(base, policy.settings, step, group.least, group.most)
    return max(group.desired, wanted) if wanted > base else wanted


def _warming(group: Group, policy: Policy, now: float) -> int:
    given = policy.settings.get("EstimatedInstanceWarmup")
    warmup = group.warmup if given is None else int(given)
    return len([m for m in group.members if m.coming or (m.serves and now - m.in_service < warmup)])
