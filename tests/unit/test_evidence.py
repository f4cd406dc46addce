"""Which lines of a console are shown, by value."""

import pytest

from provisimus.evidence import evidence, telling

BOOT = """\
SeaBIOS (version 1.16.2-debian-1.16.2-1)
Booting from Hard Disk...
[    0.000000] Linux version 6.1.0-18-cloud-amd64 (debian-kernel@lists.debian.org)
[    2.514201] EXT4-fs (vda1): mounted filesystem with ordered data mode.
Welcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!
[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mnetwork.target\x1b[0m - Network.
         Starting \x1b[0;1;39mdocker.service\x1b[0m - Docker Application Container Engine...
[   15.101010] cloud-init[412]: Cloud-init v. 22.4.2 running 'modules:final'
ci-info: no authorized SSH keys fingerprints found for user debian.
-----BEGIN SSH HOST KEY KEYS-----
""".splitlines()
LOGIN = ["Debian GNU/Linux 12 ip-10-0-1-4 ttyS0", "", "ip-10-0-1-4 login: "]

STARTING = (
    "[   31.200000] provisimus-health[611]: starting: http://127.0.0.1:8080/health "
    "(curl: (7) Failed to connect) after 31 s"
)
CONTAINER = "[   92.100000] provisimus-health[611]: container greeter: Restarting (1) 2 seconds ago"
SAID = "[   92.200000] provisimus-health[611]: greeter | Error: Unable to access jarfile /app/x.jar"
UNHEALTHY = (
    "[  182.300000] provisimus-health[611]: unhealthy: http://127.0.0.1:8080/health "
    "(curl: (7) Failed to connect) after 182 s"
)


def test_the_health_unit_and_the_containers_and_not_the_boot() -> None:
    lines = [*BOOT, STARTING, *LOGIN, CONTAINER, SAID, UNHEALTHY]
    assert evidence(lines) == (STARTING, CONTAINER, SAID, UNHEALTHY)


def test_of_a_machine_that_only_boots_nothing_is_telling() -> None:
    assert telling(BOOT) == ()
    assert telling([*BOOT, STARTING, *LOGIN]) == (STARTING,)


def test_what_failed_is_among_them_wherever_it_stands() -> None:
    failed = "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start docker.service - Docker Engine."
    depend = "[DEPEND] Dependency failed for provisimus-bootstrap.service."
    killed = "[   60.000001] Out of memory: Killed process 702 (java) total-vm:2617356kB"
    assert evidence([failed, *BOOT, depend, killed, *LOGIN]) == (
        "[FAILED] Failed to start docker.service - Docker Engine.",
        depend,
        killed,
    )


def test_a_loop_is_told_once_by_its_last_round() -> None:
    rounds = [
        f"[ {at}.5] provisimus-bootstrap[{100 + at}]: not every container could be started"
        for at in (40, 50, 60)
    ]
    assert evidence([*BOOT, *rounds, UNHEALTHY]) == (
        "[ 60.5] provisimus-bootstrap[160]: not every container could be started (3 times)",
        UNHEALTHY,
    )


def test_a_machine_that_says_nothing_of_itself_shows_what_is_no_boot() -> None:
    assert evidence([*BOOT, "app: cannot open /data/db", *LOGIN]) == ("app: cannot open /data/db",)


def test_one_that_only_boots_shows_how_far_it_came() -> None:
    assert evidence(BOOT[:4], most=2) == (
        "[    0.000000] Linux version 6.1.0-18-cloud-amd64 (debian-kernel@lists.debian.org)",
        "[    2.514201] EXT4-fs (vda1): mounted filesystem with ordered data mode.",
    )


@pytest.mark.parametrize("lines", [[], ["", "\x1b[2J", "\r"]])
def test_nothing_is_nothing(lines: list[str]) -> None:
    assert evidence(lines) == ()


def test_the_tiny_machine_speaks_too() -> None:
    lines = ["[    0.9] Run /init as init process", "tiny: serving on 8080"]
    assert evidence(lines) == ("tiny: serving on 8080",)


def test_the_last_ones_count() -> None:
    lines = [f"provisimus-health: unhealthy: {letter}" for letter in "abcdef"]
    assert evidence(lines, most=2) == tuple(lines[-2:])
