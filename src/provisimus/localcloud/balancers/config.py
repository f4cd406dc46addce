"""HAProxy's configuration for a load balancer: a pure function of what the balancer shall be.

HAProxy 2.6. What is not the same as on AWS: a connection to a target is given up after the health
check's time-out (AWS: 10 seconds), for HAProxy has one limit for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisimus.localcloud.balancers.model import Balancer, Group, Listener, Target
from provisimus.localcloud.balancers.patterns import url_text
from provisimus.localcloud.balancers.routing import OPEN, routing

STATES = "states"
"""The file with the health of servers, from which a new process goes on."""
CONFIGURATION = "haproxy.cfg"
_COOKIE = "AWSALB"
_ERRORS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


@dataclass(frozen=True)
class Rendering:
    """The configuration, and the files beside it that it names."""

    text: str
    files: dict[str, bytes]

    def all_files(self) -> dict[str, bytes]:
        return {**self.files, CONFIGURATION: self.text.encode()}


def render(balancer: Balancer, owner: tuple[int, int] | None) -> Rendering:
    """The configuration; `owner` is whom the work is left to by root.

    Files are named as from the folder in which HAProxy runs.
    """
    files = {f"{status}.http": _error_page(status) for status in _ERRORS}
    lines = [*_global(owner), *_defaults(balancer)]
    for listener in balancer.listeners:
        lines += _front_end(balancer, listener, files)
    for group in balancer.groups:
        lines += [*_back_end(group), *_open_back_end(group)]
    return Rendering("\n".join(lines) + "\n", files)


def server_name(target: Target) -> str:
    """The name of a target's server: its identifier, which HAProxy may be told as it is."""
    return target.identifier


def _section(head: str, *lines: str) -> Iterator[str]:
    yield head
    yield from (f"    {line}" for line in lines)


def _global(owner: tuple[int, int] | None) -> Iterator[str]:
    lines = [
        f"server-state-file {STATES}",
        "max-spread-checks 100",
        "maxconn 4000",
        "nbthread 1",
        "tune.ssl.default-dh-param 2048",
    ]
    if owner is not None:
        lines += [f"uid {owner[0]}", f"gid {owner[1]}"]
    return _section("global", *lines)


def _defaults(balancer: Balancer) -> Iterator[str]:
    idle = f"{balancer.idle_timeout}s"
    return _section(
        "defaults",
        "mode http",
        "load-server-state-from-file global",
        "option log-health-checks",
        "option idle-close-on-response",
        "option redispatch 1",
        "retries 2",
        f"timeout client {idle}",
        f"timeout server {idle}",
        f"timeout http-keep-alive {idle}",
        "timeout http-request 60s",
        "timeout connect 10s",
        "timeout tunnel 1h",
        *(f"errorfile {status} {status}.http" for status in _ERRORS),
    )


def _front_end(balancer: Balancer, listener: Listener, files: dict[str, bytes]) -> Iterator[str]:
    tls = listener.tls
    for certificate in tls.certificates if tls else ():
        files[f"{certificate.name}.pem"] = certificate.pem
    protocol = "https" if tls else "http"
    forwarded = {
        "append": ("option forwardfor",),
        "preserve": (),
        "remove": ("http-request del-header X-Forwarded-For",),
    }[balancer.forwarded_for]
    root = "%[date,hex,bytes(8,8)]-%[uuid,regsub(-,,g),bytes(0,24)]"
    return _section(
        f"frontend listener-{listener.port}",
        *(f"bind {each}:{listener.port}{_tls(balancer, listener)}" for each in balancer.addresses),
        "http-request set-var(txn.host) req.hdr(host),field(1,:),lower",
        f"http-request set-var(txn.protocol) str({protocol})",
        *(("http-request del-header [^-A-Za-z0-9] -m reg",) * balancer.only_valid_headers),
        *forwarded,
        f"http-request set-header X-Forwarded-Proto {protocol}",
        f"http-request set-header X-Forwarded-Port {listener.port}",
        f"http-request set-header X-Amzn-Trace-Id Root=1-{root} "
        "unless { req.hdr(X-Amzn-Trace-Id) -m found }",
        *routing(listener, files),
    )


def _tls(balancer: Balancer, listener: Listener) -> str:
    tls = listener.tls
    if tls is None:
        return ""
    protocols = sorted(tls.protocols, key=lambda name: (len(name), name))  # TLSv1 is the oldest
    oldest, newest = (f"{each}.0" if each == "TLSv1" else each for each in (
        protocols[0], protocols[-1]
    ))  # fmt: skip
    parts = ["ssl", *(f"crt {each.name}.pem" for each in tls.certificates)]
    parts += [f"ssl-min-ver {oldest}", f"ssl-max-ver {newest}"]
    if tls.ciphers:
        # OpenSSL takes the oldest protocols at its lowest level of security only.
        old = oldest in ("TLSv1.0", "TLSv1.1")
        parts.append(f"ciphers {':'.join(tls.ciphers)}{':@SECLEVEL=0' if old else ''}")
    parts.append("alpn h2,http/1.1" if balancer.http2 else "alpn http/1.1")
    return " " + " ".join(parts)


def _back_end(group: Group) -> Iterator[str]:
    check = group.check
    if not group.targets:
        return _section(f"backend {group.name}", "errorfile 503 503.http")
    options = [
        "check", f"inter {check.interval}s", f"rise {check.healthy}", f"fall {check.unhealthy}",
        *([f"port {check.port}"] if check.port else []),
        *(["check-ssl", "verify none"] if check.protocol == "HTTPS" else ["no-check-ssl"]),
    ]  # fmt: skip
    return _section(
        f"backend {group.name}",
        "option httpchk",
        "http-check connect default",
        f"http-check send meth GET uri '{url_text(check.path)}' ver HTTP/1.1 "
        f"hdr Host {_host(group)} hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close",
        f"http-check expect status {check.codes}",
        f"timeout connect {check.timeout}s",
        f"timeout check {check.timeout}s",
        *_shared(group),
        *_servers(group, " ".join(options)),
    )


def _open_back_end(group: Group) -> Iterator[str]:
    """Where no target is healthy, AWS sends to all of them ("fail open")."""
    return _section(
        f"backend {group.name}{OPEN}",
        f"timeout connect {group.check.timeout}s",
        f"errorfile 503 {502 if group.targets else 503}.http",
        *_servers(group, ""),
    )


def _shared(group: Group) -> Iterator[str]:
    yield f"balance {'leastconn' if group.least_outstanding else 'roundrobin'}"
    # A target that cannot be connected to is a bad gateway; none at all is a missing service.
    yield "errorfile 503 502.http"
    if group.sticky is not None:
        yield f"cookie {_COOKIE} insert indirect nocache httponly maxlife {group.sticky}s"


def _servers(group: Group, options: str) -> Iterator[str]:
    tls = " ssl verify none" if group.protocol == "HTTPS" else ""
    for target in group.targets:
        source = f" source {target.source}" if target.source else ""
        cookie = f" cookie {server_name(target)}" if group.sticky is not None and options else ""
        line = f"server {server_name(target)} {target.address}:{target.port}{source}{tls} {options}"
        yield f"{line.rstrip()}{cookie}"


def _host(group: Group) -> str:
    first = group.targets[0]
    return f"{first.address}:{first.port}"


def _error_page(status: int) -> bytes:
    title = f"{status} {_ERRORS[status]}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        "</center>\r\n</body>\r\n</html>\r\n"
    )
    return (
        f"HTTP/1.1 {title}\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n{page}"
    ).encode()
