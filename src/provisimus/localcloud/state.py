"""What moto knows, kept across restarts: saved soon after a change, restored at start.

moto's models are saved whole, by pickle, with reducers for what cannot be pickled. That is tied to
moto's exact version, which therefore is part of the file, as are this package's own changes to it.
An unreadable file is set aside, never deleted and never a reason not to start.
"""

from __future__ import annotations

import importlib
import io
import logging
import pickle
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from provisimus.localcloud import VERSION

log = logging.getLogger(__name__)

SERVICES = ("ec2", "iam", "kms", "ssm", "secretsmanager", "sts", "autoscaling")
USED = ("acm", "cloudwatch", "ecr", "elbv2", "logs", "rds", "route53", "s3", "sns")
"""The services whose state is kept, always and once they were used (importing them takes time).

What others hold is gone after a restart."""
_CALM = 0.3
_SHARE = 3
"""How many times as long as the last save took, a save waits: so a large cloud is busy with other
things for three quarters of the time."""
_LOCKS = (type(threading.Lock()), type(threading.RLock()))


def save_backends(path: Path) -> None:
    """Write the state, atomically. Raises OSError, pickle.PicklingError."""
    data: dict[str, Any] = {"version": _version(), "services": {}}
    for service in (*SERVICES, *(each for each in USED if f"moto.{each}.models" in sys.modules)):
        found = _backend(service)
        data["services"][service] = {
            account: dict(regions.items()) for account, regions in dict(found).items()
        }
    stream = io.BytesIO()
    _Pickler(stream).dump(data)
    temporary = path.with_suffix(".next")
    temporary.write_bytes(stream.getvalue())
    temporary.replace(path)


def restore_backends(path: Path) -> bool:
    """Read the state back into moto; False when there is none that can be used."""
    if not path.exists():
        return False
    try:
        with path.open("rb") as stream:
            data = pickle.load(stream)
        if data["version"] != _version():
            raise ValueError(f"it is of version {data['version']}, this is {_version()}")
        for service, accounts in data["services"].items():
            found = _backend(service)
            for account, regions in accounts.items():
                for region, backend in regions.items():
                    dict.__setitem__(found[account], region, backend)
    except Exception as error:  # noqa: BLE001  (pickle raises anything)
        aside = path.with_name(f"{path.name}.unreadable-{int(time.time())}")
        path.rename(aside)
        log.error("the saved state cannot be used (%s); it was set aside as %s", error, aside)
        return False
    return True


class Saver:
    """Saves in the background a moment after the last change, and once more when closed."""

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._dirty = threading.Event()
        self._turn = threading.Lock()
        threading.Thread(target=self._serve, name="saver", daemon=True).start()

    def changed(self) -> None:
        self._dirty.set()

    @property
    def saved(self) -> bool:
        """Whether everything that changed so far is in the file."""
        return not self._dirty.is_set() and not self._turn.locked()

    def flush(self) -> None:
        """Save now."""
        with self._turn:
            self._dirty.clear()
            try:
                self._save()
            except Exception:
                log.exception("the state could not be saved")

    def _serve(self) -> None:
        took = 0.0
        while True:
            self._dirty.wait()
            time.sleep(max(_CALM, _SHARE * took))
            began = time.monotonic()
            self.flush()
            took = time.monotonic() - began


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, found: Any) -> Any:
        if isinstance(found, _LOCKS):
            return (threading.RLock if isinstance(found, _LOCKS[1]) else threading.Lock), ()
        if isinstance(found, x509.Certificate):
            return _certificate, (found.public_bytes(serialization.Encoding.PEM),)
        if isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            pem = found.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            return _private_key, (pem,)
        if isinstance(found, types.ModuleType):
            return importlib.import_module, (found.__name__,)
        if type(found).__name__ == "ParameterDict":
            return _parameter_dict, (found.__dict__, list(dict.items(found)))
        if type(found).__name__ == "_VersionedKeyStore":  # which tells the newest version alone
            return _versions, (list(dict.items(found)),)
        return super().reducer_override(found)


def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _certificate(pem: bytes) -> Any:
    return x509.load_pem_x509_certificate(pem)


def _parameter_dict(attributes: dict[str, Any], items: list[tuple[Any, Any]]) -> Any:
    from moto.ssm.models import ParameterDict

    made = ParameterDict.__new__(ParameterDict)
    made.__dict__.update(attributes)
    made.default_factory = list
    for key, value in items:
        dict.__setitem__(made, key, value)
    return made


def _versions(items: list[tuple[Any, Any]]) -> Any:
    from moto.s3.utils import _VersionedKeyStore

    made = _VersionedKeyStore()
    for key, value in items:
        dict.__setitem__(made, key, value)
    return made


def _backend(service: str) -> Any:
    from moto import backends

    find: Callable[[str], Any] = backends.get_backend  # type: ignore[assignment]
    return find(service)


def _version() -> str:
    import moto

    return f"{VERSION}/{moto.__version__}"
