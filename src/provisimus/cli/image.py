"""`provisimus image …` and `build_docker`: container images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.images.plan import ImagePlan
    from provisimus.images.registry import Registry
    from provisimus.images.registry.content import Manifest
    from provisimus.model import ContainerImage

NAME = "NAME[@VERSION]"


@click.group()
def image() -> None:
    """Build and inspect container images: a build manifest, a template Dockerfile, an artifact."""


@image.command()
@click.argument("name", metavar=NAME)
@click.option("--sbom", is_flag=True, help="Attach an SBOM to it, where none is yet.")
@with_session(env=True, dry_run=True, work=True)
def build(session: Session, name: str, sbom: bool) -> None:
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
    if sbom:
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
@click.option("--sbom", is_flag=True, help="What is inside, by the SBOM that is attached.")
@with_session(env=True)
def show(session: Session, name: str, rendered: bool, sbom: bool) -> None:
    """Show an image of the registry: digest, labels, ports; or its rendered Dockerfile.

    \b
    provisimus image show greeter@1.0.0
    provisimus image show greeter --rendered
    provisimus image show greeter --sbom
    """
    if rendered:
        _show_rendered(session, name)
        return
    if sbom:
        _show_sbom(session, name)
        return
    from provisimus.images import read_image
    from provisimus.images.registry import as_tag, open_registry
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    version = wanted.version or _own_version(session, wanted.name)
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
@click.option("--attach", is_flag=True, help="Attach it to the image, where none is yet.")
@click.option(
    "--spec",
    type=click.Choice(["1.5", "1.6"]),
    default="1.6",
    show_default=True,
    help="The version of CycloneDX to print.",
)
@with_session(env=True, work=True)
def sbom(session: Session, name: str, attach: bool, spec: str) -> None:
    """Print what is inside an image as a CycloneDX SBOM, read from its layers.

    JARs with those inside them, by the coordinates that Maven wrote there, and Debian packages.
    The same image gives the same bytes. Attached, it is an OCI referrer of the image.

    \b
    provisimus image sbom greeter@1.0.0 > greeter.cdx.json
    provisimus image sbom greeter@1.0.0 --attach --quiet > /dev/null
    """
    from provisimus.images.sbom import attach_sbom, make_sbom

    client, repository, found = _in_registry(session, name)
    cache = session.workspace.state / "cache"
    if attach:
        attach_sbom(client, repository, found, cache, session.tell)
    click.echo(make_sbom(client, repository, found, cache, spec), nl=False)


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


@image.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--update", is_flag=True, help="Move the pins: the next build makes the bases anew.")
@with_session()
def lock(session: Session, names: tuple[str, ...], update: bool) -> None:
    """Show what docker.lock pins; with --update, let bases follow Debian's newer packages."""
    from provisimus.images.lock import read_lock, write_lock
    from provisimus.images.locking import updated_lock

    folder = session.workspace.docker
    before = read_lock(folder)
    after = updated_lock(session.workspace, before, names) if update else before
    if after != before:
        write_lock(folder, after)
    data = {
        name: {
            "fingerprint": str(base.fingerprint),
            "digest": str(base.digest) if base.digest else None,
            "update": base.update,
        }
        for name, base in sorted(after.bases.items())
    }
    text = table(
        ["base", "pinned to", "update"],
        [
            (name, base.digest or "built anew with the next image build", base.update)
            for name, base in sorted(after.bases.items())
        ],
    )
    session.emit(data, text if data else "docker.lock pins nothing yet")


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


def _show_sbom(session: Session, name: str) -> None:
    import json

    from provisimus.images.sbom import attached_sbom

    client, repository, found = _in_registry(session, name)
    attached = attached_sbom(client, repository, found.digest)
    if attached is None:
        raise NotFound(
            f"no SBOM is attached to {repository}@{found.digest.short}…",
            hint=f"attach it: provisimus image sbom {name} --attach",
        )
    data = json.loads(attached.body)
    rows = [
        (
            each["name"],
            each.get("version", "-"),
            ", ".join(
                str(given["license"].get("id") or given["license"].get("name"))
                for given in each.get("licenses", [])
            )
            or "-",
            each.get("purl") or each["type"],
        )
        for each in data["components"]
    ]
    session.emit(data, table(["component", "version", "licence", "what"], rows))


def _in_registry(session: Session, name: str) -> tuple[Registry, str, Manifest]:
    """An image of the registry, by the tag of its version, for this machine's processor."""
    from provisimus.images.find import one_platform
    from provisimus.images.registry import as_tag, open_registry
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    version = wanted.version or _own_version(session, wanted.name)
    client = open_registry(session.open().registry)
    repository = client.repository(wanted.name)
    found = client.manifest(repository, as_tag(version))
    if found is None:
        raise NotFound(
            f"{wanted.name} {version} is not in the registry {client.host}",
            hint=f"build it: provisimus image build {wanted.name}@{version}",
        )
    return client, repository, one_platform(client, repository, found)


def _own_version(session: Session, name: str) -> str:
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
