"""The Compose file: made from a definition, or rendered from the user's own template."""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from provisimus.errors import InvalidDefinitions
from provisimus.machines.compose import ComposeFile, ServiceImage, compose_file
from provisimus.machines.compose_model import Start
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.problems import parse

DIGEST = "sha256:" + "1f" * 32
GREETER = ServiceImage("greeter", f"127.0.0.1:5000/greeter@{DIGEST}", (8080,))
EXPORTER = ServiceImage("node-exporter", f"127.0.0.1:5000/node-exporter@{DIGEST}", (9100,))
WHERE = "packer/greeter/docker-compose.yml.j2"


def machine(**more: object) -> Machine:
    return parse(
        Machine, {"base": "debian-12", "main": "greeter", "side_carts": ["node-exporter"], **more}
    )


def rendered(template: str) -> ComposeFile:
    return compose_file(machine(), (GREETER, EXPORTER), template, WHERE)


def problem(template: str) -> tuple[int | None, str, str, str | None]:
    with pytest.raises(InvalidDefinitions) as caught:
        rendered(template)
    (only,) = caught.value.problems
    assert only.file == WHERE
    return only.line, only.key, only.message, only.hint


def test_the_whole_file() -> None:
    made = compose_file(
        machine(environment={"GREETING": "costs $5"}, volumes=[{"mount": "/data"}]),
        (GREETER, EXPORTER),
        None,
        "machine.yaml",
    )
    logging = {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}
    assert yaml.safe_load(made.text) == {
        "services": {
            "greeter": {
                "image": GREETER.reference,
                "container_name": "greeter",
                "restart": "always",
                "runtime": "provisimus",
                "ports": ["8080:8080"],
                "environment": {"GREETING": "costs $$5"},
                "volumes": [{"type": "bind", "source": "/data", "target": "/data"}],
                "logging": logging,
            },
            "node-exporter": {
                "image": EXPORTER.reference,
                "container_name": "node-exporter",
                "restart": "always",
                "ports": ["9100:9100"],
                "read_only": True,
                "tmpfs": ["/tmp"],
                "logging": logging,
            },
        }
    }
    assert made.start == (Start("greeter"), Start("node-exporter"))


def test_ports_stay_text_where_yaml_would_read_base_sixty() -> None:
    ssh = ServiceImage("ssh", GREETER.reference, (22,))
    made = compose_file(machine(), (ssh,), None, "machine.yaml")
    assert yaml.safe_load(made.text)["services"]["ssh"]["ports"] == ["22:22"]


def test_two_images_on_one_port_are_refused() -> None:
    twin = ServiceImage("node-exporter", EXPORTER.reference, (8080,))
    with pytest.raises(
        InvalidDefinitions, match="greeter and node-exporter both want the machine's port 8080"
    ):
        compose_file(machine(), (GREETER, twin), None, "machine.yaml")


def test_a_template_gets_the_images_by_name() -> None:
    made = rendered(
        'services:\n  web:\n    image: {{ image("greeter") }}\n'
        '  metrics:\n    image: {{ images["node-exporter"] }}\n'
    )
    assert [each["image"] for each in yaml.safe_load(made.text)["services"].values()] == [
        GREETER.reference,
        EXPORTER.reference,
    ]
    assert made.start == (Start("web"), Start("metrics"))
    assert made.warnings == ()


def test_a_template_with_an_order_of_its_own_is_left_to_compose() -> None:
    made = rendered(
        'services:\n  web:\n    image: {{ image("greeter") }}\n    depends_on: [metrics]\n'
        '  metrics:\n    image: {{ image("node-exporter") }}\n'
    )
    assert made.start is None


def test_what_is_declared_and_not_used_is_warned_of() -> None:
    made = rendered('services:\n  web:\n    image: {{ image("greeter") }}\n')
    assert made.warnings == (f"node-exporter is declared in machine.yaml and not used in {WHERE}",)


def test_what_is_used_and_not_declared_is_refused() -> None:
    _, key, message, hint = problem("services:\n  web:\n    image: redis:7\n")
    assert (key, message) == ("services/web/image", "the image 'redis:7' is declared nowhere")
    assert "declared are: greeter, node-exporter" in str(hint)


def test_an_unknown_image_is_named_with_its_line() -> None:
    assert problem('services:\n  web:\n    image: {{ image("greter") }}\n') == (
        3,
        "",
        "machine.yaml declares no image 'greter'",
        "did you mean 'greeter'?",
    )


def test_an_unknown_variable_is_named_with_its_line() -> None:
    assert problem("services:\n  web:\n    ports: [{{ prot }}]\n")[:3] == (
        3,
        "",
        "'prot' is undefined",
    )


def test_faulty_syntax_is_named_with_its_line() -> None:
    assert problem("services:\n  web: {{ image( }}\n")[0] == 2


def test_what_is_no_yaml_is_named_with_its_line() -> None:
    line, _, message, _ = problem("services:\n  web: [\n")
    assert line == 3
    assert message.startswith("is no YAML after rendering")


