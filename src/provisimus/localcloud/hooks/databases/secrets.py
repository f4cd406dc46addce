"""The master user's secret, where RDS manages the password: made up, and really changed.

Source: "Password management with Amazon RDS and AWS Secrets Manager" in the RDS User Guide.
"""

from __future__ import annotations

import json
from typing import Any

from moto.rds.models import MasterUserSecret
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from provisimus.localcloud.databases.passwords import fresh_verifier, generated
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import life

_moto_rotate = SecretsManagerBackend.rotate_secret


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def content(secret: Any) -> str:
        return _made_up(secret.resource)

    def rotate_any(backend: Any, secret_id: str, *args: Any, **kw: Any) -> Any:
        """RotateSecret of a secret that RDS manages changes the password; else it is Lambda's."""
        with cloud.changes:
            for database in life.databases(cloud):
                owned = getattr(database, "master_user_secret", None)
                if owned is None or secret_id not in (owned.secret.arn, owned.secret.name):
                    continue
                if database.status != life.AVAILABLE:
                    raise InvalidRequestException(
                        f"{database.db_instance_identifier} is {database.status}"
                    )
                rotate(cloud, database)
                return owned.secret.to_short_dict()
        return _moto_rotate(backend, secret_id, *args, **kw)

    replace(MasterUserSecret, "_generate_secret_string", content)
    replace(MasterUserSecret, "rotate_secret", _rotate_value)
    replace(SecretsManagerBackend, "rotate_secret", rotate_any)


def rotate(cloud: Cloud, database: Any) -> None:
    """Begin to give it another password; its secret has it at once. Under the cloud's lock."""
    database.status = life.MODIFYING
    _rotate_value(database.master_user_secret)
    life.begin(cloud, database, _changed)


def _rotate_value(secret: Any) -> None:
    secret.secretsmanager.put_secret_value(
        secret.secret.arn, _made_up(secret.resource), secret_binary="", client_request_token="",
        version_stages=["AWSCURRENT"],
    )  # fmt: skip


def _changed(cloud: Cloud, database: Any) -> None:
    life.modified(cloud, database, restart=False, password=True)


def _made_up(database: Any) -> str:
    """Another password, of which the instance keeps only the verifier."""
    password = generated()
    database.local.verifier = fresh_verifier(password)
    return json.dumps({"username": database.master_username, "password": password})
