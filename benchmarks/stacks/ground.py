"""What the benchmarks of stacks share: the stack itself, a local cloud, a slow way to it."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BENCHMARKS = Path(__file__).parents[1]
sys.path += [str(BENCHMARKS / "images"), str(BENCHMARKS / "localcloud")]

from figures import OURS, Server, running  # noqa: E402 - not installed
from scene import Cost, put, spent  # noqa: E402 - not installed

ACCOUNT, REGION = "123456789012", "eu-west-1"

TEMPLATE = """\
Description: eight resources that every tool can make
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: ec2.amazonaws.com}
            Action: sts:AssumeRole
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties:
      Roles: [{Ref: Role}]
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: what comes in
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 8080, ToPort: 8080, CidrIp: 10.0.0.0/8}
  Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      RetentionInDays: DAYS
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
  Topic:
    Type: AWS::SNS::Topic
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: bench
      MetricName: errors
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 3
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [{Ref: Topic}]
  Where:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: {Ref: Bucket}
Outputs:
  Topic: {Value: {Ref: Topic}}
"""


def template(days: int = 7) -> str:
    """Eight resources; how long its log is kept is what a plan finds changed."""
    return TEMPLATE.replace("DAYS", str(days))


def environment(endpoint: str) -> dict[str, str]:
    """What every tool finds: an endpoint, credentials, and nobody to tell how it is used."""
    given = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "CI": "1",
    }
    found = {**os.environ, **given}
    # An installed package has its bytecode.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def cost_of(commands: Sequence[Sequence[str]], folder: Path, environment: dict[str, str]) -> Cost:
    """Programs one after the other in a folder, as a script of the shell runs them."""
    steps = [["cd", str(folder)], *commands]
    whole = " && ".join(map(shlex.join, steps))
    return spent(["/bin/sh", "-c", whole], environment)


@contextmanager
def cloud() -> Iterator[Server]:
    """A local cloud of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder,
        running(OURS, Path(folder)) as server,
    ):
        yield server


@contextmanager
def slow_way(url: str, seconds: float) -> Iterator[str]:
    """A proxy whose every answer takes so much longer, however many wait. Yields its address."""
    target = urlsplit(url)
    connections = threading.local()

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Or the body waits 40 ms until the head is acknowledged.
        disable_nagle_algorithm = True

        def answer(self) -> None:
            began = time.monotonic()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            there = getattr(connections, "there", None)
            if there is None:
                there = connections.there = HTTPConnection(target.hostname or "", target.port or 0)
            there.request(self.command, self.path, body, dict(self.headers))
            reply = there.getresponse()
            said = reply.read()
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            self.send_response_only(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 - its names

        def log_message(self, *_: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Listening(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


__all__ = [
    "ACCOUNT", "REGION", "Cost", "Server", "cloud", "cost_of", "environment", "put", "slow_way",
    "spent", "template",
]  # fmt: skip
