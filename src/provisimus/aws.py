"""The AWS API: the only place that makes clients and reads their errors.

The clients are botocore's, which are boto3's: what boto3 itself adds (resources, S3 transfers) is
not used here and costs 30 ms. A client is made when its service is first asked, EC2's for 80 ms.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provisimus import __version__
from provisimus.errors import ProvisimusError, Refused, Unreachable

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from provisimus.rate import Limiter

ATTEMPTS = 8
"""How often a service is asked before its throttling is a fault. Where a third of all calls is
throttled, the three of botocore fail one call of forty."""
UNREACHED = 3
"""How often a service is asked that is not reached at all."""
_MAKING = threading.RLock()
"""Held while a client is made: a session of botocore's is not to be shared while it does that
("Multithreading and multiprocessing" in the guide to Boto3's clients; a client itself is)."""


@dataclass(frozen=True)
class Cloud:
    """One account in one region, behind one endpoint. Clients are made when first asked for.

    `endpoint` None is AWS itself. `credentials` None takes the machine's usual chain (AWS_PROFILE,
    instance role …); `role` is assumed on top when set.
    """

    region: str
    account: str | None = None
    endpoint: str | None = None
    role: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @cached_property
    def _session(self) -> Session:
        session = _new_session(self.region)
        if self.credentials:
            session.set_credentials(*self.credentials)
            return session
        return self._assume(session) if self.role else session

    def _assume(self, session: Session) -> Session:
        name = self.role or ""
        arn = name if name.startswith("arn:") else f"arn:aws:iam::{self.account}:role/{name}"
        with speaking(self, f"assume the role {arn}"):
            sts: STSClient = session.create_client("sts", endpoint_url=self.endpoint)  # type: ignore[assignment]
            answer = sts.assume_role(RoleArn=arn, RoleSessionName="provisimus")
        given = answer["Credentials"]
        assumed = _new_session(self.region)
        assumed.set_credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        )
        return assumed

    def _client(self, service: str) -> Any:
        from botocore import __version__ as botocore_version
        from botocore.config import Config

        # CloudFormation's rate is ours (provisimus.rate), and botocore's own would be a client's.
        adaptive = self.endpoint is None and service != "cloudformation"
        mode = "adaptive" if adaptive else "standard"
        retries: Any = {"mode": mode, "total_max_attempts": ATTEMPTS}
        config = Config(
            retries=retries,
            connect_timeout=5,
            # botocore's own words, of its every part, are put together anew for each call.
            user_agent=f"provisimus/{__version__} Botocore/{botocore_version}",
            # As many as are used at once, or each of the rest is made anew, with TLS.
            max_pool_connections=32,
        )
        with _MAKING:
            made = self._session.create_client(service, endpoint_url=self.endpoint, config=config)
        if service != "cloudformation":
            made.meta.events.register_first("needs-retry", _give_up_soon)
        return made

    def in_region(self, region: str) -> Cloud:
        """The same account in another region."""
        return self if region == self.region else replace(self, region=region)

    @cached_property
    def ec2(self) -> EC2Client:
        client: EC2Client = self._client("ec2")
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        client: CloudFormationClient = self._client("cloudformation")
        self.limiter.attach(client, "cloudformation")
        from botocore.handlers import json_decode_template_body

        # A template is the text that was submitted: botocore would read what is JSON.
        client.meta.events.unregister(
            "after-call.cloudformation.GetTemplate", json_decode_template_body
        )
        return client

    @cached_property
    def limiter(self) -> Limiter:
        """What all calls of CloudFormation go through, whichever thread makes them."""
        from provisimus.rate import Limiter

        return Limiter()

    @cached_property
    def ssm(self) -> SSMClient:
        client: SSMClient = self._client("ssm")
        return client

    @cached_property
    def autoscaling(self) -> Any:
        return self._client("autoscaling")

    @cached_property
    def elbv2(self) -> Any:
        return self._client("elbv2")

    @cached_property
    def route53(self) -> Any:
        return self._client("route53")

    @cached_property
    def ecr(self) -> Any:
        return self._client("ecr")

    @cached_property
    def rds(self) -> Any:
        return self._client("rds")

    @cached_property
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def secrets(self) -> Any:
        return self._client("secretsmanager")

    @cached_property
    def quotas(self) -> Any:
        return self._client("service-quotas")

    @cached_property
    def tagging(self) -> Any:
        return self._client("resourcegroupstaggingapi")

    @cached_property
    def sts(self) -> STSClient:
        client: STSClient = self._client("sts")
        return client

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")

    def check_account(self) -> str:
        """Whose credentials these are, as an ARN; asked before something is changed.

        Raises Refused when they are another account's than `account`.
        """
        with speaking(self, "ask whose credentials these are"):
            who = self.sts.get_caller_identity()
        if self.account not in (None, who["Account"]):
            raise Refused(
                f"these credentials are of account {who['Account']}, not {self.account}",
                where=who["Arn"],
                hint="choose others with AWS_PROFILE, or name a role in provisimus.yaml",
            )
        return who["Arn"]

    def environment_variables(self) -> dict[str, str]:
        """What another program (Packer) needs to reach the same account and region.

        Secrets go through its environment and never through its arguments.
        """
        variables = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.endpoint:
            variables["AWS_ENDPOINT_URL"] = self.endpoint
        given = self._session.get_credentials()
        if given is not None:
            frozen = given.get_frozen_credentials()
            variables["AWS_ACCESS_KEY_ID"] = frozen.access_key or ""
            variables["AWS_SECRET_ACCESS_KEY"] = frozen.secret_key or ""
            if frozen.token:
                variables["AWS_SESSION_TOKEN"] = frozen.token
        return variables


