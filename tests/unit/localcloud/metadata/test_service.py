"""What the metadata service says of a frozen description, as AWS documents it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisimus.localcloud.metadata.description import (
    Credentials,
    Description,
    Disk,
    Group,
    Key,
    Network,
    Options,
    Profile,
)
from provisimus.localcloud.metadata.http import (
    LARGEST,
    BadRequestError,
    Reply,
    Request,
    read_request,
    write_reply,
)
from provisimus.localcloud.metadata.service import TOKEN, TTL, Tokens, answer, exchange

NOW = 1_000_000.0
TOKENS = Tokens(b"secret")
SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DESCRIBED = Description(
    instance="i-1",
    image="ami-1",
    type="t3.small",
    account="123456789012",
    reservation="r-1",
    launch_index=0,
    architecture="x86_64",
    since=SINCE,
    region="eu-west-1",
    zone="eu-west-1a",
    zone_id="euw1-az3",
    hostname="ip-172-31-0-4.eu-west-1.compute.internal",
    network=Network(
        interface="eni-1",
        mac="02:00:00:00:00:01",
        private_address="172.31.0.4",
        public_address="127.9.0.1",
        public_hostname="ec2-127-9-0-1.eu-west-1.compute.amazonaws.com",
        subnet="subnet-1",
        subnet_block="172.31.0.0/20",
        vpc="vpc-1",
        vpc_block="172.31.0.0/16",
        groups=(Group("sg-1", "web"), Group("sg-2", "admin")),
    ),
    endpoint="http://172.31.0.2:4800",
    disks=(Disk("/dev/sdf"), Disk("/dev/xvda", root=True)),
    tags=(("Name", "greeter"), ("team", "green")),
    keys=(Key("me", "ssh-ed25519 AAAA me"),),
    profile=Profile(
        "arn:aws:iam::123456789012:instance-profile/p", "AIPA1", "greeter",
        Credentials("ASIA1", "shhh", "session", SINCE, SINCE.replace(hour=9)),
    ),
    user_data=b"#cloud-config\n\xff",
)  # fmt: skip


def ask(path, described=DESCRIBED, method="GET", **headers):
    request = Request(method, path, {k.replace("_", "-"): v for k, v in headers.items()})
    return answer(request, described, TOKENS, NOW)


def get(path, **changes):
    """The text at a path below meta-data, or the status of its refusal."""
    reply = ask(f"/latest/meta-data/{path}", replace(DESCRIBED, **changes))
    return reply.content.decode() if reply.status == 200 else reply.status


def options(**given):
    return replace(DESCRIBED, options=Options(**given))


def put(described=DESCRIBED, **headers):
    return answer(Request("PUT", "/latest/api/token", headers), described, TOKENS, NOW)


def with_token(token, described, now=NOW):
    return answer(Request("GET", "/latest/meta-data/instance-id", {TOKEN: token}), described,
                  TOKENS, now).status  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("instance-id", "i-1"),
        ("ami-id", "ami-1"),
        ("instance-type", "t3.small"),
        ("local-ipv4", "172.31.0.4"),
        ("public-ipv4", "127.9.0.1"),
        ("local-hostname", "ip-172-31-0-4.eu-west-1.compute.internal"),
        ("mac", "02:00:00:00:00:01"),
        ("placement/availability-zone", "eu-west-1a"),
        ("placement/region", "eu-west-1"),
        ("services/domain", "amazonaws.com"),
        ("services/partition", "aws"),
        ("services/endpoint-url", "http://172.31.0.2:4800"),
        ("security-groups", "web\nadmin"),
        ("block-device-mapping/", "ami\nebs1\nroot"),
        ("block-device-mapping/root", "/dev/xvda"),
        ("block-device-mapping/ebs1", "sdf"),
        ("public-keys/", "0=me"),
        ("public-keys/0/", "openssh-key"),
        ("public-keys/0/openssh-key", "ssh-ed25519 AAAA me"),
        ("iam/", "info\nsecurity-credentials/"),
        ("iam/security-credentials/", "greeter"),
        ("iam/security-credentials", "greeter"),
        ("network/interfaces/macs/", "02:00:00:00:00:01/"),
        ("network/interfaces/macs/02:00:00:00:00:01/subnet-id", "subnet-1"),
        ("network/interfaces/macs/02:00:00:00:00:01/security-group-ids", "sg-1\nsg-2"),
        ("network/interfaces/macs/02:00:00:00:00:01/ipv4-associations/127.9.0.1", "172.31.0.4"),
    ],
)
def test_what_stands_at_a_path(path, content):
    assert get(path) == content


def test_a_listing_ends_folders_in_a_slash():
    listed = get("").splitlines()
    assert listed == sorted(listed)
    assert {"ami-id", "iam/", "public-keys/", "services/", "placement/"} <= set(listed)
    assert "tags/" not in listed
    assert ask("/latest/").content.decode().splitlines() == ["dynamic/", "meta-data/", "user-data"]


def test_every_path_that_is_listed_is_there():
    def walk(path):
        for line in ask(path).content.decode().splitlines():
            below = f"{path}{line.partition('=')[0]}" + ("/" if "=" in line else "")
            if below.endswith("/"):
                yield from walk(below)
            else:
                yield below

    paths = list(walk("/2021-03-23/"))
    roles = [path for path in paths if path.endswith("/greeter")]
    assert roles == ["/2021-03-23/meta-data/iam/security-credentials/greeter"]
    assert {ask(path).status for path in paths if "macs" not in path} == {200}


def test_the_keys_of_the_role():
    keys = json.loads(get("iam/security-credentials/greeter"))
    assert keys == {
        "Code": "Success",
        "LastUpdated": "2026-01-02T03:04:05Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "shhh",
        "Token": "session",
        "Expiration": "2026-01-02T09:04:05Z",
    }
    assert json.loads(get("iam/info"))["InstanceProfileId"] == "AIPA1"
    assert get("iam/security-credentials/another") == 404


def test_without_a_profile_there_is_no_iam():
    assert get("iam/info", profile=None) == 404
    assert "iam/" not in get("", profile=None).splitlines()


def test_a_profile_without_a_role_has_no_keys():
    profile = Profile("arn:aws:iam::123456789012:instance-profile/p", "AIPA1")
    assert get("iam/", profile=profile) == "info"


def test_the_identity_document():
    told = json.loads(ask("/latest/dynamic/instance-identity/document").content)
    assert (told["instanceId"], told["region"], told["pendingTime"]) == (
        "i-1", "eu-west-1", "2026-01-02T03:04:05Z",
    )  # fmt: skip
    assert ask("/latest/dynamic/instance-identity/pkcs7").status == 404


def test_user_data_is_bytes_as_they_were_given():
    assert ask("/latest/user-data").content == b"#cloud-config\n\xff"
    assert ask("/latest/user-data", replace(DESCRIBED, user_data=b"")).status == 404


def test_tags_are_told_where_the_options_say_so():
    assert get("tags/instance/Name") == 404
    told = Options(tags=True)
    assert get("tags/instance/", options=told) == "Name\nteam"
    assert get("tags/instance/Name", options=told) == "greeter"
    assert get("tags/instance/other", options=told) == 404


def test_without_a_public_address_none_is_told():
    network = replace(DESCRIBED.network, public_address=None)
    assert get("public-ipv4", network=network) == 404
    assert get("public-hostname", network=network) == 404


@pytest.mark.parametrize(
    "path", ["/latest/nonsense", "/latest/meta-data/instance-id/x", "/newest/meta-data/", "/x"]
)
def test_what_is_not_there_is_not_found(path):
    assert ask(path).status == 404


def test_versions_are_listed():
    assert ask("/").content.decode().splitlines()[-1] == "latest"


def test_a_token_is_made_for_as_long_as_is_asked():
    reply = put(**{TTL: "60"})
    assert (reply.status, reply.headers, reply.hops) == (200, ((TTL, "60"),), 1)
    token = reply.content.decode()
    required = options(tokens_required=True)
    assert with_token(token, required) == 200
    assert with_token(token, required, NOW + 59) == 200
    assert with_token(token, required, NOW + 61) == 401


@pytest.mark.parametrize("ttl", ["", "0", "-1", "21601", "x", "1.5", "1_0"])
def test_a_token_for_no_time_or_too_long_is_refused(ttl):
    assert put(**({TTL: ttl} if ttl else {})).status == 400


def test_a_token_is_not_made_for_a_proxy():
    assert put(**{TTL: "60", "x-forwarded-for": "10.0.0.1"}).status == 403


def test_where_tokens_are_required_nothing_is_told_without():
    required = options(tokens_required=True)
    assert ask("/latest/meta-data/", required).status == 401
    assert ask("/latest/user-data", required).status == 401
    assert put(required, **{TTL: "60"}).status == 200


@pytest.mark.parametrize("token", ["", "nonsense", "é", "A" * 56])
def test_a_wrong_token_is_refused_even_where_none_is_required(token):
    assert with_token(token, DESCRIBED) == 401


def test_a_token_of_another_machine_is_worth_nothing():
    assert with_token(Tokens(b"other").issue(NOW + 60), DESCRIBED) == 401


def test_switched_off_it_says_nothing():
    off = options(enabled=False)
    assert ask("/latest/meta-data/", off).status == 403
    assert put(off, **{TTL: "60"}).status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/latest/meta-data/"), ("PUT", "/latest/user-data"), ("GET", "/latest/api/token")],
)
def test_other_methods_are_not_allowed(method, path):
    assert ask(path, method=method).status == 405


def test_a_token_goes_as_far_as_the_hop_limit_and_all_else_further():
    described = options(hop_limit=3)
    request = f"PUT /latest/api/token HTTP/1.1\r\n{TTL}: 5\r\n\r\n".encode()
    assert exchange(request, described, TOKENS, NOW).hops == 3
    assert exchange(b"GET / HTTP/1.1\r\n\r\n", described, TOKENS, NOW).hops == 64


def test_an_exchange_waits_for_the_whole_request_and_refuses_nonsense():
    assert exchange(b"GET / HTTP/1.1\r\n", DESCRIBED, TOKENS, NOW) is None
    assert exchange(b"nonsense\r\n\r\n", DESCRIBED, TOKENS, NOW).content.startswith(
        b"HTTP/1.1 400 Bad Request\r\n"
    )
    head = exchange(b"HEAD /latest/user-data HTTP/1.1\r\n\r\n", DESCRIBED, TOKENS, NOW).content
    assert b"Content-Length: 15\r\n" in head
    assert head.endswith(b"\r\n\r\n")


def test_a_request_is_read():
    raw = b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Y:  z \r\n\r\nbody"
    assert read_request(raw) == Request("GET", "/a b", {"host": "x", "x-y": "z"})


@pytest.mark.parametrize(
    "raw", [b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"x" * (LARGEST + 1)]
)
def test_what_is_no_request_is_refused(raw):
    with pytest.raises(BadRequestError):
        read_request(raw)


def test_a_reply_is_written():
    assert write_reply(Reply(404, b"no")) == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        b"Server: EC2ws\r\nConnection: close\r\n\r\nno"
    )
