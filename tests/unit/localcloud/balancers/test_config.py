# ruff: noqa: E501 - lines of HAProxy are as long as they are
"""The configuration of a balancer, whole."""

from __future__ import annotations

from inline_snapshot import snapshot

from provisimus.localcloud.balancers.config import render
from provisimus.localcloud.balancers.model import (
    Balancer,
    Certificate,
    Condition,
    Fixed,
    Forward,
    Group,
    HealthCheck,
    Listener,
    Redirect,
    Rule,
    Share,
    Target,
    Tls,
)

CHECK = HealthCheck(path="/health", codes="200-299", interval=10, timeout=4, healthy=3)
FORWARD = Forward((Share("app.1", 3), Share("app.2")))
SECURE = Tls((Certificate("cert-1", b"pem"),), ("TLSv1.3", "TLSv1.2"), ("ECDHE-RSA-AES128-SHA",))
BALANCER = Balancer(
    name="front",
    addresses=("10.0.1.4", "10.0.2.4"),
    listeners=(
        Listener(80, Redirect(301, "HTTPS", port="443")),
        Listener(
            443,
            FORWARD,
            (Rule((Condition("path-pattern", ("/down",)),), Fixed(503, body="later")),),
            SECURE,
        ),
    ),
    groups=(
        Group("app.1", (Target("i-1", "10.0.1.9", 8080, "10.0.1.4"),), check=CHECK, sticky=60),
        Group("app.2"),
    ),
)


def test_a_whole_configuration() -> None:
    made = render(BALANCER, (99, 98))
    assert sorted(made.files) == [
        "443-0.body", "502.http", "503.http", "504.http", "cert-1.pem",
    ]  # fmt: skip
    assert made.text == snapshot("""\
global
    server-state-file states
    max-spread-checks 100
    maxconn 4000
    nbthread 1
    tune.ssl.default-dh-param 2048
    uid 99
    gid 98
defaults
    mode http
    load-server-state-from-file global
    option log-health-checks
    option idle-close-on-response
    option redispatch 1
    retries 2
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    timeout http-request 60s
    timeout connect 10s
    timeout tunnel 1h
    errorfile 502 502.http
    errorfile 503 503.http
    errorfile 504 504.http
frontend listener-80
    bind 10.0.1.4:80
    bind 10.0.2.4:80
    http-request set-var(txn.host) req.hdr(host),field(1,:),lower
    http-request set-var(txn.protocol) str(http)
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Port 80
    http-request set-header X-Amzn-Trace-Id Root=1-%[date,hex,bytes(8,8)]-%[uuid,regsub(-,,g),bytes(0,24)] unless { req.hdr(X-Amzn-Trace-Id) -m found }
    http-request set-var(txn.rule) str(default) if !{ var(txn.rule) -m found }
    http-request redirect code 301 location 'https://%[var(txn.host)]:443/%[path,regsub(^/,)]' if { var(txn.rule) -m str default } !{ query -m len 1: }
    http-request redirect code 301 location 'https://%[var(txn.host)]:443/%[path,regsub(^/,)]?%[query]' if { var(txn.rule) -m str default }
frontend listener-443
    bind 10.0.1.4:443 ssl crt cert-1.pem ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3 ciphers ECDHE-RSA-AES128-SHA alpn h2,http/1.1
    bind 10.0.2.4:443 ssl crt cert-1.pem ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3 ciphers ECDHE-RSA-AES128-SHA alpn h2,http/1.1
    http-request set-var(txn.host) req.hdr(host),field(1,:),lower
    http-request set-var(txn.protocol) str(https)
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Port 443
    http-request set-header X-Amzn-Trace-Id Root=1-%[date,hex,bytes(8,8)]-%[uuid,regsub(-,,g),bytes(0,24)] unless { req.hdr(X-Amzn-Trace-Id) -m found }
    acl r0c0 path -m reg '^/down$'
    http-request set-var(txn.rule) str(0) if !{ var(txn.rule) -m found } r0c0
    http-request set-var(txn.rule) str(default) if !{ var(txn.rule) -m found }
    http-request return status 503 content-type "text/plain" file 443-0.body if { var(txn.rule) -m str 0 }
    http-request set-var(txn.share) rand(4) if { var(txn.rule) -m str default }
    use_backend app.1.open if { var(txn.rule) -m str default } { var(txn.share) -m int lt 3 } { nbsrv(app.1) eq 0 }
    use_backend app.1 if { var(txn.rule) -m str default } { var(txn.share) -m int lt 3 }
    use_backend app.2.open if { var(txn.rule) -m str default } { var(txn.share) -m int lt 4 } { nbsrv(app.2) eq 0 }
    use_backend app.2 if { var(txn.rule) -m str default } { var(txn.share) -m int lt 4 }
backend app.1
    option httpchk
    http-check connect default
    http-check send meth GET uri '/health' ver HTTP/1.1 hdr Host 10.0.1.9:8080 hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close
    http-check expect status 200-299
    timeout connect 4s
    timeout check 4s
    balance roundrobin
    errorfile 503 502.http
    cookie AWSALB insert indirect nocache httponly maxlife 60s
    server i-1 10.0.1.9:8080 source 10.0.1.4 check inter 10s rise 3 fall 2 no-check-ssl cookie i-1
backend app.1.open
    timeout connect 4s
    errorfile 503 502.http
    server i-1 10.0.1.9:8080 source 10.0.1.4
backend app.2
    errorfile 503 503.http
backend app.2.open
    timeout connect 5s
    errorfile 503 503.http
""")


def test_keys_are_not_shown() -> None:
    assert "pem" not in repr(SECURE).replace("pem=", "")
    assert "\n    uid " not in render(BALANCER, None).text
