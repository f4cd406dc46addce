"""What Compose is told of a stack's log group, by what the machine knows of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.ondisk.fake import FakeCloud

from provisimus.ondisk import logs
from provisimus.ondisk.places import Places

NEVER = logs.NEVER
BAKED = [f"main json-file {NEVER}\n", f"side json-file {NEVER}\n"]
OPTIONS = {
    "awslogs-region": "eu-west-1",
    "awslogs-group": "acme-logs",
    "mode": "non-blocking",
    "max-buffer-size": "4m",
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path))
    Path(made.logging).parent.mkdir(parents=True)
    Path(made.logging).write_text('{"group": "acme-logs"}')
    return made


def test_each_container_has_a_stream_of_its_own(
    places: Places, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.metadata["meta-data/services/endpoint-url"] = "http://10.0.0.2:4566/\n"
    assert logs.main([str(tmp_path / "told")], places, cloud.client(), BAKED) == 0
    options = {**OPTIONS, "awslogs-endpoint": "http://10.0.0.2:4566"}
    assert json.loads((tmp_path / "told").read_text()) == {
        "services": {
            name: {
                "logging": {
                    "driver": "awslogs",
                    "options": {**options, "awslogs-stream": f"i-1/{name}"},
                }
            }
            for name in ("main", "side")
        }
    }


def test_at_aws_the_engine_knows_the_endpoint(cloud: FakeCloud) -> None:
    del cloud.metadata["meta-data/services/endpoint-url"]
    assert logs.common("acme-logs", cloud.client()) == OPTIONS


@pytest.mark.parametrize(
    ("line", "services"),
    [
        (f"main json-file {NEVER}", ["main"]),
        (f"main fluentd {NEVER}", []),
        ("main json-file 2026-11-27T09:00:00.1Z", []),
        (f" json-file {NEVER}", []),
        ("", []),
    ],
)
def test_only_what_logs_as_it_was_baked_and_never_ran_is_made_anew(
    line: str, services: list[str]
) -> None:
    assert logs.chosen([line + "\n"]) == services


def test_without_anything_to_tell_nothing_is_written(
    places: Places, cloud: FakeCloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told"
    assert logs.main([], places, cloud.client(), BAKED) == 2
    assert logs.main([str(told)], places, cloud.client(), []) == 1
    del cloud.metadata["meta-data/instance-id"]
    assert logs.main([str(told)], places, cloud.client(), BAKED) == 1
    assert not told.exists()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "no container can be made anew for the log group: they ran, or log in another way",
        "the log group is not written to: the metadata service knows no meta-data/instance-id",
    ]
