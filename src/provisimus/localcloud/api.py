"""The control API under ``/_localcloud``, on the same port as AWS's.

What is asked of the local cloud itself, not of AWS: status, bases, consoles, faults, shutdown.
"""

from __future__ import annotations

import io
import ipaddress
import json
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.mishaps import Mishaps

log = logging.getLogger(__name__)

PREFIX = "/_localcloud"
_JSON = "application/json"
_LINES = "application/x-ndjson"
_TEXT = "text/plain; charset=utf-8"
_LARGEST_BODY = 1024 * 1024
_ACTION = re.compile(r"(?:^|&)Action=(\w+)")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Actions:
    """What the supervisor offers to be asked for."""

    status: Callable[[], dict[str, Any]]
    make_base: Callable[[Any, Callable[[str], None]], str]
    console: Callable[[str], str | None]
    docker: Callable[[], str]
    shutdown: Callable[[], None]
    from_guest: Callable[[int], bool]
    """Whether the connection from this port comes from one of the machines."""
    mishaps: Mishaps
    kill: Callable[[str], bool]
    """Kills the machine of an instance as a failing host would; False when it has none."""
    hang: Callable[[str, bool], bool]
    """Has the machine of an instance hang, or go on; False when it has none."""
    expose: Callable[[int], None]
    """Lets machines reach a port of this computer."""
    tunnel: Callable[[str, int], int | None]
    """A port of this computer that leads to one of an instance; None without such an instance."""
    at: Callable[[str], int]
    """Does what lifecycle policies would do at a moment; returns how many snapshots were begun."""


@dataclass(frozen=True)
class Reply:
    """An answer; the body may come in pieces."""

    status: str
    kind: str
    body: Iterable[bytes]


def with_control(actions: Actions, aws: Application, changed: Callable[[], None]) -> Application:
    """Put the control API before the AWS one, and tell of each AWS request that may change much."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        stranger = _is_of_a_page(environ)
        if stranger:
            reply = _failure("403 Forbidden", stranger)
            start_response(reply.status, [("Content-Type", reply.kind)])
            return reply.body
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            reads = only_reads(requested_action(environ)) or _touches_no_model(environ)
            try:
                return aws(environ, start_response)
            finally:
                if not reads:
                    changed()
        if actions.from_guest(int(environ.get("REMOTE_PORT") or 0)):
            reply = _failure("403 Forbidden", "machines may not speak to the local cloud itself")
        else:
            reply = _answer(actions, environ["REQUEST_METHOD"], path.removeprefix(PREFIX), environ)
        start_response(reply.status, [("Content-Type", reply.kind)])
        return reply.body

    return application


def requested_action(environ: dict[str, Any]) -> str:
    """What an AWS request asks for; empty where it cannot be told. The body stays readable."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rpartition(".")[2]
    text = str(environ.get("QUERY_STRING", ""))
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        text += "&" + body.decode(errors="replace")
    found = _ACTION.search(text)
    return found[1] if found else ""


def only_reads(action: str) -> bool:
    """Whether an action changes nothing that would have to be saved."""
    return action.startswith(("Describe", "Get", "List", "Lookup", "Validate"))


def _touches_no_model(environ: dict[str, Any]) -> bool:
    """What is read by GET without an action's name, as objects are; and a block written over the
    EBS direct APIs: thousands, and all on the disk at once."""
    path, method = str(environ.get("PATH_INFO", "")), environ.get("REQUEST_METHOD")
    if method in ("GET", "HEAD") and not requested_action(environ):
        return True
    return path.startswith("/snapshots/") and (method == "GET" or "/blocks/" in path)


def _is_of_a_page(environ: dict[str, Any]) -> str | None:
    """Why a request is refused: any page in a browser may send some to loopback.

    Only a browser sends the first two headers. A page whose name was made to mean 127.0.0.1 (DNS
    rebinding) gives itself away by that name, for whoever is meant says an address or `localhost`.
    """
    if "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_MODE" in environ:
        return "browsers may not speak to the local cloud"
    host = str(environ.get("HTTP_HOST", "")).rpartition("]")[2].partition(":")[0]
    if not host or host == "localhost" or host.endswith(".localhost"):
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"the local cloud is not called {host[:80]}; say 127.0.0.1 or localhost"
    return None