def _new_session(region: str) -> Session:
    from botocore.loaders import Loader
    from botocore.session import Session

    class Models(Loader):
        def list_available_services(self, type_name: str) -> list[str]:
            """Those that are asked for here: botocore looks through the folders of all its 400
            services to tell a typing error from a service, for 15 ms and more on a cold disk.
            """
            del type_name
            return [
                *("autoscaling", "cloudformation", "ec2", "ecr", "elbv2", "logs"),
                *("rds", "resourcegroupstaggingapi", "route53", "s3", "secretsmanager"),
                *("service-quotas", "ssm", "sts"),
            ]

    session = Session()
    session.register_component("data_loader", Models())
    session.set_config_variable("region", region)
    return session


def _give_up_soon(attempts: int, caught_exception: Exception | None = None, **_: Any) -> None:
    """Where nothing is reached it is asked a few times only; CloudFormation is asked on, for it is
    followed for hours, and networks come back."""
    from botocore.exceptions import ConnectionError as NotReached

    if isinstance(caught_exception, NotReached) and attempts >= UNREACHED:
        raise caught_exception


def own_cloud() -> Cloud:
    """What this machine's own chain names: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, a role."""
    from botocore.session import Session

    return Cloud(Session().get_config_variable("region") or "us-east-1")


class CloudFault(ProvisimusError):
    """The cloud answered no. `code` is AWS's own error code."""

    def __init__(self, message: str, *, code: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Unheard(Unreachable):
    """The connection was lost after the request went out: it may have been carried out."""


@contextmanager
def speaking(cloud: Cloud, doing: str) -> Iterator[None]:
    """Turn botocore's errors inside the block into ours: CloudFault, Unreachable.

    `doing` completes "could not …". Of Unreachable it is Unheard where the request was sent.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionClosedError,
        EndpointConnectionError,
        NoCredentialsError,
        ReadTimeoutError,
    )
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        about = error.response.get("Error", {})
        code = about.get("Code", "Unknown")
        raise CloudFault(
            f"could not {doing}: {about.get('Message', error)} ({code})", code=code
        ) from error
    except NoCredentialsError as error:
        raise Unreachable(
            f"could not {doing}: no AWS credentials",
            hint="set AWS_PROFILE, or run `aws sso login`; `provisimus doctor` shows what is found",
        ) from error
    except EndpointConnectionError as error:
        local = cloud.endpoint is not None
        raise Unreachable(
            f"could not {doing}: nothing answers at {cloud.endpoint or cloud.region}",
            hint="start the local cloud: provisimus local up" if local else None,
        ) from error
    except ResponseParserError as error:
        where = cloud.endpoint or cloud.region
        raise Unreachable(
            f"could not {doing}: what answers at {where} does not speak AWS's way"
        ) from error
    except (ConnectionClosedError, ReadTimeoutError) as error:
        raise Unheard(f"could not {doing}: {error}") from error
    except BotoCoreError as error:
        raise Unreachable(f"could not {doing}: {error}") from error


def tags_of(pairs: Any) -> dict[str, str]:
    """AWS's list of Key/Value pairs as a mapping."""
    return {pair["Key"]: pair["Value"] for pair in pairs or ()}


def as_tags(tags: Mapping[str, str]) -> list[Any]:
    """A mapping as AWS's Key/Value pairs, sorted by key; values cut at AWS's 256 characters."""
    return [{"Key": key, "Value": value[:256]} for key, value in sorted(tags.items())]
