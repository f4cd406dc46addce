"""`provisimus image …` and `build_docker`: container images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.image_lock import lock, outdated
from provisimus.cli.image_mirror import mirror
from provisimus.cli.image_sbom import sbom
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.images.plan import ImagePlan
    from provisimus.model import ContainerImage

NAME = "NAME[@VERSION]"


@click.group()
def image() -> None:
    """Build and inspect container images: a build manifest, a template Dockerfile, an artifact."""


for each in (sbom, lock, outdated, mirror):
    image.add_command(each)


@image.command()
@click.argument("name", metavar=NAME)
@click.option("--sbom", "attach", is_flag=True, help="Attach an SBOM to it, where none is yet.")
@with_session(env=True, dry_run=True, work=True)
def build(session: Session, name: str, attach: bool) -> None:
    """Build an image and what it stands on, and put them into the registry.

    What exists by its fingerprint is not built again. `build_docker X` is the same.
    """
    from provisimus.images import build_image

    environment = _environment(session, start=not session.dry_run)
    plan = _plan(session, environment, name)
    if session.dry_run:
        session.emit(_plan_json(plan), _plan_text(plan))
        return
    built = build_image(plan, environment, session.tell, session.run)
    if attach:
        from provisimus.images.sbom import attach_to

        attach_to(environment.registry, built, session.workspace.state / "cache", session.tell)
    changed = [step for step in plan.steps() if step.needed]
    data = {**_image_json(built), "changed": bool(changed), "steps": _steps(plan)}
    done = "built" if changed else f"nothing to do: {plan.wanted[-1].reason}\n"
    session.emit(data, f"{done} {built.reference}" if changed else done + built.reference)


@image.command()
@click.argument("name", metavar=NAME)
@click.option("--exit-code", is_flag=True, help="Exit with 4 when something would be built.")
@with_session(env=True)
@click.pass_context
def plan(ctx: click.Context, session: Session, name: str, exit_code: bool) -> None:
    """Show which images would be built, and why. Changes nothing."""
    found = _plan(session, session.open(), name)
    session.emit(_plan_json(found), _plan_text(found))
    if exit_code and found.changes:
        ctx.exit(4)


@image.command(name="list")
@with_session(env=True)
def list_(session: Session) -> None:
    """List the images of the workspace and their versions in the registry."""
    from provisimus.images.registry import open_registry

    client = open_registry(session.open().registry)
    client.ping()
    rows = []
    for name in session.workspace.images():
        tags = client.tags(client.repository(name))
        rows.append(
            (name, [tag for tag in tags if not tag.startswith(("fp-", "debian-", "sha256-"))])
        )
    data = [{"name": name, "versions": versions} for name, versions in rows]
    text = table(["image", "versions"], [(name, ", ".join(found) or "-") for name, found in rows])
    session.emit(data, text if rows else "the workspace defines no image")


@image.command()
@click.argument("name", metavar=NAME)
@click.option("--rendered", is_flag=True, help="The Dockerfile as its template renders.")
@click.option(
    "--sbom", "inside", is_flag=True, help="What is inside, by the SBOM that is attached."
)
@with_session(env=True)
def show(session: Session, name: str, rendered: bool, inside: bool) -> None:
    """Show an image of the registry: digest, labels, ports; or its rendered Dockerfile.

    \b
    provisimus image show greeter@1.0.0
    provisimus image show greeter --rendered
    provisimus image show greeter --sbom
    """
    if rendered:
        _show_rendered(session, name)
        return
    if inside:
        from provisimus.cli.image_sbom import show_sbom

        show_sbom(session, name)
        return
    from provisimus.images import read_image
    from provisimus.images.registry import as_tag, open_registry
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    version = wanted.version or own_version(session, wanted.name)
    client = open_registry(session.open().registry)
    try:
        found = read_image(client, client.reference(wanted.name, tag=as_tag(version)))
    except NotFound:
        raise NotFound(
            f"{wanted.name} {version} is not in the registry {client.host}",
            hint=f"build it: provisimus image build {wanted.name}@{version}",
        ) from None
    labels = [f"  {key:<40} {value}" for key, value in found.labels.items()]
    ports = ", ".join(map(str, found.ports)) or "none"
    text = "\n".join([found.reference, f"ports: {ports}", "labels:", *labels])
    session.emit(_image_json(found), text)


@image.command()
@click.argument("name", metavar=NAME)
@with_session(env=True, work=True)
def test(session: Session, name: str) -> None:
    """Run the tests of an image's manifest in real containers."""
    from provisimus.errors import Unreachable
    from provisimus.images.container_tests import describe, run_tests

    environment = _environment(session, start=True)
    found = _plan(session, environment, name)
    built = found.image
    if built is None:
        raise NotFound(
            f"{name} is not built as its definition wants it: {found.wanted[-1].reason}",
            hint=f"build it, which tests it too: provisimus image build {name}",
        )
    tests = found.wanted[-1].definition.manifest.tests
    label = f"image {built.name}@{built.version}"
    if not run_tests(tests, built.reference, environment, session.tell, session.run, label):
        raise Unreachable(
            "the tests need a Docker Engine, and none answers", hint="provisimus doctor"
        )
    said = [describe(each) for each in tests]
    text = "\n".join(f"passed: {each}" for each in said) or "the manifest has no tests"
    session.emit({"image": built.reference, "passed": said}, text)