def test_building_on_a_machine_is_refused() -> None:
    template = 'services:\n  web:\n    build: .\n    image: {{ image("greeter") }}\n'
    assert problem(template)[1:3] == ("services/web/build", "nothing is built on a machine")


def test_containers_have_limits_checks_folders_and_an_order() -> None:
    said = {
        "greeter": {"memory": "512 MiB", "cpus": 1.5, "processes": 200, "after": ["node-exporter"]},
        "node-exporter": {
            "environment": {"COLLECTORS": "cpu"},
            "mounts": [{"from": "/proc", "to": "/host/proc", "read_only": True}],
            "ports": {9100: 19100},
            "health": {"run": ["wget", "-q", "$URL"], "every": "10s", "within": "1m"},
            "restart": "on-failure",
            "stop_within": "30s",
        },
    }
    made = compose_file(machine(containers=said), (GREETER, EXPORTER), None, "machine.yaml")
    services = yaml.safe_load(made.text)["services"]
    assert list(services) == ["node-exporter", "greeter"]
    del services["greeter"]["logging"], services["node-exporter"]["logging"]
    assert services["greeter"] == {
        "image": GREETER.reference,
        "container_name": "greeter",
        "restart": "always",
        "ports": ["8080:8080"],
        "runtime": "provisimus",
        "mem_limit": "512m",
        "memswap_limit": "512m",
        "cpus": 1.5,
        "pids_limit": 200,
        "depends_on": {"node-exporter": {"condition": "service_healthy"}},
    }
    assert services["node-exporter"] == {
        "image": EXPORTER.reference,
        "container_name": "node-exporter",
        "restart": "on-failure",
        "ports": ["19100:9100"],
        "environment": {"COLLECTORS": "cpu"},
        "volumes": [{"type": "bind", "source": "/proc", "target": "/host/proc", "read_only": True}],
        "read_only": True,
        "tmpfs": ["/tmp"],
        "stop_grace_period": "30s",
        "healthcheck": {
            "test": ["CMD", "wget", "-q", "$$URL"],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "60s",
        },
    }
    assert made.start == (Start("node-exporter"), Start("greeter", ("node-exporter",)))


def test_a_main_image_may_be_read_only_and_choose_where_its_volume_goes() -> None:
    said = {
        "greeter": {
            "writable": False,
            "ports": {},
            "mounts": [{"from": "/data/greeter", "to": "/data"}],
        }
    }
    made = compose_file(
        machine(containers=said, volumes=[{"mount": "/data"}]), (GREETER,), None, "machine.yaml"
    )
    service = yaml.safe_load(made.text)["services"]["greeter"]
    assert service["read_only"]
    assert "ports" not in service
    assert service["volumes"] == [{"type": "bind", "source": "/data/greeter", "target": "/data"}]


def test_a_compose_file_of_ones_own_says_it_all() -> None:
    with pytest.raises(InvalidDefinitions, match="which a Compose file of one's own ignores"):
        compose_file(machine(containers={"greeter": {}}), (GREETER, EXPORTER), "services:", WHERE)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"gretter": {}}, "'gretter' is no container — they are greeter, node-exporter"),
        ({"greeter": {"after": ["redis"]}}, "'redis' is no container"),
        (
            {"greeter": {"after": ["node-exporter"]}, "node-exporter": {"after": ["greeter"]}},
            "greeter, node-exporter wait for each other",
        ),
        ({"greeter": {"after": ["greeter"]}}, "greeter waits for itself"),
        ({"greeter": {"memory": "512"}}, "write 512 MiB or 2 GiB"),
        ({"greeter": {"ports": {80: 8080, 81: 8080}}}, "two ports of the container go to one"),
        (
            {
                "greeter": {
                    "mounts": [{"from": "/a", "to": "/x"}, {"from": "/b", "to": "/x"}],
                }
            },
            "two mounts go to /x",
        ),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        machine(containers=said)


def test_a_health_check_of_a_port_that_a_vendor_image_does_not_publish_is_refused() -> None:
    vendor = ServiceImage("greeter", f"docker.io/acme/greeter@{DIGEST}", from_vendor=True)
    health = {"http": {"port": 8080, "path": "/"}}

    def made(images: tuple[ServiceImage, ...], **more: object) -> str:
        return compose_file(machine(health=health, **more), images, None, "machine.yaml").text

    with pytest.raises(InvalidDefinitions) as caught:
        made((vendor, EXPORTER))
    (only,) = caught.value.problems
    assert "health asks port 8080, which nobody publishes" in only.message
    assert only.hint is not None and only.hint.startswith(
        "containers: {greeter: {ports: {8080: 8080}}}"
    )
    said = {"greeter": {"ports": {8080: 8080}}}
    assert "8080:8080" in made((vendor, EXPORTER), containers=said)
    assert "8080" not in made((vendor, EXPORTER), containers={"greeter": {"ports": {}}})
    proxy = ServiceImage("node-exporter", EXPORTER.reference, (8080,))
    assert "8080:8080" in made((vendor, proxy))
