"""DLM's API on the wire (REST and JSON), before moto, which has none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

from provisimus.localcloud.lifecycle.policies import Policies
from provisimus.localcloud.lifecycle.rules import SNAPSHOTS, RefusedError

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/dlm/")
_LARGEST = 1 << 20


def with_lifecycle(policies: Policies, region: str, aws: Application) -> Application:
    """Answer what is signed for DLM; everything else is for others."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        scope = _SCOPE.search(str(environ.get("HTTP_AUTHORIZATION", "")))
        if scope is None:
            return aws(environ, start_response)
        status, headers = HTTPStatus.OK, [("Content-Type", "application/json")]
        try:
            if scope[1] != region:
                raise RefusedError(f"This local cloud is in {region}, not in {scope[1]}")
            body = _answer(policies, environ)
        except RefusedError as error:
            missing = error.code == "ResourceNotFoundException"
            status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST
            headers.append(("x-amzn-ErrorType", error.code))
            body = {"Code": error.code, "Message": str(error)}
        content = json.dumps(body).encode()
        start_response(
            f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(content)))]
        )
        return [content]

    return application


def _answer(policies: Policies, environ: dict[str, Any]) -> dict[str, Any]:
    path = [unquote(each) for each in str(environ.get("RAW_URI") or environ["PATH_INFO"])
            .partition("?")[0].strip("/").split("/", 1)]  # fmt: skip
    query = parse_qs(str(environ.get("QUERY_STRING", "")))
    match environ["REQUEST_METHOD"], path:
        case "POST", ["policies"]:
            return {"PolicyId": policies.create(_body(environ))}
        case "GET", ["policies"]:
            return {"Policies": [_summary(e) for e in policies.all() if _asked_for(e, query)]}
        case "GET", ["policies", identifier]:
            return {"Policy": policies.get(identifier)}
        case "PATCH", ["policies", identifier]:
            policies.update(identifier, _body(environ))
        case "DELETE", ["policies", identifier]:
            policies.delete(identifier)
        case "GET", ["tags", arn]:
            return {"Tags": policies.tags(arn)}
        case "POST", ["tags", arn]:
            policies.tag(arn, _body(environ).get("Tags") or {})
        case "DELETE", ["tags", arn]:
            policies.tag(arn, {}, tuple(query.get("tagKeys", [])))
        case method, _:
            raise RefusedError(f"DLM has no {method} {environ['PATH_INFO']}")
    return {}


def _asked_for(policy: Mapping[str, Any], query: Mapping[str, list[str]]) -> bool:
    details = policy["PolicyDetails"]
    targets = {f"{each['Key']}={each['Value']}" for each in details["TargetTags"]}
    added = {
        f"{each['Key']}={each['Value']}"
        for schedule in details["Schedules"]
        for each in schedule.get("TagsToAdd", [])
    }
    return all(
        not wanted or bool(set(wanted) & has)
        for wanted, has in (
            (query.get("policyIds"), {policy["PolicyId"]}),
            (query.get("state"), {policy["State"]}),
            (query.get("resourceTypes"), set(details["ResourceTypes"])),
            (query.get("targetTags"), targets),
            (query.get("tagsToAdd"), added),
        )
    )


def _summary(policy: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: policy[name] for name in ("Description", "PolicyId", "State", "Tags")}
    return {**told, "PolicyType": SNAPSHOTS, "DefaultPolicy": False}


def _body(environ: dict[str, Any]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > _LARGEST:
        raise RefusedError("The request is too large")
    try:
        found = json.loads(environ["wsgi.input"].read(length) or b"{}")
    except ValueError as error:
        raise RefusedError(f"The request is not JSON: {error}") from error
    return found if isinstance(found, dict) else {}
