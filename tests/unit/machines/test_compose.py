"""The Compose file: made from a definition, or rendered from the user's own template."""

from __future__ import annotations

import pytest
import yaml

from provisimus.errors import InvalidDefinitions
from provisimus.machines.compose import ComposeFile, ServiceImage, compose_file
from provisimus.workspace.definitions.machine import Machine

DIGEST = "sha256:" + "1f" * 32
GREETER = ServiceImage("greeter", f"127.0.0.1:5000/greeter@{DIGEST}", (8080,))
EXPORTER = ServiceImage("node-exporter", f"127.0.0.1:5000/node-exporter@{DIGEST}", (9100,))
WHERE = "packer/greeter/docker-compose.yml.j2"


def machine(**more: object) -> Machine:
    return Machine.model_validate(
        {"base": "debian-12", "main": "greeter", "side_carts": ["node-exporter"], **more}
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
    assert made.start == ("greeter", "node-exporter")


def test_ports_stay_text_where_yaml_would_read_base_sixty() -> None:
    ssh = ServiceImage("ssh", GREETER.reference, (22,))
    made = compose_file(machine(), (ssh,), None, "machine.yaml")
    assert yaml.safe_load(made.text)["services"]["ssh"]["ports"] == ["22:22"]


def test_two_images_on_one_port_are_refused() -> None:
    twin = ServiceImage("node-exporter", EXPORTER.reference, (8080,))
    with pytest.raises(InvalidDefinitions, match="greeter and node-exporter both expose port 8080"):
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
    assert made.start == ("web", "metrics")
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
