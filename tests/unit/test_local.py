"""Where the local cloud is, and what is read of one that did not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import UsageFault
from provisimus.local import LocalCloud, from_environment, last_error, mounts_below


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ("it said nothing", None)),
        (["INFO stopping", "error: port 1 is taken"], ("port 1 is taken", None)),
        (["error: port 1 is taken", "hint: take another"], ("port 1 is taken", "take another")),
        (["Traceback", "ValueError: no"], ("ValueError: no", None)),
    ],
)
def test_why_it_did_not_start(lines: list[str], expected: tuple[str, str | None]) -> None:
    assert last_error(lines) == expected


def test_ports_and_folder_are_the_variables(tmp_path: Path) -> None:
    variables = {"PROVISIMUS_LOCAL_DIR": str(tmp_path), "PROVISIMUS_LOCAL_PORT": "4900"}
    assert from_environment("127.0.0.1:5900", variables) == LocalCloud(tmp_path, 4900, 5900)


@pytest.mark.parametrize("name", ["PROVISIMUS_LOCAL_PORT", "PROVISIMUS_LOCAL_REGISTRY_PORT"])
@pytest.mark.parametrize("port", ["80x", "0", "65536", "-1"])
def test_a_port_that_is_none(name: str, port: str) -> None:
    with pytest.raises(UsageFault, match=f"{name} is '{port}'"):
        from_environment("127.0.0.1:5000", {name: port})


def test_what_is_mounted_below_a_folder_goes_deepest_first() -> None:
    mounts = (
        "sys /a/b/root/sys sysfs ro 0 0\nnone /a/b/root/sys/deep tmpfs rw 0 0\n"
        "/dev/sda1 /a ext4 rw 0 0\n/dev/sdb1 /a/bc ext4 rw 0 0\n"
        "tmpfs /a/b/my\\040disk tmpfs rw 0 0\n"
    )
    assert mounts_below(Path("/a/b"), mounts) == [
        "/a/b/root/sys/deep",
        "/a/b/root/sys",
        "/a/b/my disk",
    ]
