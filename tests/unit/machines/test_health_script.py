"""The health script of a machine, run with its folders moved and a docker and a curl that act."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provisimus.machines.recipe import SCRIPTS

Run = Callable[[], tuple[int, list[str]]]

DOCKER = """\
#!/bin/sh
case $1 in
ps) printf '%s\\n' 'app restarting Restarting (1) 2 seconds ago' 'agent running Up 3 minutes' ;;
inspect) case $4 in app) echo '4 provisimus false ' ;; *) echo '0 runc false ' ;; esac ;;
logs) echo "cannot open /data/db"; echo "bye" >&2 ;;
esac
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], None]:
    (tmp_path / "bin").mkdir()

    def write(name: str, text: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    return write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "settings").write_text("way=http\nwhat=http://127.0.0.1:8080/health\nwithin=60\n")
    (tmp_path / "uptime").write_text("75.20 100.00\n")
    text = (SCRIPTS / "machine" / "health").read_text()
    for there, here in (
        ("/etc/provisimus/health", tmp_path / "settings"),
        ("/run/provisimus", tmp_path / "run"),
        ("/etc/provisimus/publish", tmp_path / "publish"),
        ("/usr/bin/python3 -I -S /usr/local/lib/provisimus/python/run", "python"),
        ("/proc/uptime", tmp_path / "uptime"),
    ):
        assert there in text
        text = text.replace(there, str(here))
    (tmp_path / "health").write_text(text)

    def once() -> tuple[int, list[str]]:
        done = subprocess.run(
            ["sh", str(tmp_path / "health")],
            env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return once


def test_an_unhealthy_service_tells_of_its_containers_once(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    program("curl", '#!/bin/sh\necho "curl: (7) nobody there"\nexit 7\n')
    program("docker", DOCKER)
    assert run() == (
        1,
        [
            "unhealthy: http://127.0.0.1:8080/health (curl: (7) nobody there) after 75 s",
            "container app: Restarting (1) 2 seconds ago, restarted 4 times",
            "app | cannot open /data/db",
            "app | bye",
            "container agent: Up 3 minutes",
        ],
    )
    assert run() == (1, [])
    assert json.loads((tmp_path / "run/health").read_text())["status"] == "unhealthy"


@pytest.mark.parametrize(
    ("state", "about", "told", "speaks"),
    [
        # The main one runs and does not answer; what stands beside it says nothing of that.
        ("running Up 3 minutes", "0 provisimus false ", "Up 3 minutes", True),
        ("running Up 3 minutes", "0 runc false ", "Up 3 minutes", False),
        ("running Up 3 minutes (unhealthy)", "0 runc false ", "Up 3 minutes (unhealthy)", True),
        # Looked at in the second in which it runs.
        ("running Up 1 second", "7 runc false ", "Up 1 second, restarted 7 times", True),
        ("exited Exited (137) 1 second ago", "0 runc true ",
         "Exited (137) 1 second ago, out of memory", True),
        ("created Created", "0 runc false no such file: /data", "Created: no such file: /data",
         True),
        ("exited Exited (1) 1 second ago", "", "Exited (1) 1 second ago", True),
    ],
)  # fmt: skip
def test_a_container_is_told_with_what_the_engine_knows_of_it(
    program: Callable[[str, str], None], run: Run, state: str, about: str, told: str, speaks: bool
) -> None:
    program("curl", "#!/bin/sh\nexit 7\n")
    program(
        "docker",
        f"#!/bin/sh\ncase $1 in ps) echo 'app {state}' ;; inspect) echo '{about}' ;; "
        "logs) echo bye ;; esac\n",
    )
    _, said = run()
    assert said[1:] == [f"container app: {told}", *(["app | bye"] if speaks else [])]


def test_an_engine_that_is_off_is_told(program: Callable[[str, str], None], run: Run) -> None:
    program("curl", "#!/bin/sh\nexit 7\n")
    program("docker", "#!/bin/sh\necho Cannot connect >&2\nexit 1\n")
    status, said = run()
    assert (status, said[1:]) == (1, ["the Docker Engine does not answer: Cannot connect"])


def test_half_way_through_its_time_a_starting_service_tells_too(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "uptime").write_text("31.0 9.0\n")
    program("docker", DOCKER)
    program("sleep", "#!/bin/sh\n")
    # Answers at the third question.
    program("curl", f"#!/bin/sh\necho . >>{tmp_path}/asked\n[ $(wc -l <{tmp_path}/asked) -ge 3 ]\n")
    status, said = run()
    assert status == 0
    assert [line.split(":")[0] for line in said] == [
        *("starting", "container app", "app | cannot open /data/db", "app | bye"),
        *("container agent", "healthy"),
    ]


def test_a_restart_of_our_own_is_a_start_and_no_failure(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    """Containers that are started anew with other settings get the time of a first start."""
    health, restarted = tmp_path / "run/health", tmp_path / "run/restarted"
    program("docker", DOCKER)
    program("sleep", f"#!/bin/sh\necho 4720.00 1.00 >{tmp_path}/uptime\n")
    program("curl", f"#!/bin/sh\n[ -e {tmp_path}/up ] || {{ touch {tmp_path}/up; exit 7; }}\n")
    (tmp_path / "uptime").write_text("4711.00 1.00\n")
    health.parent.mkdir()
    health.write_text('{"status": "healthy"}')
    restarted.write_text("4700\n")
    assert run() == (
        0,
        [
            "starting: http://127.0.0.1:8080/health after 4711 s",
            "healthy: http://127.0.0.1:8080/health after 4720 s",
        ],
    )
    assert not restarted.exists()

    # Later it is not excused any more, and neither is a start that takes longer than a first one.
    (tmp_path / "up").unlink()
    status, said = run()
    assert (status, said[0]) == (1, "unhealthy: http://127.0.0.1:8080/health after 4720 s")
    (tmp_path / "up").unlink()
    restarted.write_text("4660\n")
    assert run() == (1, [])


def test_what_answers_while_the_restart_goes_on_is_the_container_before(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    program("curl", "#!/bin/sh\n")
    restarted = tmp_path / "run/restarted"
    restarted.parent.mkdir()
    restarted.write_text("70\n")
    with restarted.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run()[0] == 0
        assert restarted.exists()
    assert run()[0] == 0
    assert not restarted.exists()


def test_what_changes_is_told_to_the_stack_and_the_rest_now_and_then(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    health, told = tmp_path / "run/health", tmp_path / "told"
    published = tmp_path / "run/published"
    program("docker", DOCKER)
    program("timeout", '#!/bin/sh\nshift\nexec "$@"\n')
    program(
        "python",
        f"#!/bin/sh\n[ $1 = publish ]\ncat {health} >>{told}\n"
        f"[ ! -e {tmp_path}/down ] && touch {published}\n",
    )
    program("curl", f"#!/bin/sh\n[ -e {tmp_path}/up ] || {{ printf 'no\\tbody\\001'; exit 7; }}\n")

    def said() -> list[str]:
        lines = told.read_text().splitlines() if told.exists() else []
        told.unlink(missing_ok=True)
        return [json.loads(line)["status"] for line in lines]

    (tmp_path / "up").touch()
    run()
    assert said() == [], "the stack does not ask for it"
    (tmp_path / "publish").touch()
    run()
    assert said() == ["healthy"]
    run()
    assert said() == [], "nothing changed"
    os.utime(published, (1, 1))
    run()
    assert said() == ["healthy"], "it is told every five minutes"
    (tmp_path / "up").unlink()
    (tmp_path / "down").touch()
    run()
    assert said() == ["unhealthy"]
    run()
    assert said() == ["unhealthy"], "what could not be told is told again"
    assert json.loads(health.read_text())["detail"] == "nobody"


def test_a_container_with_a_check_of_its_own_is_asked(
    program: Callable[[str, str], None], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "settings").write_text("way=container\nwhat=app\nwithin=60\n")
    program(
        "docker",
        f'#!/bin/sh\n[ "$1" = inspect ] && cat {tmp_path}/state && exit\n'
        + DOCKER.split("\n", 1)[1],
    )
    (tmp_path / "state").write_text("unhealthy\n")
    status, said = run()
    assert (status, said[0]) == (1, "unhealthy: app (unhealthy) after 75 s")
    (tmp_path / "state").write_text("healthy\n")
    assert run() == (0, ["healthy: app after 75 s"])


def test_a_command_on_the_machine_says_how_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "uptime").write_text("75.20 100.00\n")
    command = shlex.quote(f"test -e '{tmp_path}/up ' || {{ echo 'no luck'; false; }}")
    (tmp_path / "settings").write_text(f"way=run\nwhat={command}\nwithin=60\n")
    status, said = run()
    assert (status, said[0].endswith("(no luck) after 75 s")) == (1, True)
    told = json.loads((tmp_path / "run/health").read_text())
    assert (told["status"], told["detail"]) == ("unhealthy", "no luck")
    (tmp_path / "up ").touch()
    assert run()[0] == 0
