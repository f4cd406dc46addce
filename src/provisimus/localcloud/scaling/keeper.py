"""Looks at every group twice a second, and takes the steps that it needs by the service APIs."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.instances import GROUP_TAG
from provisimus.localcloud.scaling import capacity, sight, targets, words
from provisimus.localcloud.scaling.decide import decide
from provisimus.localcloud.scaling.group import Activity, Group
from provisimus.localcloud.scaling.models import ScalingBackend, autoscaling_backends
from provisimus.localcloud.scaling.turn import (
    Deregister,
    End,
    Launch,
    Notify,
    Register,
    Step,
    World,
    launched,
)

log = logging.getLogger(__name__)

PERIOD = 0.5
_TAGGED = ("instance", "volume", "network-interface")
"""What RunInstances tags; moto mixes the template's own tags in."""

Change = Callable[[Group], Group]


class Keeper:
    """All groups of the cloud's region. `client("ec2")` gives a client of the cloud itself."""

    def __init__(self, cloud: Cloud, client: Callable[[str], Any], pace: float) -> None:
        self.cloud = cloud
        self.client = client
        self._pace = pace
        self._wake = threading.Event()
        self._over = threading.Event()

    def start(self) -> None:
        """Keep the groups from now on; those that were restored take up what was theirs."""
        self._adopt()
        threading.Thread(target=self._run, name="scaling", daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._wake.set()

    @property
    def backend(self) -> ScalingBackend:
        found: ScalingBackend = autoscaling_backends[self.cloud.account][self.cloud.region]
        return found

    @property
    def groups(self) -> dict[str, Group]:
        return self.backend.groups

    def change(self, name: str, change: Change) -> Group | None:
        """Change a group if it is still there, and look at it soon."""
        with self.cloud.changes:
            found = self.groups.get(name)
            if found is None:
                return None
            changed = change(found)
            self.groups[name] = changed
        self._wake.set()
        return changed

    def add(self, group: Group) -> None:
        with self.cloud.changes:
            self.groups[group.name] = group
        self._wake.set()

    # ---- looking ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over.is_set():
            self._wake.wait(PERIOD)
            self._wake.clear()
            if not self.groups:
                continue
            known = sight.instances(self.cloud)
            for name in list(self.groups):
                try:
                    self._look(name, known)
                except Exception:
                    log.exception("the group %s cannot be looked after", name)

    def _look(self, name: str, known: dict[str, Any]) -> None:
        with self.cloud.changes:
            group = self.groups.get(name)
            if group is None:
                return
            world = sight.see(self.cloud, group, known, time.time(), self._pace)
            decided, steps = decide(group, world)
            if decided is None:
                del self.groups[name]
            else:
                self.groups[name] = decided
        for step in steps:
            self._take(name, step, world)
        if steps or decided != group:
            self.cloud.changed()

    # ---- acting ----------------------------------------------------------------------------------

    def _take(self, name: str, step: Step, world: World) -> None:
        group = self.groups.get(name)
        if group is None or self._over.is_set():
            return
        try:
            match step:
                case Launch():
                    self._launch(group, step, world)
                case End():
                    self.client("ec2").terminate_instances(InstanceIds=[step.instance])
                case Register() | Deregister():
                    self._tell_balancers(group, step)
                case Notify():
                    self._notify(group, step)
        except (BotoCoreError, ClientError) as error:
            log.warning("group %s: %s: %s", name, type(step).__name__, error)

    def _tell_balancers(self, group: Group, step: Register | Deregister) -> None:
        """What fails is noted, and tried again."""
        act = targets.register if isinstance(step, Register) else targets.deregister
        try:
            for arn in group.target_groups:
                act(self.client("elbv2"), arn, step.instance)
        except (BotoCoreError, ClientError):
            failed = time.time()

            def noted(now: Group) -> Group:
                member = now.member(step.instance)
                return now.put(replace(member, unregistered=failed)) if member else now

            self.change(group.name, noted)
            raise

    def _launch(self, group: Group, step: Launch, world: World) -> None:
        try:
            made = self._run_instance(group, step, world)
        except (BotoCoreError, ClientError, EC2ClientError) as error:
            answer = error.response["Error"] if isinstance(error, ClientError) else {}
            said = str(answer.get("Message") or error)
            log.info("group %s launches nothing in %s: %s", group.name, step.subnet.zone, said)
            now = time.time()
            failure = Activity(
                str(uuid.uuid4()), words.failed(said), step.cause, now, "Failed",
                f"{said} Launching EC2 instance failed.", 100, now, step.subnet.zone,
                step.subnet.id,
            )  # fmt: skip
            zone = step.subnet.zone
            self.change(
                group.name, lambda g: capacity.short(g.tell(failure), zone, now, self._pace)
            )
            return
        kind, version = made["InstanceType"], world.version
        self.change(
            group.name,
            lambda g: launched(g, step, made["InstanceId"], version, kind, time.time()),
        )

    def _run_instance(self, group: Group, step: Launch, world: World) -> dict[str, Any]:
        wanted = {
            "LaunchTemplateId": world.version.template,
            "Version": world.version.number,
        }
        data = sight.template_of(self.cloud, wanted).get_version(world.version.number).data
        answer = self.client("ec2").run_instances(
            LaunchTemplate=wanted,
            MinCount=1,
            MaxCount=1,
            SubnetId=step.subnet.id,
            TagSpecifications=_tags(group, data),
        )
        return dict(answer["Instances"][0])

    def _notify(self, group: Group, step: Notify) -> None:
        """Source: "Prepare to add a lifecycle hook", the message that hooks send."""
        if not step.hook.target:
            return
        message = {
            "LifecycleHookName": step.hook.name,
            "AccountId": self.cloud.account,
            "RequestId": str(uuid.uuid4()),
            "LifecycleTransition": step.hook.transition,
            "AutoScalingGroupName": group.name,
            "Service": "AWS Auto Scaling",
            "Time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
            "EC2InstanceId": step.instance,
            "NotificationMetadata": step.hook.metadata,
            "LifecycleActionToken": step.wait.token,
        }
        self.client("sns").publish(
            TopicArn=step.hook.target,
            Subject=f"Auto Scaling:  Lifecycle action '{step.hook.transition}' for instance "
            f"{step.instance} in progress."[:99],
            Message=json.dumps(message),
        )

    def _adopt(self) -> None:
        """Instances that were launched a moment before the last end are members of their group."""
        for instance in self.cloud.instances():
            owner = group_of(instance) if instance._state.name in ("pending", "running") else ""
            group = self.groups.get(owner)
            if group is None or group.member(instance.id):
                continue
            log.info("%s takes up %s", owner, instance.id)
            try:
                version = sight.version(self.cloud, sight.wanted_template(group))
            except Exception as error:  # noqa: BLE001 - moto's; the template may be gone
                log.warning("%s: %s", owner, error)
                continue
            subnet = next(
                (s for s in group.subnets if s.id == instance.subnet_id), group.subnets[0]
            )
            step = Launch(subnet, words.grows(time.time(), 0, group.desired, ""))
            kind = instance.instance_type
            self.groups[owner] = launched(group, step, instance.id, version, kind, time.time())


def group_of(instance: Any) -> str:
    """The name of the group that one of moto's instances belongs to, or empty."""
    return next((str(t["value"]) for t in instance.get_tags() if t["key"] == GROUP_TAG), "")


def _tags(group: Group, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the launch template, those of the group that are propagated, and the group's name.

    RunInstances takes the template's only where the request has none of its own.
    """
    kinds: dict[str, dict[str, str]] = {"instance": {}}
    for each in data.get("TagSpecifications") or ():
        if each["ResourceType"] in _TAGGED:
            kinds.setdefault(each["ResourceType"], {}).update(
                {tag["Key"]: tag["Value"] for tag in each.get("Tags") or ()}
            )
    kinds["instance"] |= {key: tag.value for key, tag in group.tags.items() if tag.propagate}
    kinds["instance"][GROUP_TAG] = group.name
    return [
        {"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
        for kind, tags in kinds.items()
        if tags
    ]
