"""A machine's folder: what is read from it and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.machines.definition import Entry, read_machine_files


def problems(folder: Path) -> list[str]:
    with pytest.raises(InvalidDefinitions) as caught:
        read_machine_files(folder)
    return [each.message for each in caught.value.problems]


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    read = read_machine_files(tmp_path)
    assert (read.setup, read.files, read.compose_template) == ((), (), None)


def test_files_are_read_path_for_path(tmp_path: Path) -> None:
    tool = tmp_path / "files/usr/local/bin/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    (tmp_path / "files/usr/local/bin/alias").symlink_to("tool")
    (tmp_path / "files/etc").symlink_to("/usr/local/etc")
    assert read_machine_files(tmp_path).files == (
        Entry("etc", 0o777, link="/usr/local/etc"),
        Entry("usr", 0o755),
        Entry("usr/local", 0o755),
        Entry("usr/local/bin", 0o755),
        Entry("usr/local/bin/alias", 0o777, link="tool"),
        Entry("usr/local/bin/tool", 0o755, content=b"#!/bin/sh\n"),
    )


def test_a_link_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "files/etc").mkdir(parents=True)
    (tmp_path / "files/etc/passwd").symlink_to("../../../../etc/passwd")
    assert problems(tmp_path) == ["the link to ../../../../etc/passwd leaves the machine's root"]


def test_what_a_linked_folder_holds_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("x")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/srv").symlink_to(tmp_path / "outside")
    assert [entry.path for entry in read_machine_files(tmp_path).files] == ["srv"]


def test_a_setup_script_that_cannot_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup/10-x").write_text("echo hello\n")
    (tmp_path / "setup/20-y").write_text("#!/bin/sh\n")
    assert problems(tmp_path) == [
        "cannot be run: it is not executable and its first line names no interpreter"
    ]


def test_paths_of_ours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "files/bootstrap").mkdir(parents=True)
    (tmp_path / "files/bootstrap/docker-compose.yml").write_text("")
    assert problems(tmp_path) == ["Provisimus writes this path itself"]


def test_two_packer_templates_are_refused(tmp_path: Path) -> None:
    (tmp_path / "template.pkr.json").write_text("{}")
    (tmp_path / "template.pkr.hcl").write_text("")
    assert problems(tmp_path) == ["holds two Packer templates"]
