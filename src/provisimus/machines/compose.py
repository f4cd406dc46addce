"""/bootstrap/docker-compose.yml: which containers a machine runs. Pure; runs nothing.

The file has no `version`: docker-compose 1.27 and later and Compose v2 both read it by the Compose
specification.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.machines.definition import COMPOSE_TEMPLATE
from provisimus.ondisk.places import RUNTIME
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.problems import did_you_mean

LOGGING = {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}


@dataclass(frozen=True)
class ServiceImage:
    """One container's image: `reference` is `host:port/name@sha256:…`, `ports` are EXPOSEd ones."""

    service: str
    reference: str
    ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class ComposeFile:
    """The file's text, and the services in the order in which to start them.

    `start` is None when the file has an order of its own that only Compose understands.
    """

    text: str
    start: tuple[str, ...] | None
    warnings: tuple[str, ...] = ()


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
        return _rendered(machine, images, template, where)
    _refuse_shared_ports(images, where)
    services = {
        image.service: _service(machine, image, main=index == 0)
        for index, image in enumerate(images)
    }
    return ComposeFile(_yaml({"services": services}), tuple(services))


def _service(machine: Machine, image: ServiceImage, *, main: bool) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": image.reference,
        "container_name": image.service,
        "restart": "always",
    }
    if image.ports:
        service["ports"] = [f"{port}:{port}" for port in image.ports]
    if main:
        # Hands the environment of the stack over; see scripts/machine/runtime.
        service["runtime"] = RUNTIME
        if machine.environment:
            # A `$` is Compose's own; the definition means it literally.
            service["environment"] = {
                key: value.replace("$", "$$") for key, value in machine.environment.items()
            }
        if machine.volumes:
            # The long form: a folder that is missing is an error, never made in silence.
            service["volumes"] = [
                {"type": "bind", "source": volume.mount, "target": volume.mount}
                for volume in machine.volumes
            ]
    else:
        service["read_only"] = True
        service["tmpfs"] = ["/tmp"]  # noqa: S108
    service["logging"] = LOGGING
    return service


def _refuse_shared_ports(images: tuple[ServiceImage, ...], where: str) -> None:
    taken: dict[int, str] = {}
    for image in images:
        for port in image.ports:
            if port in taken:
                message = f"{taken[port]} and {image.service} both expose port {port}"
                hint = f"write a {COMPOSE_TEMPLATE} that maps one of them elsewhere"
                raise InvalidDefinitions([Problem(where, None, "", message, hint)])
            taken[port] = image.service


def _rendered(
    machine: Machine,
    images: tuple[ServiceImage, ...],
    template: str,
    where: str,
) -> ComposeFile:
    import yaml

    text = _render(machine, images, template, where)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        message = f"is no YAML after rendering: {getattr(error, 'problem', None) or error}"
        raise InvalidDefinitions([Problem(where, line, "", message)]) from None
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not services:
        raise InvalidDefinitions([Problem(where, None, "services", "names no service")])
    declared = {image.reference: image.service for image in images}
    problems = [
        problem
        for name, service in services.items()
        for problem in _problems(str(name), service, declared, where)
    ]
    if problems:
        raise InvalidDefinitions(problems)
    used = {service["image"] for service in services.values()}
    unused = [name for reference, name in declared.items() if reference not in used]
    own_order = any("depends_on" in service for service in services.values())
    return ComposeFile(
        text,
        None if own_order else tuple(map(str, services)),
        tuple(f"{name} is declared in machine.yaml and not used in {where}" for name in unused),
    )


def _problems(
    name: str,
    service: Any,
    declared: Mapping[str, str],
    where: str,
) -> list[Problem]:
    key = f"services/{name}"
    if not isinstance(service, dict):
        return [Problem(where, None, key, "is no mapping")]
    if "build" in service:
        hint = "build it as an image of the workspace and name it in machine.yaml"
        return [Problem(where, None, f"{key}/build", "nothing is built on a machine", hint)]
    image = service.get("image")
    if image in declared:
        return []
    names = ", ".join(declared.values())
    message = f"the image {image!r} is declared nowhere" if image else "names no image"
    hint = (
        f'write image: {{{{ image("{next(iter(declared.values()))}") }}}} — declared are: {names}'
    )
    return [Problem(where, None, f"{key}/image", message, hint)]


def _render(
    machine: Machine,
    images: tuple[ServiceImage, ...],
    template: str,
    where: str,
) -> str:
    import jinja2

    references = {image.service: image.reference for image in images}

    def image(name: str) -> str:
        if name not in references:
            near = did_you_mean(name, references) or f"declared are: {', '.join(references)}"
            raise jinja2.UndefinedError(f"machine.yaml declares no image {name!r} — {near}")
        return references[name]

    # YAML is no HTML: nothing to escape.
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    try:
        code = environment.compile(template, where, where)
        compiled = jinja2.Template.from_code(environment, code, {})
        return compiled.render(
            image=image,
            images=references,
            environment=machine.environment,
            volumes=[volume.mount for volume in machine.volumes],
        )
    except jinja2.TemplateSyntaxError as error:
        raise InvalidDefinitions([Problem(where, error.lineno, "", error.message or "")]) from None
    except jinja2.UndefinedError as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == where
        ]
        line = lines[-1] if lines else None
        message, _, hint = (error.message or "").partition(" — ")
        raise InvalidDefinitions([Problem(where, line, "", message, hint or None)]) from None


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    text: str = yaml.dump(document, Dumper=Plain, sort_keys=False, width=1000)
    return "# Made by Provisimus; every image is on this machine's disk.\n" + text
