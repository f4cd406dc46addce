"""A network namespace, from outside: asks its keeper for devices and sockets."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.networks.keeper import LARGEST, TUN
from provisimus.localcloud.processes import Command, Nursery, end

_PATIENCE = 30.0
PROGRAMS = ("unshare", "nsenter", "ip", "nft", "setpriv")


class Namespace:
    """One network namespace with its keeper. Raises LocalCloudError when it cannot be made.

    Without root it lies in a user namespace, in which this user is root.
    """

    def __init__(self, nursery: Nursery, log: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_PATIENCE)
        apart = ("--net",) if os.geteuid() == 0 else ("--user", "--map-root-user", "--net")
        keeper = (
            "unshare", *apart, "--", sys.executable, "-m",
            "provisimus.localcloud.networks.keeper", str(theirs.fileno()),
        )  # fmt: skip
        self._turn = threading.Lock()
        self._control = ours
        try:
            command = Command(keeper, output=log, keep_descriptors=(theirs.fileno(),))
            self._process: subprocess.Popen[bytes] = nursery.start(command)
        except OSError as error:
            ours.close()
            raise LocalCloudError(f"unshare cannot be started: {error}") from error
        finally:
            theirs.close()
        try:
            self.ask("begin")
        except LocalCloudError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the keeper."""
        return self._process.pid

    @property
    def within(self) -> tuple[str, ...]:
        """Before a program's arguments: it runs in here, and ends with this process."""
        own = ("--user", "--preserve-credentials") if os.geteuid() != 0 else ()
        # Entering a user namespace makes the kernel forget the death signal.
        again = ("setpriv", "--pdeathsig=KILL", "--") if own else ()
        return ("nsenter", f"--target={self.pid}", "--net", *own, "--", *again)

    @property
    def joining(self) -> tuple[str, ...]:
        """How slirp4netns is told to join it; it shuts itself in where it starts as root."""
        place = f"/proc/{self.pid}/ns"
        own = (
            ("--enable-sandbox", "--enable-seccomp")
            if os.geteuid() == 0
            else (f"--userns-path={place}/user",)
        )
        return (*own, "--netns-type=path", f"{place}/net")

    def wait(self) -> None:
        """Return when the keeper has ended."""
        self._process.wait()

    def ask(self, operation: str, **given: Any) -> tuple[Any, list[int]]:
        """What the keeper answers, and the descriptors that it made. Raises LocalCloudError."""
        message = json.dumps({"operation": operation, **given}).encode()
        with self._turn:
            try:
                self._control.send(message)
                data, descriptors, *_ = socket.recv_fds(self._control, LARGEST, 4)
            except OSError as error:
                raise LocalCloudError(f"the keeper of a network is gone: {error}") from error
        if not data:
            raise LocalCloudError("the keeper of a network ended", "see its log, keeper.log")
        reply = json.loads(data)
        if "error" in reply:
            raise LocalCloudError(f"the network cannot be made ({operation}): {reply['error']}")
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return reply["value"], descriptors

    def socket(self, operation: str, **given: Any) -> socket.socket:
        """The one socket that an operation makes."""
        _, (descriptor,) = self.ask(operation, **given)
        return socket.socket(fileno=descriptor)

    def close(self) -> None:
        """End it. What runs in it must have ended before."""
        self._control.close()
        end(self._process, 2)
        self._process.wait()


def why_none(nursery: Nursery, log: Path) -> str | None:
    """Why namespaces cannot be made on this computer, found out by making one; None if they can."""
    missing = [each for each in PROGRAMS if shutil.which(each) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        trial = Namespace(nursery, log)
    except LocalCloudError as error:
        return error.what
    try:
        given = {"router": "198.18.0.2", "address": "198.18.0.3", "mac": "02:00:00:00:00:01"}
        _, made = trial.ask("tap", name="trial", **given)
        for descriptor in made:
            os.close(descriptor)
        trial.ask("rules", text="table inet vpc {\n chain trial {\n ct state new accept\n }\n}\n")
    except LocalCloudError as error:
        return f"{error.what} ({TUN} and nftables are needed)"
    finally:
        trial.close()
    return None
