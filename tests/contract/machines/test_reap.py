"""Reaping, asked of EC2: what a killed bake left is found, shown and removed; nothing else is."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisimus.aws import as_tags
from provisimus.environment import Environment
from provisimus.events import silence
from provisimus.machines import find_temporary, reap, runs, tags
from provisimus.machines.intents import about_to
from provisimus.model import Digest

RUN = "20260101T000000-abcdef"
NOW = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)


def leave_behind(environment: Environment, place: str, run: str = RUN) -> dict[str, str]:
    """What a bake has in the cloud when it is killed just after CreateImage."""
    ec2: Any = environment.cloud.ec2
    marks = tags.temporary_tags("acme", "greeter", run, place, NOW)

    def tagged(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": as_tags(marks)}]

    ec2.create_key_pair(KeyName=f"provisimus-{run}")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(
        GroupName=f"provisimus-{run}",
        Description="x",
        VpcId=vpc,
        TagSpecifications=tagged("security-group"),
    )["GroupId"]
    base = register(ec2, "debian-12-amd64-local")
    instance = ec2.run_instances(
        ImageId=base,
        MinCount=1,
        MaxCount=1,
        SecurityGroupIds=[group],
        KeyName=f"provisimus-{run}",
        TagSpecifications=tagged("instance"),
    )["Instances"][0]["InstanceId"]
    volume = ec2.create_volume(
        AvailabilityZone="eu-west-1a", Size=8, TagSpecifications=tagged("volume")
    )["VolumeId"]
    # As the boot test attaches its volumes.
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    name = tags.ami_name("acme", "greeter", "1.0.0", Digest.of(run.encode()), run)
    image = ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
    return {"instance": instance, "volume": volume, "image": image, "security group": group}


def register(ec2: Any, name: str) -> str:
    return str(
        ec2.register_image(
            Name=name,
            RootDeviceName="/dev/xvda",
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}],
        )["ImageId"]
    )


def test_what_a_killed_bake_left_is_removed(environment: Environment, tmp_path: Path) -> None:
    made = leave_behind(environment, runs.place_of(tmp_path))
    found = find_temporary(environment, "acme", tmp_path, now=NOW)
    by_kind = {each.kind: each.id for each in found}
    assert {kind: by_kind[kind] for kind in made} == made
    assert by_kind["key pair"] == f"provisimus-{RUN}"
    assert all(
        each.removable for each in found if each.kind not in ("key pair", "image", "snapshot")
    )

    # Names say nothing of the place: the key and the half-made image go once their time is over.
    later = datetime(2026, 1, 1, 5, 0, tzinfo=UTC)
    found = find_temporary(environment, "acme", tmp_path, now=later)
    assert all(each.removable for each in found)
    removed = reap(environment, found, tmp_path, silence)
    assert removed == found
    assert find_temporary(environment, "acme", tmp_path, now=later) == ()
    assert [
        each["Name"] for each in environment.cloud.ec2.describe_images(Owners=["self"])["Images"]
    ] == ["debian-12-amd64-local"]


def test_a_run_known_here_takes_all_of_it(environment: Environment, tmp_path: Path) -> None:
    leave_behind(environment, runs.place_of(tmp_path))
    (tmp_path / "bake" / RUN).mkdir(parents=True)
    (tmp_path / "bake" / RUN / "lock").touch()
    found = find_temporary(environment, "acme", tmp_path, now=NOW)
    assert all(each.removable for each in found)
    reap(environment, found, tmp_path, silence)
    assert find_temporary(environment, "acme", tmp_path, now=NOW) == ()
    assert runs.known_runs(tmp_path) == []


def test_a_bake_that_goes_on_is_left_alone(environment: Environment, tmp_path: Path) -> None:
    leave_behind(environment, runs.place_of(tmp_path))
    folder = tmp_path / "bake" / RUN
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find_temporary(environment, "acme", tmp_path, all_runs=True, now=NOW)
        assert found
        assert not any(each.removable for each in found)
        assert reap(environment, found, tmp_path, silence) == ()
    assert find_temporary(environment, "acme", tmp_path, now=NOW)


def test_a_bake_of_another_machine_waits_for_its_time(
    environment: Environment, tmp_path: Path
) -> None:
    leave_behind(environment, "elsewhere")
    assert not any(
        each.removable for each in find_temporary(environment, "acme", tmp_path, now=NOW)
    )
    assert all(
        each.removable
        for each in find_temporary(environment, "acme", tmp_path, all_runs=True, now=NOW)
    )


def test_what_has_no_mark_of_a_run_is_not_even_seen(
    environment: Environment, tmp_path: Path
) -> None:
    ec2: Any = environment.cloud.ec2
    base = register(ec2, "acme-greeter-by-hand")
    ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1)
    ec2.create_key_pair(KeyName="provisimus-mine")
    ec2.create_volume(AvailabilityZone="eu-west-1a", Size=8)
    baked = tags.ami_name("acme", "greeter", "1.0.0", Digest.of(b"x"), RUN)
    ec2.create_tags(
        Resources=[register(ec2, baked)],
        Tags=as_tags({tags.FINGERPRINT: "sha256:x", tags.RUN: RUN}),
    )
    snapshot = ec2.create_snapshot(
        VolumeId=ec2.create_volume(AvailabilityZone="eu-west-1a", Size=8)["VolumeId"]
    )["SnapshotId"]
    ec2.create_tags(Resources=[snapshot], Tags=as_tags({tags.PROJECT: "acme", tags.RUN: RUN}))
    assert find_temporary(environment, "acme", tmp_path, all_runs=True) == ()


def test_another_projects_things_are_not_ours(environment: Environment, tmp_path: Path) -> None:
    leave_behind(environment, runs.place_of(tmp_path))
    kinds = {each.kind for each in find_temporary(environment, "other", tmp_path, now=NOW)}
    assert kinds <= {"key pair"}


def known(state: Path, *intents: tuple[str, str]) -> None:
    """A run that was killed here, with its journal."""
    folder = runs.folder_of(state, RUN)
    folder.mkdir(parents=True)
    for kind, name in intents:
        about_to(folder, kind, name, NOW)


def test_what_has_no_mark_at_all_is_found_by_the_journal(
    environment: Environment, tmp_path: Path
) -> None:
    """As a template of the definition's own leaves it, which lets Packer choose the names."""
    ec2: Any = environment.cloud.ec2
    base = register(ec2, "debian-12-amd64-local")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    groups = [
        ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]
        for name in ("packer_ours", "packer_theirs")
    ]
    for name in ("packer_key", "packer_of_others"):
        ec2.create_key_pair(KeyName=name)
    started = ec2.run_instances(ImageId=base, MinCount=2, MaxCount=2)["Instances"]
    ours, theirs = (each["InstanceId"] for each in started)
    image = ec2.create_image(InstanceId=ours, Name="my own name")["ImageId"]
    known(
        tmp_path,
        ("security group", "packer_ours"),
        ("key pair", "packer_key"),
        ("instance", ours),
        ("image", image),
    )
    found = find_temporary(environment, "acme", tmp_path, now=NOW)
    assert all(each.removable for each in found)
    assert [(each.kind, each.id) for each in found if each.kind != "snapshot"] == [
        ("instance", ours),
        ("image", image),
        ("key pair", "packer_key"),
        ("security group", groups[0]),
    ]
    assert [each.kind for each in found].count("snapshot") == 1
    reap(environment, found, tmp_path, silence)
    assert find_temporary(environment, "acme", tmp_path, now=NOW) == ()
    [left] = [
        each["InstanceId"]
        for group in ec2.describe_instances()["Reservations"]
        for each in group["Instances"]
        if each["State"]["Name"] != "terminated"
    ]
    assert left == theirs


