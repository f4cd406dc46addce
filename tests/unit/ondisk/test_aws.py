"""The machine's client of AWS: signatures by value, and what it does with what it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.unit.ondisk.fake import FakeCloud, Still

from provisimus.ondisk import http
from provisimus.ondisk.aws import Client, Fault, Metadata, fault_in, form
from provisimus.ondisk.signature import Keys, signed

ONDISK = Path(http.__file__).parent

# "Signature Version 4 test suite" of AWS: its keys, its date, its region and service.
SUITE = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = ("us-east-1", "service")
HOST = {"Host": "example.amazonaws.com"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "headers", "body", "signature"),
    [
        ("GET", HOST, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", HOST, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            *("POST", {**HOST, **FORM}, b"Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "post-vanilla", "post-x-www-form-urlencoded"],
)
def test_signatures_of_awss_own_suite(
    method: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    sent = signed(method, headers, body, SUITE, SCOPE, "20150830T123600Z")
    names = ";".join(sorted(name.lower() for name in [*headers, "x-amz-date"]))
    assert sent["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_signature_with_a_session_token_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    url, body = "https://ssm.eu-west-1.amazonaws.com/", b'{"Name": "/a\xc3\xa4"}'
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.X"}
    request = AWSRequest("POST", url, headers=headers, data=body)
    SigV4Auth(Credentials("ASIAX", "secret", "token"), "ssm", "eu-west-1").add_auth(request)
    ours = signed(
        "POST",
        {**headers, "host": "ssm.eu-west-1.amazonaws.com"},
        body,
        Keys("ASIAX", "secret", "token"),
        ("eu-west-1", "ssm"),
        request.headers["X-Amz-Date"],
    )
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-security-token"] == "token"


def test_a_form_is_encoded_as_everywhere() -> None:
    assert form({"A b": "ä/+~", "Empty": ""}) == "A%20b=%C3%A4%2F%2B~&Empty="


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"__type": "com.amazon#Denied", "message": "not\\nyou"}', ("Denied", "not you")),
        (b'{"__type": "ParameterNotFound"}', ("ParameterNotFound", "")),
        (b"<E><Error><Code>Bad</Code><Message>so</Message></Error></E>", ("Bad", "so")),
        (b"<html>", ("", "")),
        (b"{", ("", "")),
    ],
)  # fmt: skip
def test_errors_of_both_protocols(body: bytes, told: tuple[str, str]) -> None:
    assert fault_in(body) == told


def test_answers_are_whole_or_none() -> None:
    whole = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
    )
    assert http.parse(whole, "GET").body == b"abcde"
    for broken in (
        whole[:-9],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"",
        b"x\r\n\r\n",
    ):
        with pytest.raises(ConnectionError):
            http.parse(broken, "GET")
    assert http.split("https://a.b/c") == (True, "a.b", 443, "/c")
    assert http.split("http://[::1]:80") == (False, "[::1]", 80, "/")
    with pytest.raises(ValueError, match="is no URL"):
        http.split("ftp://a")


def test_both_protocols_with_the_keys_of_the_role(cloud: FakeCloud) -> None:
    client = cloud.client()
    cloud.on("GetParameter", (200, {"Parameter": {"Value": "blue"}}))
    found = client.json("ssm", "AmazonSSM.GetParameter", {"Name": "/x"})
    assert found == {"Parameter": {"Value": "blue"}}
    cloud.on("PutMetricData", (200, "<ok/>"))
    assert client.query("monitoring", "2010-08-01", "PutMetricData", {"N": "a b"}) == b"<ok/>"
    assert cloud.calls[1] == ("PutMetricData", {"Version": "2010-08-01", "N": "a b"})
    assert "/eu-west-1/monitoring/aws4_request" in cloud.headers[1]["authorization"]
    assert cloud.headers[1]["x-amz-security-token"] == "t"
    assert cloud.tokens == 1


def test_on_aws_each_service_has_an_address_of_its_own(cloud: FakeCloud) -> None:
    del cloud.metadata["meta-data/services/endpoint-url"]
    cloud.metadata["meta-data/services/domain"] = "amazonaws.com.cn"
    assert cloud.client()._url("ssm") == "https://ssm.eu-west-1.amazonaws.com.cn/"


@pytest.mark.parametrize(
    "trouble",
    [
        (400, {"__type": "ThrottlingException", "message": "Rate exceeded"}),
        (503, "<html>"),
        (429, ""),
        (0, ""),
        (403, {"__type": "ExpiredTokenException"}),
    ],
    ids=["throttled", "503", "429", "broken", "expired"],
)
def test_what_may_pass_is_tried_again(cloud: FakeCloud, trouble: tuple[int, object]) -> None:
    clock = Still()
    cloud.on("GetParameter", trouble, trouble, (200, {"ok": True}))
    assert cloud.client(clock).json("ssm", "AmazonSSM.GetParameter", {}) == {"ok": True}
    assert len(clock.pauses) == 2
    assert 0.25 <= clock.pauses[0] <= 0.5 <= clock.pauses[1] <= 1


def test_what_does_not_pass_is_told_in_one_line(cloud: FakeCloud) -> None:
    clock = Still()
    cloud.on("GetParameter", (400, {"__type": "AccessDenied", "message": "no\n  identity-based"}))
    with pytest.raises(Fault, match=r"^GetParameter: AccessDenied: no identity-based$") as told:
        cloud.client(clock).json("ssm", "AmazonSSM.GetParameter", {})
    assert (told.value.code, clock.pauses) == ("AccessDenied", [])
    cloud.on("GetParameter", (500, ""))
    with pytest.raises(Fault, match=r"^GetParameter: 500$"):
        cloud.client(clock).json("ssm", "AmazonSSM.GetParameter", {}, patience=30)
    assert sum(clock.pauses) == 30


def test_a_role_that_is_not_there_yet_is_waited_for(cloud: FakeCloud) -> None:
    place = "meta-data/iam/security-credentials/"
    cloud.metadata[place] = ""
    clock = Still()
    with pytest.raises(Fault, match="the instance has no role"):
        cloud.client(clock).ready()
    assert sum(clock.pauses) == pytest.approx(60)


def test_nobody_at_the_metadata_address_is_told() -> None:
    clock = Still()
    nobody = Client(Metadata("http://127.0.0.1:9", clock), clock)
    with pytest.raises(Fault, match="the metadata service does not answer /latest/api/token"):
        nobody.ready()


def test_every_file_is_what_the_oldest_python_reads_and_imports_nothing_else() -> None:
    import ast

    known = {*sys.stdlib_module_names}
    for path in sorted(ONDISK.glob("*.py")):
        tree = ast.parse(path.read_text(), feature_version=(3, 9))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {each.name.partition(".")[0] for each in node.names} <= known
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").partition(".")[0] in known


def test_its_start_brings_none_of_the_slow_modules() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ONDISK.parent)!r})\n"
        "from ondisk import aws; import json; print(json.dumps(list(sys.modules)))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    slow = {"http.client", "urllib.parse", "ssl", "email", "datetime", "typing", "dataclasses"}
    assert loaded & slow == set()
