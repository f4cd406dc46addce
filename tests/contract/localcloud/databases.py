"""DB instances as a client sees them: the API, and PostgreSQL's own client at the endpoint."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from provisimus.localcloud.databases.installed import servers

from .conftest import LocalCloud

PASSWORD = "correct-horse"
WITHIN = 60.0
MAJOR = next((each.major for each in servers()), 15)
"""The version of PostgreSQL that is here."""

needs_postgres = pytest.mark.skipif(
    not servers() or not shutil.which("psql"), reason="needs PostgreSQL's server and client"
)


def needs_networks(cloud: LocalCloud) -> None:
    """A database stands in a network, which not every user may make on every computer."""
    told = cloud.status()["networks"]
    if "namespace" not in told:
        pytest.skip(f"networks cannot be made here: {told}")


def eventually(what, wanted, within: float = WITHIN) -> list[Any]:
    """Ask until it is what is wanted; returns the different answers, in order."""
    deadline = time.monotonic() + within
    seen: list[Any] = []
    while True:
        now = what()
        if not seen or seen[-1] != now:
            seen.append(now)
        if now == wanted:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


@dataclass
class Databases:
    """The DB instances of one local cloud."""

    cloud: LocalCloud

    @property
    def api(self) -> Any:
        return self.cloud.client("rds")

    def create(self, name: str = "orders", **given: Any) -> dict[str, Any]:
        wanted = {
            "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20,
            "MasterUsername": "shop", "DBName": "orders", "PubliclyAccessible": True,
            "BackupRetentionPeriod": 0, "Port": 5544, "MasterUserPassword": PASSWORD, **given,
        }  # fmt: skip
        asked = {key: value for key, value in wanted.items() if value is not None}
        return self.api.create_db_instance(DBInstanceIdentifier=name, **asked)["DBInstance"]

    def created(self, name: str = "orders", **given: Any) -> dict[str, Any]:
        self.create(name, **given)
        self.reach("available", name)
        return self.told(name)

    def told(self, name: str = "orders") -> dict[str, Any]:
        return self.api.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

    def state(self, name: str = "orders") -> str:
        found = self.api.describe_db_instances()["DBInstances"]
        states = [
            each["DBInstanceStatus"] for each in found if each["DBInstanceIdentifier"] == name
        ]
        return states[0] if states else "gone"

    def reach(self, state: str, name: str = "orders") -> list[str]:
        return eventually(lambda: self.state(name), state)

    def snapshot_state(self, name: str) -> str:
        found = self.api.describe_db_snapshots()["DBSnapshots"]
        return next((e["Status"] for e in found if e["DBSnapshotIdentifier"] == name), "gone")

    def snapshot(self, snapshot: str, name: str = "orders", **given: Any) -> None:
        self.api.create_db_snapshot(
            DBSnapshotIdentifier=snapshot, DBInstanceIdentifier=name, **given
        )
        eventually(lambda: self.snapshot_state(snapshot), "available")
        self.reach("available", name)

    def delete(self, name: str = "orders", **given: Any) -> None:
        final = given or {"SkipFinalSnapshot": True}
        self.api.delete_db_instance(DBInstanceIdentifier=name, **final)
        self.reach("gone", name)

    def public(self, name: str = "orders") -> tuple[str, str]:
        """Address and port on this computer."""
        found = [e for e in self.cloud.status()["databases"] if e["id"] == name]
        return found[0]["public"], found[0]["endpoint"].rpartition(":")[2]

    def open(self) -> None:
        """Have the default group let this computer in."""
        needs_networks(self.cloud)
        ec2 = self.cloud.client("ec2")
        groups = ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        for port in (5432, 5544, 5545, 5600):
            ec2.authorize_security_group_ingress(
                GroupId=groups[0]["GroupId"], IpProtocol="tcp", FromPort=port, ToPort=port,
                CidrIp="0.0.0.0/0",
            )  # fmt: skip

    def ask(
        self, statement: str, name: str = "orders", password: str = PASSWORD, user: str = "shop",
        database: str = "orders", mode: str = "verify-ca",
    ) -> str:  # fmt: skip
        """What the server answers, or what psql says against it."""
        done = subprocess.run(
            [*self._psql(name, user, database, mode), "-c", statement],
            env={"PATH": "/usr/bin:/bin", "PGPASSWORD": password},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()

    @contextmanager
    def connected(self, password: str, name: str = "orders") -> Iterator[Callable[[str], str]]:
        """One connection that stays open; a statement gets its one line."""
        with subprocess.Popen(
            self._psql(name, "shop", "orders", "verify-ca"),
            env={"PATH": "/usr/bin:/bin", "PGPASSWORD": password},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as client:  # fmt: skip
            assert client.stdin is not None
            assert client.stdout is not None

            def ask(statement: str) -> str:
                print(statement, end=";\n", file=client.stdin, flush=True)
                return client.stdout.readline().strip()

            assert ask("SELECT 1") == "1"
            yield ask
            client.stdin.close()

    def _psql(self, name: str, user: str, database: str, mode: str) -> list[str]:
        address, port = self.public(name)
        ca = self.cloud.directory / "authority" / "ca.pem"
        where = f"host={address} port={port} user={user} dbname={database} connect_timeout=10"
        trust = f"sslmode={mode} sslrootcert={ca if mode == 'verify-ca' else '/nowhere'}"
        return [
            *(servers()[0].program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"),
            f"{where} {trust}",
        ]
