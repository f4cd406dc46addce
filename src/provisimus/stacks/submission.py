"""How a template is handed to CloudFormation: in the request, or a long one by way of a bucket.

Limits: "CloudFormation quotas" in the user guide, template body in a request and in an S3 object.
"""

from __future__ import annotations

import hashlib

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.stacks.template import body_of
from provisimus.stacks.types.interface import Template

IN_REQUEST = 51_200
"""Bytes of a template that a request takes."""


def check_size(environment: Environment, template: Template) -> str:
    """The template as text. Raises Refused for one that is too long for the way that is open."""
    text = body_of(template)
    size = len(text.encode())
    if size > IN_REQUEST and environment.templates is None:
        raise Refused(
            f"the template has {size} bytes; CloudFormation takes {IN_REQUEST} in a request",
            where=f"environment {environment.name}",
            hint="name a bucket of the same account for longer ones in provisimus.yaml: "
            f"environments: {{{environment.name}: {{templates: BUCKET}}}}",
        )
    return text


def submitted(environment: Environment, template: Template) -> dict[str, str]:
    """TemplateBody, or TemplateURL of an object that was put where its contents say.

    Raises Refused as `check_size`, NotFound for a bucket that is not there.
    """
    text = check_size(environment, template)
    body = text.encode()
    if len(body) <= IN_REQUEST:
        return {"TemplateBody": text}
    bucket, key = str(environment.templates), key_of(body)
    try:
        with speaking(environment.cloud, f"put a template into the bucket {bucket}"):
            environment.cloud.s3.put_object(Bucket=bucket, Key=key, Body=body)
    except CloudFault as fault:
        if fault.code != "NoSuchBucket":
            raise
        raise NotFound(
            f"there is no bucket {bucket} for templates",
            where=f"environment {environment.name}",
            hint="make it, or name another in provisimus.yaml: templates",
        ) from None
    return {
        "TemplateURL": url_of(environment.cloud.region, environment.cloud.endpoint, bucket, key)
    }


def key_of(body: bytes) -> str:
    """The same template has the same key: it is written once, and never over another. Pure."""
    return f"provisimus/templates/{hashlib.sha256(body).hexdigest()}.json"


def url_of(region: str, endpoint: str | None, bucket: str, key: str) -> str:
    """Where CloudFormation finds it. Pure.

    By path where the name has dots, which no certificate of S3 covers ("Bucket naming rules").
    """
    if endpoint is not None:
        return f"{endpoint.rstrip('/')}/{bucket}/{key}"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in bucket:
        return f"https://s3.{region}.{suffix}/{bucket}/{key}"
    return f"https://{bucket}.s3.{region}.{suffix}/{key}"
