"""From listeners and rules to the lines of HAProxy's front ends: which rule fits, what then.

The first rule that fits is noted in a variable, and what it says is done by that note. So rules
keep their order, whatever they do: HAProxy would redirect before it chooses among back ends.

Source: "Listener rules" in the user guide for Application Load Balancers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisimus.localcloud.balancers.model import (
    Action,
    Condition,
    Fixed,
    Forward,
    Listener,
    Redirect,
    Share,
)
from provisimus.localcloud.balancers.patterns import format_string, query_pair, whole

_UNDECIDED = "!{ var(txn.rule) -m found }"
OPEN = ".open"
"""Added to a group's name: the back end that sends to all its targets, healthy or not."""


def routing(listener: Listener, files: dict[str, bytes]) -> Iterator[str]:
    """Lines of the front end; bodies of fixed responses are added to `files` by their names."""
    actions = [(str(number), rule.action) for number, rule in enumerate(listener.rules)]
    for number, rule in enumerate(listener.rules):
        names = []
        for index, condition in enumerate(rule.conditions):
            name = f"r{number}c{index}"
            names.append(name)
            yield from (f"acl {name} {test}" for test in tests(condition))
        yield f"http-request set-var(txn.rule) str({number}) if {' '.join([_UNDECIDED, *names])}"
    yield f"http-request set-var(txn.rule) str(default) if {_UNDECIDED}"
    for name, action in [*actions, ("default", listener.default)]:
        fits = f"{{ var(txn.rule) -m str {name} }}"
        yield from _done(action, fits, f"{listener.port}-{name}", files)


def tests(condition: Condition) -> Iterator[str]:
    """What is looked at and compared, one line per value; any of them will do."""
    match condition.field:
        case "host-header":
            for value in condition.values:
                yield f"var(txn.host) -i -m reg {whole(value)}"
        case "path-pattern":
            for value in condition.values:
                yield f"path -m reg {whole(value)}"
        case "http-header":
            for value in condition.values:
                yield f"req.fhdr({condition.header}) -i -m reg {whole(value)}"
        case "http-request-method":
            yield f"method {' '.join(condition.values)}"
        case "source-ip":
            yield f"src {' '.join(condition.values)}"
        case "query-string":
            for key, value in condition.pairs:
                yield f"query -i -m reg {query_pair(key, value)}"
        case other:
            raise ValueError(other)


def _done(action: Action, fits: str, name: str, files: dict[str, bytes]) -> Iterator[str]:
    match action:
        case Fixed():
            answer = f"http-request return status {action.status}"
            if action.body:
                files[f"{name}.body"] = action.body.encode()
                answer += f' content-type "{action.kind}" file {name}.body'
            yield f"{answer} if {fits}"
        case Redirect():
            place = format_string(f"{action.protocol.lower()}://{action.host}:{action.port}")
            path, query = format_string(action.path), format_string(action.query)
            redirect = f"http-request redirect code {action.code} location"
            if action.query == "#{query}":
                yield f"{redirect} '{place}{path}' if {fits} !{{ query -m len 1: }}"
            if query:
                yield f"{redirect} '{place}{path}?{query}' if {fits}"
            else:
                yield f"{redirect} '{place}{path}' if {fits}"
        case Forward():
            yield from _forwarded(action.shares, fits)


def _forwarded(shares: Iterable[Share], fits: str) -> Iterator[str]:
    """By weight, and to all targets of a group where none is healthy."""
    taking = [share for share in shares if share.weight > 0]
    total = sum(share.weight for share in taking)
    if len(taking) > 1:
        yield f"http-request set-var(txn.share) rand({total}) if {fits}"
    below = 0
    for share in taking:
        below += share.weight
        mine = f"{fits} {{ var(txn.share) -m int lt {below} }}" if len(taking) > 1 else fits
        yield f"use_backend {share.group}{OPEN} if {mine} {{ nbsrv({share.group}) eq 0 }}"
        yield f"use_backend {share.group} if {mine}"
