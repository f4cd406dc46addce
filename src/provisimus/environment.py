"""An environment: which cloud, which registry; starts the local cloud when asked.

Reading commands open it with `start=False` and get an error that says what is not running;
changing commands may start the local cloud.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisimus import local
from provisimus.aws import Cloud
from provisimus.errors import UsageFault
from provisimus.events import Tell, silence
from provisimus.local import LocalCloud
from provisimus.workspace.definitions.project import AwsEnvironment, Base
from provisimus.workspace.workspace import Workspace

LOOPBACK = ("127.0.0.0/8",)
"""Where SSH to a machine of the local cloud comes from."""


@dataclass(frozen=True)
class Environment:
    """One environment, opened. `local` is set for the local cloud only."""

    name: str
    cloud: Cloud
    registry: str
    protect: bool = False
    promote_from: str | None = None
    subnet: str | None = None
    """The subnet to bake in; None takes the default VPC's."""
    ssh_from: tuple[str, ...] | None = None
    """The networks that SSH may come from while baking; None is this machine's public address."""
    templates: str | None = None
    """The bucket through which templates go that are too long for a request."""
    local: LocalCloud | None = None

    def ensure_base(self, name: str, base: Base, tell: Tell = silence) -> None:
        """Make sure that the base AMI can be found. On AWS it is its owner's affair."""
        if self.local is None:
            return
        if base.local is None:
            raise UsageFault(
                f"base {name} says nothing of the local cloud",
                hint="add to it in provisimus.yaml: local: {debian: bookworm}",
            )
        self.local.ensure_base(local_base(base), tell)

    def whose(self) -> str:
        """Account, region and caller in words, to be shown before something changes.

        Raises Refused when the credentials are of another account than the environment's.
        """
        caller = self.cloud.check_account()
        account = caller.split(":")[4]
        return f"{self.name}: account {account}, region {self.cloud.region}, as {caller}"

    def docker_host(self) -> str | None:
        """Where a Docker Engine answers; None leaves it to DOCKER_HOST and Docker's default."""
        return self.local.docker_host() if self.local else None


def local_base(base: Base) -> dict[str, object]:
    """What the local cloud is asked to build, under a name that the base's own filter finds."""
    assert base.local is not None
    pattern = base.aws.name or (base.aws.ssm or "").strip("/").replace("/", "-") + "-*"
    return {
        "name": pattern.replace("*", "local"),
        "owner": base.aws.owner or "amazon",
        "kind": "tiny" if base.local.tiny else "debian",
        "suite": base.local.debian or "bookworm",
        "packages": list(base.local.packages),
    }


def open_environment(
    workspace: Workspace, name: str, *, start: bool = False, tell: Tell = silence
) -> Environment:
    """Open an environment of the workspace. With `start`, the local cloud is started if need be.

    Raises UsageFault for an unknown name; what does not answer shows at the first question.
    """
    definition = workspace.environment(name)
    registry = workspace.project.registry.url
    if isinstance(definition, AwsEnvironment):
        cloud = Cloud(definition.region, definition.account, definition.endpoint, definition.role)
        return Environment(
            name,
            cloud,
            registry,
            protect=definition.protect,
            promote_from=definition.promote_from,
            subnet=definition.subnet,
            ssh_from=definition.ssh_from,
            templates=definition.templates,
        )
    here = local.from_environment(registry)
    if start:
        here.up(definition.region, tell)
    cloud = Cloud(definition.region, None, here.endpoint, None, ("test", "test"))
    if registry.startswith(("127.0.0.1:", "localhost:")):
        # Ours, wherever its port was moved to: one name for the host and for the machines.
        _, slash, path = registry.partition("/")
        registry = f"127.0.0.1:{here.registry_port}{slash}{path}"
    return Environment(
        name,
        cloud,
        registry,
        protect=definition.protect,
        promote_from=definition.promote_from,
        ssh_from=LOOPBACK,
        templates=definition.templates,
        local=here,
    )
