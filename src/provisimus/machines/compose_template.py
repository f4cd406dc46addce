"""The definition's own `docker-compose.yml.j2`: rendered and checked. Pure."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.machines.compose_model import ComposeFile, ServiceImage, Start
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.problems import did_you_mean


def rendered(
    machine: Machine,
    images: tuple[ServiceImage, ...],
    template: str,
    where: str,
) -> ComposeFile:
    import yaml

    """The file that a template makes. Raises InvalidDefinitions with line and key."""
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
        None if own_order else tuple(Start(str(name)) for name in services),
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
