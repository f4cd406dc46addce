"""Before and after, value by value: what differs, and no secret."""

import pytest

from provisimus.stacks.property_changes import HIDDEN, LONGEST, property_changes, shown


def lines(before: object, after: object, *own: str) -> list[str]:
    return [each.line for each in property_changes(before, after, own)]  # type: ignore[arg-type]


def test_values_inside_of_others_are_told_by_their_path() -> None:
    before = {"Size": 1, "Options": {"HttpTokens": "optional", "Hops": 2}}
    after = {"Size": 2, "Options": {"HttpTokens": "required", "Hops": 2}, "Kind": "gp3"}
    assert lines(before, after) == [
        "Kind: + gp3",
        "Options/HttpTokens: optional → required",
        "Size: 1 → 2",
    ]
    assert lines({"Size": 1}, {}) == ["Size: - 1"]
    assert lines(None, {"Options": {"A": 1}}) == ["Options/A: + 1"]


def test_of_a_list_what_comes_and_what_goes() -> None:
    web, ssh = {"FromPort": 80}, {"FromPort": 22}
    assert lines({"Rules": [web, ssh]}, {"Rules": [ssh, {"FromPort": 443}]}) == [
        'Rules: - {"FromPort": 80}',
        'Rules: + {"FromPort": 443}',
    ]
    assert lines({"Rules": ["a", "b"]}, {"Rules": ["b", "a"]}) == [
        'Rules: in another order → ["b", "a"]'
    ]


def test_tags_are_told_by_key_and_those_of_the_stack_not_at_all() -> None:
    def tags(**values: str) -> dict[str, object]:
        return {"Tags": [{"Key": key, "Value": each} for key, each in values.items()]}

    assert lines(tags(Name="a", run="1"), tags(Name="b", run="2"), "run") == ["Tags/Name: a → b"]
    assert lines(tags(), tags(Name="b")) == ["Tags/Name: + b"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("MasterUserPassword", "hunter2", HIDDEN),
        ("SecretString", "hunter2", HIDDEN),
        ("Properties/AuthToken", "hunter2", HIDDEN),
        (
            "MasterUserPassword",
            "{{resolve:secretsmanager:db:SecretString:password}}",
            "{{resolve:secretsmanager:db:SecretString:password}}",
        ),
        ("ManageMasterUserPassword", True, "true"),
        ("Variables", {"DB_PASSWORD": "hunter2", "MODE": "blue"}, None),
        ("Containers", [{"Name": "a", "ApiKey": "hunter2"}], None),
        ("UserData", "IyEvYmluL3No", None),
        ("KeyName", "ops", "ops"),
    ],
)
def test_no_secret_is_shown(name: str, value: object, text: str | None) -> None:
    told = shown(name, value)
    assert "hunter2" not in told
    assert "IyEv" not in told
    assert text in (None, told)


def test_a_long_value_is_cut() -> None:
    assert len(shown("Description", "x" * 1000)) == LONGEST