def _answer(actions: Actions, method: str, path: str, environ: dict[str, Any]) -> Reply:
    parts = [part for part in path.split("/") if part]
    try:
        match (method, parts):
            case ("GET", ["status"]):
                return _json(actions.status())
            case ("POST", ["bases"]):
                body = _body(environ)
                return Reply("200 OK", _LINES, _progress(lambda say: actions.make_base(body, say)))
            case ("POST", ["docker"]):
                return _json({"host": actions.docker()})
            case ("GET", ["instances", identifier, "console"]):
                text = actions.console(identifier)
                if text is None:
                    return _failure("404 Not Found", f"there is no instance {identifier}")
                return Reply("200 OK", _TEXT, [text.encode()])
            case ("POST", ["instances", identifier, "kill"]):
                if not actions.kill(identifier):
                    return _failure("404 Not Found", f"no machine of {identifier} runs")
                return _json({"killed": identifier})
            case ("POST" | "DELETE", ["instances", identifier, "hang"]):
                if not actions.hang(identifier, method == "POST"):
                    return _failure("404 Not Found", f"no machine of {identifier} runs")
                return _json({"instance": identifier, "hangs": method == "POST"})
            case ("POST", ["instances", identifier, "tunnels", number]) if _is_port(number):
                port = actions.tunnel(identifier, int(number))
                if port is None:
                    return _failure("404 Not Found", f"no machine of {identifier} runs")
                return _json({"host": "127.0.0.1", "port": port})
            case ("POST", ["ports", number]) if _is_port(number):
                actions.expose(int(number))
                return _json({"exposed": int(number)})
            case ("POST", ["clock"]):
                try:
                    return _json({"begun": actions.at(str((_body(environ) or {}).get("now")))})
                except ValueError as error:
                    raise LocalCloudError(f"now is a time of ISO 8601, in UTC: {error}") from error
            case ("GET", ["faults"]):
                return _json(actions.mishaps.told())
            case ("POST", ["faults"]):
                return _json(asdict(actions.mishaps.add(_body(environ))))
            case ("DELETE", ["faults"]):
                return _json({"lifted": actions.mishaps.clear()})
            case ("DELETE", ["faults", number]) if number.isdecimal():
                return _json({"lifted": actions.mishaps.clear(int(number))})
            case ("POST", ["shutdown"]):
                threading.Thread(target=actions.shutdown, name="shutdown", daemon=True).start()
                return _json({"text": "shutting down"})
            case _:
                return _failure("404 Not Found", f"no {method} {PREFIX}{path} here")
    except LocalCloudError as error:
        return _failure("409 Conflict", error.what, error.hint)


def _is_port(text: str) -> bool:
    return text.isdecimal() and 0 < int(text) < 65536


def _progress(work: Callable[[Callable[[str], None]], str]) -> Iterator[bytes]:
    """Lines of JSON while the work goes on, and its outcome as the last one."""
    lines: queue.Queue[dict[str, str] | None] = queue.Queue()

    def run() -> None:
        try:
            lines.put({"image_id": work(lambda text: lines.put({"text": text}))})
        except LocalCloudError as error:
            lines.put({"error": error.what, "hint": error.hint})
        except Exception as error:
            log.exception("making a base failed")
            lines.put({"error": f"{type(error).__name__}: {error}", "hint": "see the log"})
        lines.put(None)

    # The work goes on when the caller hangs up: the next one then finds it done.
    threading.Thread(target=run, name="base", daemon=True).start()
    while (line := lines.get()) is not None:
        yield json.dumps(line).encode() + b"\n"


def _body(environ: dict[str, Any]) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > _LARGEST_BODY:
        raise LocalCloudError("the request is too large")
    try:
        return json.loads(environ["wsgi.input"].read(length) or b"null")
    except ValueError as error:
        raise LocalCloudError(f"the request is not JSON: {error}") from error


def _json(value: Any) -> Reply:
    return Reply("200 OK", _JSON, [json.dumps(value).encode()])


def _failure(status: str, what: str, hint: str = "") -> Reply:
    return Reply(status, _JSON, [json.dumps({"error": what, "hint": hint}).encode()])
