"""`provisimus image …` and `build_docker`: container images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.group import Group
from provisimus.cli.image_lock import lock, outdated
from provisimus.cli.image_mirror import mirror
from provisimus.cli.image_sbom import sbom
from provisimus.cli.names import image_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound, UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisimus.environment import Environment
    from provisimus.images.plan import ImagePlan, WantedImage
    from provisimus.model import ContainerImage

NAME = "NAME[@VERSION]"
NAMES = f"{NAME}…"


@click.group(cls=Group)
def image() -> None:
    """Build and inspect container images: a build manifest, a template Dockerfile, an artifact."""


for each in (sbom, lock, outdated, mirror):
    image.add_command(each)


@image.command()
@click.argument("names", nargs=-1, metavar=NAMES, shell_complete=image_names)
@click.option("--all", "everything", is_flag=True, help="Every image of the workspace.")
@click.option("--jobs", "-j", default=4, show_default=True, help="So many at the same time.")
@click.option(
    "--portable", is_flag=True, help="Compress with zlib: slower, the same digest on all machines."
)
@click.option("--sbom", "attach", is_flag=True, help="Attach an SBOM, where none is yet.")
@with_session(env=True, dry_run=True, work=True)
def build(
    session: Session,
    names: tuple[str, ...],
    *,
    everything: bool,
    jobs: int,
    portable: bool,
    attach: bool,
) -> None:
    """Build images and what they stand on, and put them into the registry.

    What exists by its fingerprint is not built again. `build_docker X` is the same.

    \b
    Examples:
      provisimus image build greeter@1.0.0
      provisimus image build jre node-exporter    several at the same time
      provisimus image build --all --dry-run      what would be built, and why
    """
    from provisimus.images import build_images

    if bool(names) == everything:
        raise UsageFault("which image?", hint="say its NAME[@VERSION], or --all for every one")
    environment, plan = _planned(session, names, start=not session.dry_run)
    plan = replace(plan, portable=portable)
    if session.dry_run:
        session.emit(_plan_json(plan), _plan_text(plan))
        return
    made = build_images(plan, environment, session.tell, session.run, max(1, jobs))
    changed = plan.changes
    asked = [made[name] for name in plan.asked]
    if attach:
        from provisimus.images.sbom import attach_to

        for each in asked:
            attach_to(environment.registry, each, session.workspace.state / "cache", session.tell)

    def more() -> dict[str, Any]:
        # How each would be built, which takes working out.
        return {"changed": changed, "steps": _steps(plan)}

    if len(names) == 1:
        built = asked[0]
        done = "built" if changed else f"nothing to do: {plan.wanted[-1].reason}\n"
        text = f"{done} {built.reference}" if changed else done + built.reference
        session.emit(lambda: {**_image_json(built), **more()}, text)
        return
    rows = [(each.step().action, made[each.name].reference) for each in _asked(plan)]
    images = list(map(_image_json, asked))
    left_out = dict(plan.left_out)
    session.emit(
        lambda: {"images": images, **more(), "left_out": left_out},
        table(["did", "image"], rows) + _left_out(plan),
    )


@image.command()
@click.argument("names", nargs=-1, metavar=f"[{NAMES}]", shell_complete=image_names)
@click.option("--exit-code", is_flag=True, help="Exit with 4 when something would be built.")
@with_session(env=True)
@click.pass_context
def plan(ctx: click.Context, session: Session, names: tuple[str, ...], exit_code: bool) -> None:
    """Show which images would be built, and why; without a name, all. Changes nothing.

    The lane tells whether a builder would be started: assemble and a split whose prefix is in the
    registry need none.

    \b
    Examples:
      provisimus image plan greeter@1.0.0
      provisimus image plan --exit-code           4 when anything in the workspace is stale
    """
    found = _plan(session, session.open(), names)
    session.emit(_plan_json(found), _plan_text(found))
    if exit_code and found.changes:
        ctx.exit(4)


@image.command(name="list")
@with_session(env=True)
def list_(session: Session) -> None:
    """List the images of the workspace and their versions in the registry.

    \b
    Example:
      provisimus image list --json
    """
    from provisimus.images.find import OWN_TAGS
    from provisimus.images.registry import open_registry

    client = open_registry(session.open().registry)
    client.ping()
    rows = []
    for name in session.workspace.images():
        tags = client.tags(client.repository(name))
        rows.append((name, [tag for tag in tags if not tag.startswith(OWN_TAGS)]))
    data = [{"name": name, "versions": versions} for name, versions in rows]
    text = table(["image", "versions"], [(name, ", ".join(found) or "-") for name, found in rows])
    session.emit(data, text if rows else "the workspace defines no image")


@image.command()
@click.argument("name", metavar=NAME, shell_complete=image_names)
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
        if session.workspace.find_image_place(wanted.name) is None:
            session.workspace.image(wanted.name)
        raise NotFound(
            f"{wanted.name} {version} is not in the registry {client.host}",
            hint=f"build it: provisimus image build {wanted.name}@{version}",
        ) from None
    labels = [f"  {key:<40} {value}" for key, value in found.labels.items()]
    ports = ", ".join(map(str, found.ports)) or "none"
    text = "\n".join([found.reference, f"ports: {ports}", "labels:", *labels])
    session.emit(_image_json(found), text)


@image.command()
@click.argument("name", metavar=NAME, shell_complete=image_names)
@with_session(env=True, work=True)
def test(session: Session, name: str) -> None:
    """Run the tests of an image's manifest in real containers of what the registry has.

    \b
    Example:
      provisimus image test greeter@1.0.0
    """
    from provisimus.errors import Unreachable
    from provisimus.images.container_tests import describe, run_tests

    environment, found = _planned(session, [name], start=True)
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
@click.argument("name", metavar=NAME, shell_complete=image_names)
@with_session(env=True)
@click.pass_context
def verify(ctx: click.Context, session: Session, name: str) -> None:
    """Make an image again, without publishing it, and compare it with the registry's.

    Exits with 1 when a layer or a setting differs, and names the files. Bases, and what a builder
    made, are taken from the registry.

    \b
    Example:
      provisimus image verify greeter@1.0.0 --json
    """
    from provisimus.images.verify import verify_image

    found = verify_image(_plan(session, session.open(), [name]))
    text = "\n".join(
        [
            f"{found.reference}: {'the same' if found.same else 'not the same'}",
            *(f"  {each}" for each in found.differences),
            *(f"  not made again: {each}" for each in found.taken),
        ]
    )
    session.emit({**vars(found), "same": found.same}, text)
    if not found.same:
        ctx.exit(1)


def _planned(
    session: Session, names: Sequence[str], *, start: bool
) -> tuple[Environment, ImagePlan]:
    """The environment and the plan; with `start` the local cloud is started where its registry, and
    not something else, does not answer.
    """
    from provisimus.errors import Unreachable

    environment = session.open()
    try:
        return environment, _plan(session, environment, names)
    except Unreachable:
        if not start or environment.local is None or _answers(environment.registry):
            raise
    environment = session.open(start=True)
    return environment, _plan(session, environment, names)


def _answers(registry: str) -> bool:
    from provisimus.errors import Unreachable
    from provisimus.images.registry import open_registry

    try:
        open_registry(registry).ping()
    except Unreachable:
        return False
    return True


def _plan(session: Session, environment: Environment, names: Sequence[str]) -> ImagePlan:
    """The plan for these images, or for all of the workspace when none is named."""
    from provisimus.images import plan_all, plan_images
    from provisimus.model import ServiceVersion

    if not names:
        return plan_all(session.workspace, environment)
    asked = [ServiceVersion.parse(name) for name in names]
    return plan_images(
        session.workspace, environment, [(each.name, each.version) for each in asked]
    )


def _asked(plan: ImagePlan) -> list[WantedImage]:
    return [each for each in plan.wanted if each.name in plan.asked]


def _left_out(plan: ImagePlan) -> str:
    return "".join(f"\nleft out: {name}: {why}" for name, why in plan.left_out.items())


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
    workspace = session.workspace
    found = workspace.image(name).version or workspace.declared_version(name, session.env)
    if found is None:
        raise UsageFault(f"which version of {name}?", hint=f"say {name}@VERSION")
    return found


def _plan_json(plan: ImagePlan) -> dict[str, Any]:
    asked = [
        {"image": each.name, "version": each.version, "fingerprint": str(each.fingerprint)}
        for each in _asked(plan)
    ]
    data = {"changes": plan.changes, "steps": _steps(plan)}
    if len(asked) == 1 and not plan.left_out:
        return {**asked[0], **data}
    return {"images": asked, **data, "left_out": dict(plan.left_out)}


def _steps(plan: ImagePlan) -> list[dict[str, Any]]:
    return [
        {
            **vars(each.step()),
            "lane": each.definition.lane,
            "lane_reason": each.lane,
            "fingerprint": str(each.fingerprint),
            "image": each.exists.reference if each.exists else None,
        }
        for each in plan.wanted
    ]


def _plan_text(plan: ImagePlan) -> str:
    rows = [
        (step.action, step.subject, each.lane, step.reason)
        for step, each in zip(plan.steps(), plan.wanted, strict=True)
    ]
    return table(["action", "image", "lane", "reason"], rows) + _left_out(plan)


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
