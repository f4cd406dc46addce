"""Does the service answer? The only proof that an instance is more than an entry in a list."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_address

from provisimus.environment import Environment
from provisimus.errors import Unhealthy
from provisimus.events import Said, Tell, Warned, step
from provisimus.model import Stack
from provisimus.stacks.template import WAITING, resources_of
from provisimus.stacks.types.interface import Template
from provisimus.workspace.definitions.machine import Health

LEAST_PATIENCE, MOST_PATIENCE = 1.0, 5.0
"""Seconds that one question may take, more the longer we wait: a machine that is not up yet says
nothing, and one that has just come up is to be heard soon."""


def is_open(template: Template, port: int) -> bool:
    """Whether any security group of the template lets anyone reach the port."""
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") != "AWS::EC2::SecurityGroup":
            continue
        for rule in resource.get("Properties", {}).get("SecurityGroupIngress", ()):
            if _covers(rule, port):
                return True
    return False


def _covers(rule: Mapping[str, object], port: int) -> bool:
    first, last = rule.get("FromPort"), rule.get("ToPort")
    return isinstance(first, int) and isinstance(last, int) and first <= port <= last


def wait_healthy(
    environment: Environment,
    stack: Stack,
    address: str | None,
    template: Template,
    health: Health | None,
    tell: Tell,
) -> None:
    """Ask until 200 comes, `health.within` seconds at most. Raises Unhealthy with the last answer.

    Where nobody may ask, because the port is closed or there is no check, it warns and returns.
    """
    if health is None:
        tell(Warned(f"{stack.name}: the machine declares no health check, so none was made"))
        return
    asked = health.http if address and health.http and is_open(template, health.http.port) else None
    signalled = bool(resources_of(template, WAITING))
    if asked and is_inside(address) and (signalled or environment.local is not None):
        # A machine of the network itself might ask, this computer may not be one.
        asked = None
    if asked is None:
        if signalled:
            tell(Said(f"health of {stack.name}", "the machine told the stack that it is healthy"))
        else:
            tell(Warned(f"{stack.name}: {_why_not_asked(template, address, health)}"))
        return
    url = f"http://{address}:{asked.port}{asked.path}"
    with step(tell, f"health of {stack.name}", f"waiting for 200 from {url}") as outcome:
        began = time.monotonic()
        waited = 0.0
        told: set[str] = set()  # a starting service alternates between two faults for minutes
        while True:
            fault = _ask(url, min(MOST_PATIENCE, LEAST_PATIENCE + waited / 10))
            if fault is None:
                outcome.result = url
                return
            waited = time.monotonic() - began
            if waited >= health.within:
                instance = stack.outputs.get("InstanceId")
                raise Unhealthy(
                    f"{url} did not become healthy within {health.within} s: {fault}",
                    where=f"instance {instance}",
                    hint=f"see its console: provisimus instance console {instance}",
                )
            if fault not in told:
                tell(Said(f"health of {stack.name}", fault))
                told.add(fault)
            near = environment.cloud.endpoint is not None
            time.sleep(0.25 if near else min(5.0, 0.5 + waited / 20))


def is_inside(address: str | None) -> bool:
    """Whether an address leads nowhere from outside of its network. Loopback is the local cloud's
    way to the public ones."""
    found = ip_address(address) if address else None
    return found is not None and found.is_private and not found.is_loopback


def _why_not_asked(template: Template, address: str | None, health: Health) -> str:
    if health.http is None:
        return "only the machine itself can ask for its health, so nobody waited for it"
    port = health.http.port
    if not is_open(template, port):
        return f"port {port} is open to nobody, so its health was not checked; add it to ingress"
    return (
        f"nobody outside of its network reaches {address or 'it'}, so its health was not checked; "
        "let the machine tell its stack: health: {signal: true}"
    )


def _ask(url: str, patience: float) -> str | None:
    """None for 200, else what came instead, in words. For plain HTTP, as health checks are."""
    from provisimus.http import httpx, trusting_nobody

    # Asked without proxies: the instance is reached from here or it is not reached.
    try:
        answer = httpx.get(url, timeout=patience, trust_env=False, verify=trusting_nobody())
    except httpx.TimeoutException:
        return "no answer in time"
    except httpx.TransportError as error:
        return f"no answer: {str(error) or type(error).__name__}"
    if answer.status_code == 200:
        return None
    said = answer.text.strip().splitlines()
    return f"status {answer.status_code}" + (f": {said[0][:120]}" if said else "")
