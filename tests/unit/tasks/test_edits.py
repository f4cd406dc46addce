"""What tasks change in a stack's file, and what they refuse."""

from __future__ import annotations

import pytest
import yaml

from provisimus.errors import NotFound, ProvisimusError, Refused, ToolFailed, UsageFault
from provisimus.tasks.edits import grown, grows_everywhere, resized, restored, restored_member
from provisimus.tasks.file_systems import NOT_SEEN, OTHER, grow_command, grow_file_system, why_not
from provisimus.tasks.grow_volume import check_larger, declared_volume, size_of
from provisimus.tasks.restore import check_size, check_snapshot, declared_mount, volumes_at
from provisimus.tasks.sizes import check_architecture
from provisimus.tasks.volumes import ListedSnapshot, ListedVolume
from provisimus.workspace.definitions.stack import DataVolume

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


def test_one_member_of_a_cluster_is_restored_and_the_others_stay() -> None:
    first = {"member": 2, "mount": "/data", "snapshot": SNAPSHOT}
    after = restored_member(FILE, "local", 2, "/data", SNAPSHOT)
    assert yaml.safe_load(after)["environments"] == {"local": {"restored": [first]}}
    other = "snap-0123456789abcdef1"
    again = restored_member(after, "local", 2, "/data", other)
    assert again == after.replace(SNAPSHOT, other)
    both = yaml.safe_load(restored_member(again, "local", 1, "/data", SNAPSHOT))
    assert [each["member"] for each in both["environments"]["local"]["restored"]] == [2, 1]
    # What is declared for all environments still holds in this one.
    shared = FILE + f"restored: [{{member: 1, mount: /data, snapshot: {SNAPSHOT}}}]\n"
    own = yaml.safe_load(restored_member(shared, "local", 2, "/data", other))
    assert [each["member"] for each in own["environments"]["local"]["restored"]] == [1, 2]


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

    check_snapshot(TAKEN, "greeter", "/data")
    check_snapshot(replace(TAKEN, service="unknown", mount="unknown"), "greeter", "/data")
    with pytest.raises(Refused, match=match):
        check_snapshot(replace(TAKEN, **change), "greeter", "/data")


def test_what_goes_is_what_runs_at_the_mount() -> None:
    def volume(mount: str) -> dict[str, object]:
        tags = [{"Key": "Name", "Value": "x"}, {"Key": "provisimus:mount", "Value": mount}]
        return {"Type": "AWS::EC2::Volume", "Properties": {"Tags": tags}}

    bare = {"Type": "AWS::EC2::Volume", "Properties": {}}
    running = {"Resources": {"Data": volume("/data"), "Logs": volume("/logs"), "Other": bare}}
    assert volumes_at(running, "/data") == {"Data"}
    assert volumes_at(running, "/x") == frozenset()


def test_the_mount_is_named_where_there_are_several() -> None:
    data = DataVolume(mount="/data", size=20)
    assert declared_mount([data], "greeter", None) == "/data"
    with pytest.raises(NotFound, match="greeter has no data volume at /x"):
        declared_mount([data], "greeter", "/x")
    with pytest.raises(UsageFault, match="greeter has 2 data volumes"):
        declared_mount([data, DataVolume(mount="/logs", size=1)], "greeter", None)


def test_a_snapshot_fits_on_the_volumes_of_a_cluster() -> None:
    check_size(TAKEN, [DataVolume(mount="/data", size=20)], "/data", "cache")
    with pytest.raises(Refused, match="has 20 GiB, a member's volume 19 GiB") as fault:
        check_size(TAKEN, [DataVolume(mount="/data", size=19)], "/data", "cache")
    assert fault.value.hint is not None
    assert 'volume grow cache --mount /data --to "20 GiB"' in fault.value.hint


def test_why_a_file_system_did_not_grow() -> None:
    assert "does not see" in why_not(ToolFailed("", status=NOT_SEEN))
    assert "neither" in why_not(ToolFailed("", status=OTHER))
    assert why_not(UsageFault("no user to log in as")) == "no user to log in as"
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
