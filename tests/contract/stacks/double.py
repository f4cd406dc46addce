"""A scripted CloudFormation on loopback: what it answers is written down, not simulated.

It holds one stack, whose status is set by the test and moves when what the script names is asked.
Some calls may be throttled, and some connections lost after the request was carried out. What it
has no answer for it refuses by name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
WHEN = "2026-01-01T12:00:00.000Z"
_DRIFT = (
    *("DetectStackDrift", "DescribeStackDriftDetectionStatus", "DescribeStackResourceDrifts"),
)
DRIFT_IS_KNOWN = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
)
"""The statuses in which CloudFormation looks for it (DetectStackDrift)."""


@dataclass
class Double:
    """`status` None is no stack."""

    name: str = ""
    status: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    template: str = "{}"
    begins: Mapping[str, str | None] = field(default_factory=dict)
    """Operations by name, and the status that each brings the stack into."""
    meanwhile: dict[str, str] = field(default_factory=dict)
    """Questions by name, and the status that somebody else brings the stack into right after."""
    throttled: Callable[[int], bool] = lambda _: False
    """Whether the call of this number, from 0, is turned away."""
    drifts: Mapping[str, dict[str, str]] = field(default_factory=dict)
    """Resources by logical id, each with the property that is not as deployed."""
    lost: set[str] = field(default_factory=set)
    """Operations of which the next connection is lost after they were carried out."""
    asked: list[dict[str, str]] = field(default_factory=list)
    _calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stack_id(self) -> str:
        return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{self.name}/1"

    def actions(self) -> list[str]:
        return [each["Action"] for each in self.asked]

    def answer(self, request: dict[str, str]) -> tuple[int, str] | None:
        """Status and body; None for a connection that breaks."""
        with self._lock:
            number, self._calls = self._calls, self._calls + 1
            if self.throttled(number):
                return 400, _fault("Throttling", "Rate exceeded")
            self.asked.append(request)
            action = request["Action"]
            code, body = self._done(action, named="StackName" in request)
            self.status = self.meanwhile.pop(action, self.status)
            if action in self.lost:
                self.lost.discard(action)
                return None
            return code, body

    def _done(self, action: str, *, named: bool) -> tuple[int, str]:
        if action == "GetCallerIdentity":
            who = {"Arn": "arn:aws:iam::123456789012:user/a", "Account": "123456789012"}
            return 200, _result(action, _xml(who))
        if action in self.begins:
            self.status = self.begins[action]
            return 200, _result(action, "")
        if action == "DescribeStacks":
            if self.status is None and not named:
                return 200, _result(action, "<Stacks/>")
            if self.status is None:
                return 400, _fault("ValidationError", f"Stack with id {self.name} does not exist")
            return 200, _result(action, f"<Stacks><member>{self._stack()}</member></Stacks>")
        if action == "DescribeStackEvents":
            return 200, _result(action, f"<StackEvents>{self._event()}</StackEvents>")
        if action in _DRIFT:
            return self._drift(action)
        if action == "GetTemplate":
            return 200, _result(action, _xml({"TemplateBody": self.template}))
        empty = {
            "DescribeStackResources": "StackResources",
            "ListStackResources": "StackResourceSummaries",
            "ListChangeSets": "Summaries",
        }
        if action in empty:
            return 200, _result(action, f"<{empty[action]}/>")
        return 400, _fault("NotScripted", f"{action} is not in the script")

    def _drift(self, action: str) -> tuple[int, str]:
        if self.status not in DRIFT_IS_KNOWN:
            said = f"Drift detection cannot be performed on stacks with status {self.status}"
            return 400, _fault("ValidationError", said)
        about = {"StackId": self.stack_id, "Timestamp": WHEN}
        if action == "DetectStackDrift":
            return 200, _result(action, _xml({"StackDriftDetectionId": "d-1"}))
        if action == "DescribeStackDriftDetectionStatus":
            over = {"StackDriftDetectionId": "d-1", "DetectionStatus": "DETECTION_COMPLETE"}
            return 200, _result(action, _xml({**about, **over}))
        members = "".join(
            "<member>"
            + _xml({**about, "LogicalResourceId": name, "ResourceType": "AWS::S3::Bucket"})
            + _xml({"StackResourceDriftStatus": "MODIFIED"})
            + _members("PropertyDifferences", [difference])
            + "</member>"
            for name, difference in self.drifts.items()
        )
        return 200, _result(action, f"<StackResourceDrifts>{members}</StackResourceDrifts>")

    def _stack(self) -> str:
        plain = {
            "StackName": self.name,
            "StackId": self.stack_id,
            "StackStatus": str(self.status),
            "CreationTime": WHEN,
        }
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]
        return _xml(plain) + _members("Tags", tags) + _members("Outputs", outputs)

    def _event(self) -> str:
        return "<member>" + _xml(
            {
                "EventId": f"e-{self.status}",
                "StackId": self.stack_id,
                "StackName": self.name,
                "LogicalResourceId": self.name,
                "PhysicalResourceId": self.stack_id,
                "ResourceType": "AWS::CloudFormation::Stack",
                "ResourceStatus": str(self.status),
                "Timestamp": WHEN,
            }
        ) + "</member>"  # fmt: skip


def _xml(values: Mapping[str, str]) -> str:
    return "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())


def _members(name: str, items: list[dict[str, str]]) -> str:
    return f"<{name}>" + "".join(f"<member>{_xml(each)}</member>" for each in items) + f"</{name}>"


def _result(action: str, body: str) -> str:
    inner = f"<{action}Result>{body}</{action}Result>"
    return f'<{action}Response xmlns="{NAMESPACE}">{inner}</{action}Response>'


def _fault(code: str, message: str) -> str:
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>'
        f"{_xml({'Code': code, 'Message': message})}</Error></ErrorResponse>"
    )


def serve(double: Double) -> ThreadingHTTPServer:
    """The double behind a port of its own on loopback; shut it down after."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            request = dict(parse_qsl(self.rfile.read(length).decode()))
            answer = double.answer(request)
            if answer is None:
                self.close_connection = True
                return
            status, body = answer
            data = body.encode()
            self.send_response(status)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
