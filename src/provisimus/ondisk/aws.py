"""The AWS API with the role of this instance: nothing else on the machine knows a credential.

The metadata service (version 2, with a session token) lends the keys and tells where the API is.
What is busy, broken or not yet there is asked again, with growing pauses; what AWS refuses is
told in one line.
"""

from __future__ import annotations

import json
import os
import time

from . import http
from .signature import Keys, signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

METADATA = "http://169.254.169.254"
PATIENCE = 60.0
"""Seconds for which a call is tried again."""
LONGEST_PAUSE = 8.0
BUSY = ("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
        "TooManyRequestsException", "RequestThrottled", "SlowDown", "ServiceUnavailable",
        "InternalFailure", "InternalError", "InternalServerError", "RequestTimeout")  # fmt: skip
"""Codes after which the same request may succeed ("Common Errors" of each API's reference)."""
STALE = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId",
         "UnrecognizedClientException", "AuthFailure")  # fmt: skip
"""Codes for keys that are over, or so new that not every server of AWS has heard of them."""


class Fault(Exception):
    """Why a call failed, in one line. `code` is AWS's own, or empty. `passing` is what may be
    over when the same is asked again: nobody answered, or was too busy to."""

    def __init__(self, message: str, code: str = "", *, passing: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.passing = passing


class Metadata:
    """The instance metadata service. What it said is kept."""

    def __init__(self, base: str = "", clock: Clock | None = None) -> None:
        # The variable that AWS's own tools know too.
        given = base or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or METADATA
        self._base = given.rstrip("/")
        self._clock = clock or Clock()
        self._token = ""

    def get(self, path: str) -> str | None:
        """What stands there, None where nothing does. Raises Fault."""
        if not self._token:
            ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
            self._token = self._ask("PUT", "/latest/api/token", ttl) or ""
        return self._ask("GET", f"/latest/{path}", {"X-aws-ec2-metadata-token": self._token})

    def need(self, path: str) -> str:
        found = self.get(path)
        if found is None:
            raise Fault(f"the metadata service knows no {path}")
        return found

    def keys(self) -> Keys:
        """The role's keys. In an instance's first seconds there may be none yet: asked again."""
        place = "meta-data/iam/security-credentials/"
        for again in self._clock.tries(PATIENCE):
            role = (self.get(place) or "").strip()
            found = self.get(place + role.splitlines()[0]) if role else None
            if found:
                said = json.loads(found)
                if said.get("Code", "Success") == "Success":
                    return Keys(said["AccessKeyId"], said["SecretAccessKey"], said["Token"])
            again()
        raise Fault("the instance has no role that lends credentials", passing=True)

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str | None:
        last = ""
        for again in self._clock.tries(PATIENCE):
            try:
                answer = http.exchange(method, self._base + path, headers, timeout=3)
            except OSError as error:
                last = str(error) or type(error).__name__
            else:
                if answer.status == 200:
                    return answer.body.decode()
                if answer.status == 404:
                    return None
                last = f"status {answer.status}"
                if answer.status < 500 and answer.status != 429:
                    break
            again()
        raise Fault(f"the metadata service does not answer {path}: {last}", passing=True)


class Clock:
    """Time and pauses, in seconds. Tests bring their own."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def stamp(self) -> str:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    def tries(self, patience: float) -> Tries:
        return Tries(self, patience)


class Tries:
    """Turns of a loop, until it is left or patience is over. Each hands a function that pauses:
    twice as long each time, the half of it by chance, so that a fleet does not come in step."""

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock = clock
        self._until = clock.now() + patience
        self._pause = 0.25

    def __iter__(self) -> Tries:
        return self

    def __next__(self) -> Callable[[], None]:
        if self._pause > 0.25 and self._clock.now() >= self._until:
            raise StopIteration
        return self._again

    def _again(self) -> None:
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        chance = os.urandom(1)[0] / 255
        left = max(0.0, self._until - self._clock.now())
        self._clock.sleep(min(left, self._pause * (0.5 + chance / 2)))


class Client:
    """Calls of AWS services in the instance's own region."""

    def __init__(self, metadata: Metadata | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self.metadata = metadata or Metadata(clock=self._clock)
        self._keys: Keys | None = None
        self._region = ""
        self._base: str | None = None

    @property
    def region(self) -> str:
        if not self._region:
            self._region = self.metadata.need("meta-data/placement/region")
        return self._region

    def ready(self) -> None:
        """Ask for all that later calls would have to ask for first."""
        self._credentials()
        self._url("ec2")

    def json(
        self, service: str, target: str, body: dict[str, Any], patience: float = PATIENCE
    ) -> Any:
        """A call of the JSON protocol (1.1): Systems Manager, Secrets Manager. Raises Fault."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        what = target.rpartition(".")[2]
        answer = self._call(service, headers, json.dumps(body).encode(), what, patience)
        return json.loads(answer or b"{}")

    def query(
        self,
        service: str,
        version: str,
        action: str,
        parameters: dict[str, str],
        patience: float = PATIENCE,
    ) -> bytes:
        """A call of the query protocol: EC2, CloudWatch, CloudFormation. The answer is XML.
        Raises Fault."""
        body = form({"Action": action, "Version": version, **parameters})
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self._call(service, headers, body.encode(), action, patience)

    def _call(
        self, service: str, headers: dict[str, str], body: bytes, what: str, patience: float
    ) -> bytes:
        fault = Fault(f"{what}: no answer")
        for again in self._clock.tries(patience):
            url = self._url(service)
            try:
                sent = signed(
                    "POST",
                    {**headers, "host": http.authority(url)},
                    body,
                    self._credentials(),
                    (self.region, service),
                    self._clock.stamp(),
                )
                del sent["host"]
                answer = http.exchange("POST", url, sent, body)
            except OSError as error:
                why = str(error) or type(error).__name__
                fault = Fault(f"{what}: {url} does not answer: {why}", passing=True)
                again()
                continue
            if answer.status == 200:
                return answer.body
            code, said = fault_in(answer.body)
            busy = answer.status >= 500 or answer.status == 429 or code in (*BUSY, *STALE)
            told = f"{what}: {code or answer.status}: {said}".rstrip(": ")
            fault = Fault(told, code, passing=busy)
            if code in STALE:
                self._keys = None
            if not busy:
                break
            again()
        raise fault

    def _credentials(self) -> Keys:
        if self._keys is None:
            self._keys = self.metadata.keys()
        return self._keys

    def _url(self, service: str) -> str:
        if self._base is None:
            # A cloud that is not AWS tells one address for all of its API; AWS knows no such path.
            place = self.metadata.get("meta-data/services/endpoint-url")
            self._base = place.strip().rstrip("/") if place else ""
            self._domain = "" if place else self.metadata.need("meta-data/services/domain").strip()
        return f"{self._base or f'https://{service}.{self.region}.{self._domain}'}/"


def form(parameters: dict[str, str]) -> str:
    """application/x-www-form-urlencoded, as `urllib.parse.urlencode` but for its start. Pure."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in parameters.items())


def _quoted(text: str) -> str:
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
    return "".join(
        chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in text.encode("utf-8")
    )


def fault_in(body: bytes) -> tuple[str, str]:
    """Code and message of an error, in JSON or XML; empty where there is none. Pure."""
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            said = json.loads(text)
        except ValueError:
            return "", ""
        code = str(said.get("__type") or said.get("code") or "")
        return code.rpartition("#")[2], _line(said.get("message") or said.get("Message") or "")
    return _element(text, "Code"), _line(_element(text, "Message"))


def _element(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()


def _line(text: str) -> str:
    return " ".join(str(text).split())[:400]
