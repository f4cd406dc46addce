"""What a console says of containers, by value; the lines are those of real machines."""

from provisimus.container_words import (
    SaidContainer,
    cloud_init_faults,
    containers_in,
    service_in,
    without_containers,
)

HEALTH = "[   92.100000] provisimus-health[611]: "
CONSOLE = [
    "[    0.000000] Linux version 6.1.0-18-cloud-amd64",
    "[   15.101010] cloud-init[412]: Cloud-init v. 22.4.2 running 'modules:final'",
    f"{HEALTH}container log-shipper: Up 2 minutes",
    f"{HEALTH}container greeter: Restarting (1) 2 seconds ago (3 times)",
    f"{HEALTH}greeter | Error: Unable to access jarfile /app/x.jar",
    f"{HEALTH}greeter | one line more",
    "[   99.0] provisimus-containers[700]: container probe is unhealthy after 99 s",
    "[   99.1] provisimus-containers[700]: probe | 1 no answer",
]
IMAGES = {"greeter": "127.0.0.1:5000/greeter@sha256:aa", "probe": "reg/probe@sha256:bb"}


def test_those_that_do_not_run_come_first_with_image_and_last_words() -> None:
    assert containers_in(CONSOLE, IMAGES) == (
        SaidContainer(
            "greeter",
            "Restarting (1) 2 seconds ago",
            "127.0.0.1:5000/greeter@sha256:aa",
            ("Error: Unable to access jarfile /app/x.jar", "one line more"),
        ),
        SaidContainer("probe", "unhealthy after 99 s", "reg/probe@sha256:bb", ("1 no answer",)),
        SaidContainer("log-shipper", "Up 2 minutes"),
    )


def test_the_last_word_counts() -> None:
    later = [*CONSOLE, f"{HEALTH}container greeter: Up 1 second"]
    [greeter] = [each for each in containers_in(later) if each.name == "greeter"]
    assert (greeter.is_well, greeter.lines, greeter.image) == (True, (), None)


def test_a_container_that_runs_and_is_not_healthy_is_not_well() -> None:
    for state in ("Up 3 minutes (unhealthy)", "Up 1 second, restarted 7 times"):
        [only] = containers_in([f"{HEALTH}container a: {state}"])
        assert not only.is_well


def test_compose_names_a_container_after_project_and_number() -> None:
    images = {"greeter": "one", "old-greeter": "other"}
    for name, image in (("bootstrap-greeter-1", "one"), ("bootstrap_old-greeter_1", "other")):
        [only] = containers_in([f"{HEALTH}container {name}: Exited (1) 1 second ago"], images)
        assert only.image == image


def test_the_service_is_as_the_machine_said_last() -> None:
    said = [f"{HEALTH}starting: http://x (refused) after 9 s", f"{HEALTH}unhealthy: http://x (404)"]
    assert service_in([*CONSOLE, *said, "unhealthy: somebody else"]) == "unhealthy: http://x (404)"
    assert service_in(CONSOLE) == ""


def test_what_is_told_of_containers_is_not_told_again() -> None:
    assert without_containers(CONSOLE) == CONSOLE[:2]


def test_cloud_init_is_heard_when_it_failed() -> None:
    failed = "[ 16.2] cloud-init[412]: 2026-11-26 - util.py[WARNING]: Failed to run module ssh"
    assert cloud_init_faults([*CONSOLE, failed]) == (failed,)
    assert cloud_init_faults(CONSOLE) == ()
