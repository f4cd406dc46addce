"""/bootstrap/docker-compose.yml: which containers a machine runs. Pure; runs nothing.

The file has no `version`: docker-compose 1.27 and later and Compose v2 both read it by the Compose
specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.machines.compose_model import ComposeFile, ServiceImage, Start
from provisimus.machines.compose_template import rendered
from provisimus.ondisk.places import RUNTIME
from provisimus.workspace.definitions.containers import Container, ContainerHealth, start_order
from provisimus.workspace.definitions.machine import Machine

__all__ = ["ComposeFile", "ServiceImage", "compose_file"]

LOGGING = {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}


def compose_file(
    machine: Machine,
    images: tuple[ServiceImage, ...],
    template: str | None,
    where: str,
) -> ComposeFile:
    """The Compose file of a machine; `template` is the definition's own `docker-compose.yml.j2`.

    `images` has the main image first; `where` is the template's path for errors. Raises
    InvalidDefinitions.
    """
    if template is not None:
        if machine.containers:
            raise InvalidDefinitions(
                [
                    Problem(
                        *(where, None, ""),
                        "machine.yaml has `containers:`, which a Compose file of one's own ignores",
                        "say it in one of the two",
                    )
                ]
            )
        return rendered(machine, images, template, where)
    _refuse_shared_ports(machine, images, where)
    _refuse_unpublished(machine, images, where)
    by_name = {image.service: image for image in images}
    main = images[0].service
    order = start_order(list(by_name), machine.containers)
    services = {
        name: _service(machine, by_name[name], settings_of(machine, name), main=name == main)
        for name in order
    }
    checked = tuple(name for name in order if settings_of(machine, name).health)
    start = tuple(
        Start(name, tuple(each for each in settings_of(machine, name).after if each in checked))
        for name in order
    )
    return ComposeFile(_yaml({"services": services}), start)


def settings_of(machine: Machine, service: str) -> Container:
    return machine.containers.get(service) or Container()


def _service(
    machine: Machine, image: ServiceImage, container: Container, *, main: bool
) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": image.reference,
        "container_name": image.service,
        "restart": container.restart,
    }
    if ports := _ports(image, container):
        service["ports"] = [f"{there}:{inside}" for inside, there in ports.items()]
    if main:
        # Hands the environment of the stack over; see scripts/machine/runtime.
        service["runtime"] = RUNTIME
    environment = {**(machine.environment if main else {}), **container.environment}
    if environment:
        # A `$` is Compose's own; the definition means it literally.
        service["environment"] = {
            key: value.replace("$", "$$") for key, value in environment.items()
        }
    if mounts := _mounts(machine, container, main=main):
        service["volumes"] = mounts
    if not (main if container.writable is None else container.writable):
        service["read_only"] = True
        service["tmpfs"] = ["/tmp"]  # noqa: S108
    service |= _limits(container)
    if container.health:
        service["healthcheck"] = _healthcheck(container.health)
    if container.after:
        service["depends_on"] = {
            name: {
                "condition": "service_healthy"
                if settings_of(machine, name).health
                else "service_started"
            }
            for name in container.after
        }
    service["logging"] = LOGGING
    return service


def _ports(image: ServiceImage, container: Container) -> Mapping[int, int]:
    """Port of the container to port of the machine."""
    if container.ports is not None:
        return container.ports
    return {port: port for port in image.ports}


def _mounts(machine: Machine, container: Container, *, main: bool) -> list[dict[str, Any]]:
    """In the long form: a folder that is missing is an error, never made in silence."""
    own = [
        {"type": "bind", "source": mount.source, "target": mount.to}
        | ({"read_only": True} if mount.read_only else {})
        for mount in container.mounts
    ]
    given = {mount["target"] for mount in own}
    data = [
        {"type": "bind", "source": volume.mount, "target": volume.mount}
        for volume in machine.volumes
        if main and volume.mount not in given
    ]
    return [*data, *own]


def _limits(container: Container) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if container.memory:
        # Without swap on top of it, which the engine would grant as much again.
        limits["mem_limit"] = limits["memswap_limit"] = f"{container.memory}m"
    if container.cpus:
        limits["cpus"] = container.cpus
    if container.processes:
        limits["pids_limit"] = container.processes
    if container.stop_within != Container().stop_within:
        limits["stop_grace_period"] = f"{container.stop_within}s"
    return limits


def _healthcheck(health: ContainerHealth) -> dict[str, Any]:
    return {
        "test": ["CMD", *(part.replace("$", "$$") for part in health.run)],
        "interval": f"{health.every}s",
        "timeout": f"{health.patience}s",
        "retries": health.retries,
        "start_period": f"{health.within}s",
    }


def _refuse_shared_ports(machine: Machine, images: tuple[ServiceImage, ...], where: str) -> None:
    taken: dict[int, str] = {}
    for image in images:
        for port in _ports(image, settings_of(machine, image.service)).values():
            if port in taken:
                message = f"{taken[port]} and {image.service} both want the machine's port {port}"
                hint = f"containers: {{{image.service}: {{ports: {{{port}: {port + 10000}}}}}}}"
                raise InvalidDefinitions([Problem(where, None, "", message, hint)])
            taken[port] = image.service


def _refuse_unpublished(machine: Machine, images: tuple[ServiceImage, ...], where: str) -> None:
    """A health check that nobody can answer: of a vendor's image no port is published by itself."""
    main, http = images[0], machine.health.http if machine.health else None
    if http is None or not main.from_vendor or settings_of(machine, main.service).ports is not None:
        return
    published = {
        port
        for image in images
        for port in _ports(image, settings_of(machine, image.service)).values()
    }
    if http.port not in published:
        message = (
            f"health asks port {http.port}, which nobody publishes: what {main.service} exposes is "
            "not known, for it comes straight from a vendor"
        )
        hint = (
            f"containers: {{{main.service}: {{ports: {{{http.port}: {http.port}}}}}}}; "
            "or {} where something else of the machine answers there"
        )
        raise InvalidDefinitions([Problem(where, None, "containers", message, hint)])


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    text: str = yaml.dump(document, Dumper=Plain, sort_keys=False, width=1000)
    return "# Made by Provisimus; every image is on this machine's disk.\n" + text
