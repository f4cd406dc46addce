"""A process that bakes when told to, each time in a forked child: imports take long.

Told by lines of JSON; answers with the child's process id.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from provisimus.aws import Cloud
from provisimus.environment import Environment, open_environment
from provisimus.errors import Unhealthy
from provisimus.events import silence
from provisimus.machines import ImageInput, bake, boot_test, plan_machine
from provisimus.model import Commits
from provisimus.workspace import open_workspace

REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
SAYS = {
    "healthy": "provisimus-health[9]: healthy: http://127.0.0.1:8080/health after 31 s",
    "unhealthy": "provisimus-health[9]: unhealthy: http://127.0.0.1:8080/health (no) after 300 s",
}


def main() -> None:
    # What every child needs is read once.
    Cloud("eu-west-1", None, "http://127.0.0.1:9", None, ("test", "test")).ec2  # noqa: B018
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(run(**told))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def run(root: str, endpoint: str, run: str, health: str, says: str) -> int:
    """`health` is what the console says; without it, the local cloud's real one is asked."""
    cloud = Cloud("eu-west-1", None, endpoint, None, ("test", "test"))
    environment = Environment("staging", cloud, "127.0.0.1:5000", ssh_from=("198.51.100.0/24",))
    if health:
        boot_test.console_of = lambda *_: [SAYS[health]]
    else:
        environment = replace(open_environment(open_workspace(root), "local"), cloud=cloud)
    try:
        image = ImageInput("greeter", None, REFERENCE)
        plan = plan_machine(
            open_workspace(root), environment, "greeter", "1.0.0", {"greeter": image}
        )
        bake(plan, environment, {"greeter": REFERENCE}, Commits({}), silence, run)
    except Unhealthy:
        Path(says).write_text("unhealthy")
    except Exception as error:  # noqa: BLE001 told to the test
        Path(says).write_text(f"{type(error).__name__}: {error}")
        return 1
    else:
        Path(says).write_text("healthy")
    return 0


if __name__ == "__main__":
    main()
