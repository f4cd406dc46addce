"""A receiver of syslog over TCP on this machine, which virtual machines reach by their gateway."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from typing import Any, Self

import boto3
from tests.rehearsal.house import House

WITHIN = 120.0
"""Seconds until a line must have come."""


class Receiver:
    """Keeps every line that came."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._got = ""
        self._more = threading.Condition()
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="receiver", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def hears(self, pattern: str, within: float = WITHIN) -> bool:
        """Wait for a line that matches. Gives False when none came in time."""
        with self._more:
            return bool(self._more.wait_for(lambda: re.search(pattern, self._got), within))

    def expected_by(self, house: House, machine: str) -> None:
        """Write this receiver into a machine's definition: the gateway of its default subnet."""
        house.provisimus("local", "up")
        house.provisimus("local", "expose", str(self.port))
        ec2: Any = boto3.client(
            "ec2",
            endpoint_url=f"http://127.0.0.1:{house.environment['PROVISIMUS_LOCAL_PORT']}",
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
        first = min(subnets["Subnets"], key=lambda each: str(each["AvailabilityZone"]))
        # Ports of this machine that are exposed are found at a subnet's second address.
        gateway = str(ipaddress.ip_network(first["CidrBlock"])[2])
        path = house.folder / "acme-packer" / machine / "machine.yaml"
        text = path.read_text()
        told = text.replace("logs.acme.example", gateway).replace('"514"', f'"{self.port}"')
        assert told != text
        path.write_text(told)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection:
            while got := connection.recv(65536):
                with self._more:
                    self._got += got.decode(errors="replace")
                    self._more.notify_all()
