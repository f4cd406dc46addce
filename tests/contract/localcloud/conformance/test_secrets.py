"""Secrets Manager: values and their stages, deletion and its window."""

from __future__ import annotations

from typing import Any

from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import differs, operation


def secret(world: Any, value: str = "one") -> tuple[Any, str]:
    """The API and the name of a new secret."""
    api, name = world.client("secretsmanager"), world.name("secret")
    api.create_secret(Name=name, SecretString=value)
    world.kept(api.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)
    return api, name


@operation("Secrets Manager", "PutSecretValue")
@operation("Secrets Manager", "GetSecretValue")
def test_a_new_value_moves_the_stages(world: Any) -> None:
    api, name = secret(world)
    first = api.get_secret_value(SecretId=name)
    assert (first["SecretString"], first["VersionStages"]) == ("one", ["AWSCURRENT"])
    second = api.put_secret_value(SecretId=name, SecretString="two")["VersionId"]
    assert api.get_secret_value(SecretId=first["ARN"])["SecretString"] == "two"
    previous = api.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionId"]) == ("one", first["VersionId"])
    stages = api.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert stages == {first["VersionId"]: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}


@operation("Secrets Manager", "DeleteSecret")
@operation("Secrets Manager", "RestoreSecret")
def test_a_deleted_secret_waits_and_can_be_restored(world: Any) -> None:
    api, name = secret(world)
    api.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    code, message = refused(api.get_secret_value, SecretId=name)
    assert code == "InvalidRequestException"
    assert "marked" in message
    assert api.describe_secret(SecretId=name)["DeletedDate"]
    api.restore_secret(SecretId=name)
    assert api.get_secret_value(SecretId=name)["SecretString"] == "one"


@operation("Secrets Manager", "CreateSecret")
@differs("a name that waits for its deletion is told as taken: ResourceExistsException")
def test_a_name_that_waits_for_its_deletion_is_not_free(world: Any) -> None:
    api, name = secret(world)
    api.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert refused(api.create_secret, Name=name, SecretString="x")[0] == "InvalidRequestException"


@operation("Secrets Manager", "CreateSecret")
@operation("Secrets Manager", "DeleteSecret")
def test_what_cannot_be(world: Any) -> None:
    api, name = secret(world)
    assert refused(api.create_secret, Name=name, SecretString="x")[0] == "ResourceExistsException"
    nobody = world.name("nobody")
    assert refused(api.get_secret_value, SecretId=nobody)[0] == "ResourceNotFoundException"
    assert refused(api.describe_secret, SecretId=nobody)[0] == "ResourceNotFoundException"
    assert refused(
        api.delete_secret, SecretId=name, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True
    )[0] == "InvalidParameterException"  # fmt: skip
    assert refused(api.delete_secret, SecretId=name, RecoveryWindowInDays=3)[0] == (
        "InvalidParameterException"
    )


@operation("Secrets Manager", "GetRandomPassword")
def test_a_random_password_is_as_asked(world: Any) -> None:
    api = world.client("secretsmanager")
    told = api.get_random_password(PasswordLength=40, ExcludePunctuation=True)["RandomPassword"]
    assert len(told) == 40
    assert told.isalnum()
    kinds = (str.isupper, str.islower, str.isdigit)
    assert all(any(is_kind(each) for each in told) for is_kind in kinds)
