"""What lacks the company's tags."""

from __future__ import annotations

from collections.abc import Mapping

from provisimus.tasks.company_tags import Lacking, LiveResource, by_arn, lacking

WANTED = {"owner": "platform", "cost-center": "4711"}


def resource(tags: Mapping[str, str] | None) -> LiveResource:
    return LiveResource("greeter", "Volume", "AWS::EC2::Volume", "vol-1", tags)


def test_missing_and_other_values_are_told_apart() -> None:
    whole = resource({**WANTED, "more": "x"})
    bare = resource({"owner": "somebody"})
    assert list(lacking([whole, bare, resource(None)], WANTED)) == [
        Lacking(bare, ("cost-center",), {"owner": "somebody"})
    ]


def test_an_arn_names_what_stands_at_its_end() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/greeter/1"
    tagged = {
        "arn:aws:s3:::acme-files": {"a": "1"},
        arn: {"a": "2"},
        "arn:aws:rds:eu-west-1:1:db:orders": {"a": "3"},
    }
    assert by_arn(tagged, ["acme-files", arn, "orders", "files", "greeter"]) == {
        "acme-files": {"a": "1"}, arn: {"a": "2"}, "orders": {"a": "3"},
    }  # fmt: skip
