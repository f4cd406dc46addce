"""Copies, shares and deprecation, asked of EC2. What moto leaves out is played by its client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.machines.killing import gate_to

from provisimus.aws import as_tags
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Refused, Unreachable
from provisimus.events import silence
from provisimus.machines import tags
from provisimus.machines.catalogue import find_machine_image
from provisimus.machines.details import Details, list_details
from provisimus.machines.publish import (
    copy_arguments,
    deprecated_at,
    is_published,
    not_in_the_local_cloud,
    publish_image,
    share_changes,
)
from provisimus.model import Commits, Digest, MachineImage
from provisimus.workspace.definitions.publish import Publish

FINGERPRINT = Digest.of(b"x")
ACCOUNTS = ("111122223333", "444455556666")
USABLE = {tags.USABLE: "2026-01-01T00:00:00Z", tags.HEALTHY_AFTER: "31"}


def image_of(environment: Environment, more: dict[str, str] = USABLE) -> MachineImage:
    ec2: Any = environment.cloud.ec2
    made = ec2.register_image(
        Name="acme-greeter-1.0.0",
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}],
    )["ImageId"]
    lineage = tags.image_tags(
        *("acme", "greeter", "1.0.0", FINGERPRINT),
        inputs={},
        images={},
        commits=Commits({}),
        base="ami-1",
        run="20260101T000000-abcdef",
    )
    ec2.create_tags(Resources=[made], Tags=as_tags({**lineage, **more}))
    return only(environment).image


def only(environment: Environment, region: str = "eu-west-1") -> Details:
    [found] = list_details(environment.cloud.in_region(region), "acme")
    return found


def launchers(environment: Environment, region: str = "eu-west-1") -> set[str]:
    cloud = environment.cloud.in_region(region)
    told = cloud.ec2.describe_image_attribute(
        ImageId=only(environment, region).image.image_id, Attribute="launchPermission"
    )["LaunchPermissions"]
    return {each["UserId"] for each in told}


def test_copies_have_the_same_tags_and_shares(environment: Environment) -> None:
    image = image_of(environment)
    publish = Publish(regions=("eu-west-1", "us-east-1"), accounts=ACCOUNTS)
    published = publish_image(image, publish, environment, silence)
    assert published.image_id == image.image_id
    assert is_published(published, publish)
    assert is_published(only(environment).image, publish)
    assert only(environment).regions == ("us-east-1",)
    assert only(environment).accounts == ACCOUNTS
    copy = only(environment, "us-east-1")
    assert copy.tag(tags.COPY_OF) == f"eu-west-1/{image.image_id}"
    assert image.tags.items() <= copy.image.tags.items()
    assert launchers(environment) == launchers(environment, "us-east-1") == set(ACCOUNTS)


def test_what_broke_off_goes_on_and_copies_nothing_twice(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of(environment)
    publish = Publish(regions=("us-east-1",), accounts=ACCOUNTS)

    def broken(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment.cloud.ec2, "modify_image_attribute", broken)
        with pytest.raises(KeyboardInterrupt):
            publish_image(image, publish, environment, silence)
    before = only(environment, "us-east-1").image.image_id
    assert not is_published(only(environment).image, publish)
    publish_image(only(environment).image, publish, environment, silence)
    assert only(environment, "us-east-1").image.image_id == before
    assert is_published(only(environment).image, publish)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_cut_off_at_any_change_the_next_run_ends_it(
    environment: Environment, endpoint: str, after: bool
) -> None:
    publish = Publish(regions=("us-east-1",), accounts=ACCOUNTS)
    with gate_to(endpoint) as (gate, url):
        cut = replace(environment, cloud=replace(environment.cloud, endpoint=url))
        publish_image(image_of(environment), publish, cut, silence)
        calls = list(gate.calls)
        changes = [at for at, name in enumerate(calls) if not name.startswith("Describe")]
        assert len(changes) == 7
        for number in changes:
            clear(environment)
            image = image_of(environment)
            gate.arm(number, after=after)
            with pytest.raises(Unreachable):
                publish_image(image, publish, cut, silence)
            done = after and number == changes[-1]
            assert is_published(only(environment).image, publish) == done
            publish_image(only(environment).image, publish, environment, silence)
            assert is_published(only(environment).image, publish)
            copy = only(environment, "us-east-1")
            assert image.tags.items() <= copy.image.tags.items()
            assert launchers(environment) == launchers(environment, "us-east-1") == set(ACCOUNTS)


def clear(environment: Environment) -> None:
    for region in ("eu-west-1", "us-east-1"):
        ec2: Any = environment.cloud.in_region(region).ec2
        for each in ec2.describe_images(Owners=["self"])["Images"]:
            ec2.deregister_image(ImageId=each["ImageId"])


def test_an_account_that_is_named_no_more_loses_it(environment: Environment) -> None:
    image = image_of(environment)
    image = publish_image(image, Publish(accounts=ACCOUNTS), environment, silence)
    less = Publish(accounts=ACCOUNTS[:1])
    assert not is_published(image, less)
    image = publish_image(image, less, environment, silence)
    assert launchers(environment) == {ACCOUNTS[0]}
    image = publish_image(image, Publish(), environment, silence)
    assert launchers(environment) == set()
    assert only(environment).accounts == ()
    assert is_published(image, Publish())


def test_what_was_not_tested_is_not_published(environment: Environment) -> None:
    image = image_of(environment, {})
    with pytest.raises(Refused, match="did not pass its boot test"):
        publish_image(image, Publish(regions=("us-east-1",)), environment, silence)
    assert list_details(environment.cloud.in_region("us-east-1"), "acme") == []


def test_a_copy_that_came_out_unencrypted_is_not_believed(environment: Environment) -> None:
    image = image_of(environment)
    publish = Publish(kms_key="alias/acme", accounts=ACCOUNTS)
    with pytest.raises(ProvisimusError, match="the copy is not encrypted, though publish/kms_key"):
        publish_image(image, publish, environment, silence)
    assert {each.image.image_id for each in list_details(environment.cloud, "acme")} > {
        image.image_id
    }, "the first one stays"


def test_an_encrypted_copy_takes_the_place_of_the_first(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of(environment)
    publish = Publish(kms_key="alias/acme")
    monkeypatch.setattr(
        "provisimus.machines.publish._check", lambda *_: None
    )  # moto copies without encryption
    published = publish_image(image, publish, environment, silence)
    assert published.image_id != image.image_id
    assert only(environment).image.image_id == published.image_id
    assert only(environment).tag(tags.KEY) == "alias/acme"
    found = find_machine_image(environment, "acme", "greeter", FINGERPRINT)
    assert found is not None
    assert found.image_id == published.image_id
    again = publish_image(only(environment).image, publish, environment, silence)
    assert again.image_id == published.image_id


def test_it_is_deprecated_when_its_time_is_over(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    ec2: Any = environment.cloud.ec2
    monkeypatch.setattr(ec2, "enable_image_deprecation", lambda **given: said.append(given))
    image = image_of(environment)
    publish_image(image, Publish(deprecate_after=180 * 86_400), environment, silence)
    assert [each["ImageId"] for each in said] == [image.image_id]
    assert 179 <= (said[0]["DeprecateAt"] - datetime.now(UTC)).days <= 180


def test_when() -> None:
    now = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)
    assert deprecated_at("2026-06-01T00:00:00.000Z", 86400 * 60, now) == datetime(
        2026, 7, 31, tzinfo=UTC
    )
    assert deprecated_at("2026-01-01T00:00:00.000Z", 86400, now) == datetime(
        2026, 7, 1, 12, 5, tzinfo=UTC
    )


def test_a_copy_is_asked_for_with_its_tags_and_key(environment: Environment) -> None:
    image = image_of(environment)
    publish = Publish(kms_key="alias/acme", regions=("us-east-1",))
    asked = copy_arguments(image, environment.cloud, publish, "name")
    assert (asked["Encrypted"], asked["KmsKeyId"]) == (True, "alias/acme")
    assert [each["ResourceType"] for each in asked["TagSpecifications"]] == ["image", "snapshot"]
    told = {each["Key"]: each["Value"] for each in asked["TagSpecifications"][0]["Tags"]}
    assert told[tags.USABLE] == USABLE[tags.USABLE]
    assert asked == copy_arguments(image, environment.cloud, publish, "name")
    plain = copy_arguments(image, environment.cloud, Publish(), "name")
    assert "Encrypted" not in plain
    assert plain["ClientToken"] != asked["ClientToken"]


def test_shares() -> None:
    assert share_changes(["1"], ["1"]) == {}
    assert share_changes(["1", "3"], ["1", "2"]) == {
        "Add": [{"UserId": "2"}],
        "Remove": [{"UserId": "3"}],
    }


def test_the_local_cloud_says_what_it_cannot_do() -> None:
    said = not_in_the_local_cloud(Publish(regions=("us-east-1",), deprecate_after=2 * 86_400))
    assert said.endswith("publish/regions, publish/deprecate_after waits for AWS")
