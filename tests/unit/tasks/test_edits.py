"""What tasks change in a stack's file, and what they refuse."""

from __future__ import annotations

import pytest

from provisimus.errors import NotFound, ProvisimusError, Refused, ToolFailed, UsageFault
from provisimus.tasks.edits import grown, grows_everywhere, resized, restored
from provisimus.tasks.file_systems import NOT_SEEN, OTHER, grow_command, grow_file_system, why_not
from provisimus.tasks.grow_volume import check_larger, declared_volume, size_of
from provisimus.tasks.restore import check_snapshot, going_volume
from provisimus.tasks.sizes import check_architecture
from provisimus.tasks.volumes import ListedSnapshot, ListedVolume
from provisimus.workspace.definitions.stack import DataVolume
from provisimus.workspace.definitions.stacks.service import ServiceDefinition

FILE = "version: 1.0.0\ndata_volumes: [{mount: /data, size: 20 GiB}]  # ours\n"
OWN = FILE + "environments:\n  local: {data_volumes: [{mount: /data, size: 1 GiB}]}\n"
SNAPSHOT = "snap-0123456789abcdef0"
VOLUME = ListedVolume("vol-1", "greeter", "/data", "in-use", 20, "gp3", True, "i-1")
TAKEN = ListedSnapshot(SNAPSHOT, "greeter", "/data", "completed", 20, "now", "by hand")


def test_a_type_is_written_for_one_environment() -> None:
    after = FILE + "environments:\n  local: {instance_type: m6i.large}\n"
    assert resized(FILE, "local", "m6i.large") == after
    assert resized(after, "local", "t3.nano") == after.replace("m6i.large", "t3.nano")
    with pytest.raises(UsageFault, match="cannot be written into the stack's file"):
        resized("environments: {local: 1}\n", "local", "t3.nano")


def test_a_volume_grows_where_it_is_declared() -> None:
    assert grown(FILE, "local", "/data", 40) == FILE.replace("20 GiB", "40 GiB")
    assert grown(OWN, "local", "/data", 40) == OWN.replace("1 GiB", "40 GiB")
    assert grown(OWN, "other", "/data", 40) == OWN.replace("20 GiB", "40 GiB")
    assert (grows_everywhere(FILE, "local"), grows_everywhere(OWN, "local")) == (True, False)
    with pytest.raises(NotFound, match="no data volume at /x is declared") as fault:
        grown(FILE, "local", "/x", 40)
    assert fault.value.hint == "declared are: /data"


def test_a_restored_volume_is_of_one_environment() -> None:
    whole = f"{{mount: /data, size: 20 GiB, made_of: {SNAPSHOT}}}"
    after = f"{FILE}environments:\n  local: {{data_volumes: [{whole}]}}\n"
    assert restored(FILE, "local", "/data", SNAPSHOT, 20) == after
    # A volume is as large as its snapshot at least.
    assert restored(FILE, "local", "/data", SNAPSHOT, 30) == after.replace(
        "{mount: /data, size: 20 GiB, made", "{mount: /data, size: 30 GiB, made"
    )
    other = "snap-0123456789abcdef1"
    assert restored(after, "local", "/data", other, 20) == after.replace(SNAPSHOT, other)


def test_sizes_are_written_as_in_definitions() -> None:
    assert (size_of("40 GiB"), size_of("1 TiB")) == (40, 1024)
    with pytest.raises(UsageFault, match="no size"):
        size_of("40")
    check_larger(VOLUME, 20)
    with pytest.raises(Refused, match="does not shrink"):
        check_larger(VOLUME, 19)
    assert declared_volume([VOLUME], "vol-1") == ("greeter", "/data")
    with pytest.raises(NotFound, match="is no data volume"):
        declared_volume([VOLUME], "vol-2")


def test_another_architecture_is_refused() -> None:
    check_architecture("t3.small", ["i386", "x86_64"], "x86_64")
    with pytest.raises(Refused, match=r"t4g\.small runs arm64; the machine image is of x86_64"):
        check_architecture("t4g.small", ["arm64"], "x86_64")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"state": "pending"}, "is pending"),
        ({"service": "other"}, "is of other /data, not of greeter /data"),
        ({"mount": "/else"}, "is of greeter /else"),
    ],
)
def test_a_snapshot_of_something_else_is_refused(change: dict[str, str], match: str) -> None:
    from dataclasses import replace

    check_snapshot(TAKEN, VOLUME)
    check_snapshot(replace(TAKEN, service="unknown", mount="unknown"), VOLUME)
    with pytest.raises(Refused, match=match):
        check_snapshot(replace(TAKEN, **change), VOLUME)


def test_what_goes_is_named_by_mount_and_snapshot() -> None:
    plain = ServiceDefinition(data_volumes=(DataVolume(mount="/data", size=20),))
    assert going_volume(plain, "/data") == "DataVolumeData"
    made = DataVolume(mount="/data", size=20, made_of=SNAPSHOT)
    named = going_volume(ServiceDefinition(data_volumes=(made,)), "/data")
    assert named.startswith("DataVolumeData")
    assert len(named) == len("DataVolumeData") + 8
    with pytest.raises(NotFound):
        going_volume(plain, "/x")


def test_why_a_file_system_did_not_grow() -> None:
    assert "does not see" in why_not(ToolFailed("", status=NOT_SEEN))
    assert "neither" in why_not(ToolFailed("", status=OTHER))
    assert why_not(UsageFault("as which user?")) == "as which user?"
    with pytest.raises(ProvisimusError, match="else"):
        why_not(ProvisimusError("something else"))


def test_the_command_grows_only_what_the_machine_sees(tmp_path: object) -> None:
    command = grow_command("/", 1)
    assert command[-2:] == ["/", str(1024**3)]
    # Nothing has an exbibyte; a folder that is none is told, too.
    sudoless = grow_command("/", 2**30)[1:]
    assert grow_file_system(sudoless) is not None
    assert grow_file_system(grow_command("/no such folder", 1)[1:]) is not None
    assert grow_file_system(["true"]) is None
