"""Parameters of Systems Manager."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import differs, operation


def put(world: Any, name: str, value: str, kind: str = "String") -> None:
    ssm = world.client("ssm")
    ssm.put_parameter(Name=name, Value=value, Type=kind)
    world.kept(ssm.delete_parameter, Name=name)


@operation("Systems Manager", "GetParametersByPath")
def test_settings_are_read_by_path_and_decrypted(world: Any) -> None:
    ssm, path = world.client("ssm"), f"/{world.name('path')}"
    put(world, f"{path}/port", "8080")
    put(world, f"{path}/db/password", "shhh", "SecureString")
    put(world, f"{path}-other", "x")
    found = ssm.get_parameters_by_path(Path=path, Recursive=True, WithDecryption=True)
    assert {each["Name"]: each["Value"] for each in found["Parameters"]} == {
        f"{path}/port": "8080", f"{path}/db/password": "shhh",
    }  # fmt: skip
    flat = ssm.get_parameters_by_path(Path=path)["Parameters"]
    assert [each["Name"] for each in flat] == [f"{path}/port"]
    name = f"{path}/db/password"
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "shhh"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != "shhh"


@operation("Systems Manager", "GetParametersByPath")
def test_a_path_of_many_settings_comes_in_pages(world: Any) -> None:
    ssm, path = world.client("ssm"), f"/{world.name('many')}"
    for number in range(13):
        put(world, f"{path}/{number}", str(number))
    pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path=path))
    assert sum(len(page["Parameters"]) for page in pages) == 13
    assert max(len(page["Parameters"]) for page in pages) == 10


@operation("Systems Manager", "PutParameter")
def test_a_parameter_has_versions_and_is_not_taken_over(world: Any) -> None:
    ssm, name = world.client("ssm"), f"/{world.name('versions')}"
    put(world, name, "one")
    assert refused(ssm.put_parameter, Name=name, Value="two", Type="String")[0] == (
        "ParameterAlreadyExists"
    )
    assert ssm.put_parameter(Name=name, Value="two", Type="String", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"] == "one"
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(each["Version"], each["Value"]) for each in history] == [(1, "one"), (2, "two")]
    assert refused(ssm.get_parameter, Name=f"{name}:7")[0] == "ParameterVersionNotFound"


@operation("Systems Manager", "GetParameters")
@operation("Systems Manager", "DeleteParameter")
def test_what_there_is_not(world: Any) -> None:
    ssm, name = world.client("ssm"), f"/{world.name('nothing')}"
    assert refused(ssm.get_parameter, Name=name)[0] == "ParameterNotFound"
    assert refused(ssm.delete_parameter, Name=name)[0] == "ParameterNotFound"
    told = ssm.get_parameters(Names=[name])
    assert (told["Parameters"], told["InvalidParameters"]) == ([], [name])
    assert ssm.delete_parameters(Names=[name])["InvalidParameters"] == [name]


@operation("Systems Manager", "PutParameter")
@pytest.mark.parametrize("name", ["aws-mine", "ssm/mine"])
def test_names_of_aws_are_taken(world: Any, name: str) -> None:
    code = refused(world.client("ssm").put_parameter, Name=name, Value="x", Type="String")[0]
    assert code == "ValidationException"


@operation("Systems Manager", "PutParameter")
@differs("the form of a parameter's name is not checked")
@pytest.mark.parametrize("name", ["/a b", "a/b/"])
def test_names_have_a_form(world: Any, name: str) -> None:
    world.kept(world.client("ssm").delete_parameter, Name=name)
    code = refused(world.client("ssm").put_parameter, Name=name, Value="x", Type="String")[0]
    world.kept.todo.clear()
    assert code == "ValidationException"
