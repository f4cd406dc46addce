"""What a case stands on: the page it follows, what it costs, and where the local cloud differs.

    @follows("Amazon S3 API reference, GetObject", "AmazonS3/latest/API/API_GetObject.html")
    def test_…

A case without a page is no case: it fails before it runs. `pytestmark = follows(…)` serves a file
whose cases all follow one page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

HOST = "docs.aws.amazon.com"


@dataclass(frozen=True)
class Page:
    """One page of AWS's documentation; `path` is the address's, on docs.aws.amazon.com."""

    title: str
    path: str

    @property
    def url(self) -> str:
        return f"https://{HOST}/{self.path}"

    def __str__(self) -> str:
        return f"{self.title}\n  {self.url}"


def follows(title: str, path: str) -> pytest.MarkDecorator:
    """The page that says what the case expects; several are several decorators."""
    return pytest.mark.follows(Page(title, path))


REFERENCES = {
    "CloudFormation": "AWSCloudFormation/latest/APIReference",
    "EC2": "AWSEC2/latest/APIReference",
    "EBS direct": "ebs/latest/APIReference",
    "Elastic Load Balancing": "elasticloadbalancing/latest/APIReference",
    "EC2 Auto Scaling": "autoscaling/ec2/APIReference",
    "RDS": "AmazonRDS/latest/APIReference",
    "CloudWatch": "AmazonCloudWatch/latest/APIReference",
    "Data Lifecycle Manager": "dlm/latest/APIReference",
    "S3": "AmazonS3/latest/API",
    "Systems Manager": "systems-manager/latest/APIReference",
    "Secrets Manager": "secretsmanager/latest/apireference",
    "Route 53": "Route53/latest/APIReference",
    "ACM": "acm/latest/APIReference",
    "SNS": "sns/latest/api",
    "STS": "STS/latest/APIReference",
}


def operation(service: str, name: str) -> pytest.MarkDecorator:
    """The page of an operation in a service's API reference."""
    return follows(f"{service} API reference, {name}", f"{REFERENCES[service]}/API_{name}.html")


def costs(what: str, minutes: int) -> pytest.MarkDecorator:
    """At AWS the case costs money or takes so many minutes: there it runs with --aws-costs only."""
    return pytest.mark.costs(what, minutes)


def differs(how: str) -> pytest.MarkDecorator:
    """The local cloud knowingly does not do this: the case must fail there, and says why."""
    return pytest.mark.differs(how)


def pages_of(marks: Iterable[pytest.Mark]) -> tuple[Page, ...]:
    return tuple(page for mark in marks if mark.name == "follows" for page in mark.args)


def wrong_with(pages: tuple[Page, ...]) -> str | None:
    """Why a case that follows these pages is none; None when it is one."""
    if not pages:
        return "the case names no page of AWS's documentation. Put @follows(title, path) above it."
    for page in pages:
        parts = urlsplit(page.url)
        if not page.title.strip() or parts.netloc != HOST or not parts.path.endswith(".html"):
            return (
                f"{page.url} ({page.title!r}) is no page of {HOST}. "
                "Give @follows the page's title, and its path without a slash in front."
            )
    return None