def an_image(environment: Environment, run: str, *, usable: bool) -> tuple[str, str]:
    """An AMI of a bake, and its snapshot."""
    ec2: Any = environment.cloud.ec2
    image = register(ec2, tags.ami_name("acme", "greeter", "1.0.0", Digest.of(b"x"), run))
    marks = {tags.PROJECT: "acme", tags.FINGERPRINT: str(Digest.of(b"x")), tags.RUN: run}
    more = {tags.USABLE: "2026-01-01T00:00:00Z"} if usable else {}
    ec2.create_tags(Resources=[image], Tags=as_tags({**marks, **more}))
    [about] = ec2.describe_images(ImageIds=[image])["Images"]
    return image, about["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]


def test_an_image_that_was_never_tested_goes_when_nobody_tests_it(
    environment: Environment, tmp_path: Path
) -> None:
    image, snapshot = an_image(environment, RUN, usable=False)
    other = "20260101T003000-fedcba"
    ec2: Any = environment.cloud.ec2
    marks = tags.temporary_tags("acme", "greeter", other, "elsewhere", NOW)
    instance = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": as_tags(marks)}],
    )["Instances"][0]["InstanceId"]
    known(tmp_path)
    by_id = {each.id: each for each in find_temporary(environment, "acme", tmp_path, now=NOW)}
    assert (by_id[image].removable, by_id[instance].removable) == (False, False)
    assert by_id[image].reason.startswith(f"run {other} is testing it")

    with runs.alone(tmp_path, Digest.of(b"x").short):
        ec2.terminate_instances(InstanceIds=[instance])
        by_id = {each.id: each for each in find_temporary(environment, "acme", tmp_path, now=NOW)}
        assert by_id[image].reason.startswith("a bake of the same is going on")
        assert not by_id[snapshot].removable
    by_id = {each.id: each for each in find_temporary(environment, "acme", tmp_path, now=NOW)}
    assert by_id[image].removable
    assert by_id[snapshot].removable


def test_snapshots_of_an_image_that_is_used_stay_whoever_was_killed_while_removing_it(
    environment: Environment, tmp_path: Path
) -> None:
    image, snapshot = an_image(environment, RUN, usable=True)
    going = {tags.PROJECT: "acme", tags.RUN: RUN, tags.EXPIRES: "2026-01-01T00:00:00Z"}
    environment.cloud.ec2.create_tags(Resources=[snapshot], Tags=as_tags(going))
    assert find_temporary(environment, "acme", tmp_path, now=NOW) == ()
    environment.cloud.ec2.deregister_image(ImageId=image)
    found = find_temporary(environment, "acme", tmp_path, now=NOW)
    assert [(each.kind, each.id, each.removable) for each in found] == [
        ("snapshot", snapshot, True)
    ]
