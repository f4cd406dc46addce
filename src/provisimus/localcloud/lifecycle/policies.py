"""The policies of one local cloud, kept in a file that each change replaces."""

from __future__ import annotations

import copy
import json
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisimus.localcloud.lifecycle.rules import RefusedError, check

_CHANGED = ("Description", "ExecutionRoleArn", "PolicyDetails", "State")


class Policies:
    """All policies; times are ISO 8601 in UTC."""

    def __init__(self, path: Path, account: str, region: str) -> None:
        self._path = path
        self._account, self._region = account, region
        self._turn = threading.RLock()
        self._known: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._known = json.loads(path.read_text())

    def create(self, wanted: Mapping[str, Any]) -> str:
        """Returns its id. Raises RefusedError."""
        check(wanted)
        identifier = f"policy-0{secrets.token_hex(8)}"
        now = _text(datetime.now(UTC))
        with self._turn:
            self._known[identifier] = {
                **{name: wanted[name] for name in _CHANGED},
                "PolicyId": identifier,
                "PolicyArn": f"arn:aws:dlm:{self._region}:{self._account}:policy/{identifier}",
                "Tags": dict(wanted.get("Tags") or {}),
                "DateCreated": now,
                "DateModified": now,
                "looked": now,
            }
            self._save()
        return identifier

    def get(self, identifier: str) -> dict[str, Any]:
        """As GetLifecyclePolicy tells it. Raises RefusedError."""
        with self._turn:
            told = copy.deepcopy(self._find(identifier))
        told.pop("looked")
        return told

    def all(self) -> list[dict[str, Any]]:
        with self._turn:
            return [self.get(each) for each in self._known]

    def update(self, identifier: str, wanted: Mapping[str, Any]) -> None:
        """Raises RefusedError, and changes nothing then."""
        with self._turn:
            policy = self._find(identifier)
            changed = {**policy, **{n: wanted[n] for n in _CHANGED if wanted.get(n) is not None}}
            check(changed)
            policy.update(changed)
            policy["DateModified"] = _text(datetime.now(UTC))
            self._save()

    def delete(self, identifier: str) -> None:
        with self._turn:
            self._find(identifier)
            del self._known[identifier]
            self._save()

    def tags(self, arn: str) -> dict[str, str]:
        with self._turn:
            return dict(self._find(arn.rpartition("/")[2])["Tags"])

    def tag(self, arn: str, add: Mapping[str, str], remove: tuple[str, ...] = ()) -> None:
        with self._turn:
            found = self._find(arn.rpartition("/")[2])["Tags"]
            found.update(add)
            for key in remove:
                found.pop(key, None)
            self._save()

    def looked(self, identifier: str) -> datetime:
        """Until when everything that was due was done."""
        with self._turn:
            return datetime.fromisoformat(self._find(identifier)["looked"])

    def look(self, identifier: str, now: datetime) -> None:
        with self._turn:
            if identifier in self._known:
                self._known[identifier]["looked"] = _text(now)
                self._save()

    def _find(self, identifier: str) -> dict[str, Any]:
        found = self._known.get(identifier)
        if found is None:
            raise RefusedError(f"Unable to find policy {identifier}", "ResourceNotFoundException")
        return found

    def _save(self) -> None:
        temporary = self._path.with_suffix(".next")
        temporary.write_text(json.dumps(self._known, indent=1))
        temporary.replace(self._path)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
