"""Between the clients and AWS's API: lets happen to a call what a rule says."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from provisimus.localcloud.mishap_replies import call_of, error, throttled
from provisimus.localcloud.mishaps import Mishaps

log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_mishaps(
    mishaps: Mishaps,
    action_of: Callable[[dict[str, Any]], str],
    over: threading.Event,
    aws: Application,
) -> Application:
    """``over`` is set when nobody shall be kept waiting any more."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call = call_of(environ, action_of(environ))
        rule = mishaps.take(str(call))
        if rule is None:
            return aws(environ, start_response)
        log.info("fault %s: %s %s", rule.id, rule.kind, call)
        if rule.kind == "delay":
            mishaps.holds(rule, rule.seconds, over)
            return aws(environ, start_response)
        if rule.kind.startswith("cut"):
            if rule.kind == "cut-after":
                b"".join(aws(environ, lambda *_: None))
            _cut(environ)
            start_response("500 Cut", [])
            return []
        status, headers, body = (
            throttled(call)
            if rule.kind == "throttle"
            else error(call, rule.code, rule.message or f"{rule.code}, as asked for by a fault")
        )
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    return application


def _cut(environ: dict[str, Any]) -> None:
    """End the connection without an answer."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