def _environment(session: Session, *, start: bool) -> Environment:
    """The environment; the local cloud is started only where its registry does not answer."""
    from provisimus.errors import Unreachable
    from provisimus.images.registry import open_registry

    environment = session.open()
    if not start:
        return environment
    try:
        open_registry(environment.registry).ping()
    except Unreachable:
        if environment.local is None:
            raise
        return session.open(start=True)
    return environment


def _plan(session: Session, environment: Environment, name: str) -> ImagePlan:
    from provisimus.images import plan_image
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    return plan_image(session.workspace, environment, wanted.name, wanted.version)


def _show_rendered(session: Session, name: str) -> None:
    from provisimus.artifacts import open_repositories
    from provisimus.images.definition import read_definition
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    repositories = open_repositories(session.workspace)
    found = read_definition(session.workspace, wanted.name, wanted.version, repositories)
    data = {
        "name": found.name,
        "version": found.version,
        "lane": found.lane,
        "why": found.why_engine or "no RUN: assembled without a builder",
        "images": list(found.rendered.images),
        "dockerfile": found.rendered.text,
    }
    session.emit(data, found.rendered.text.rstrip("\n"))


def own_version(session: Session, name: str) -> str:
    from provisimus.errors import UsageFault

    workspace = session.workspace
    found = workspace.image(name).version
    if found is None and name in workspace.services():
        found = workspace.stack(name, session.env).version
    if found is None:
        raise UsageFault(f"which version of {name}?", hint=f"say {name}@VERSION")
    return found


def _plan_json(plan: ImagePlan) -> dict[str, Any]:
    return {
        "image": plan.wanted[-1].name,
        "version": plan.wanted[-1].version,
        "fingerprint": str(plan.fingerprint),
        "changes": plan.changes,
        "steps": _steps(plan),
    }


def _steps(plan: ImagePlan) -> list[dict[str, Any]]:
    return [
        {
            **vars(each.step()),
            "lane": each.definition.lane,
            "fingerprint": str(each.fingerprint),
            "image": each.exists.reference if each.exists else None,
        }
        for each in plan.wanted
    ]


def _plan_text(plan: ImagePlan) -> str:
    rows = [
        (step.action, step.subject, each.definition.lane, step.reason)
        for step, each in zip(plan.steps(), plan.wanted, strict=True)
    ]
    return table(["action", "image", "lane", "reason"], rows)


def _image_json(found: ContainerImage) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": found.version,
        "reference": found.reference,
        "digest": str(found.digest),
        "fingerprint": str(found.fingerprint) if found.fingerprint else None,
        "ports": list(found.ports),
        "labels": dict(found.labels),
    }
