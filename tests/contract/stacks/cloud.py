"""An AWS-shaped cloud for stack tests, as a process: moto with our CloudFormation engine.

Its instances are not machines. In place of each, an HTTP server listens at its public address (a
loopback address of its own) and answers while the instance runs: 200 at /health unless the name
of its image says `sick`, or the image has a tag `sick`. So whatever waits for a service waits for
something real.
What a test orders at /_localcloud/faults happens to the calls of Provisimus, and to no others.
While a file `hold` stands beside READY_FILE, stacks launch no instance: they stay in progress.

    python cloud.py READY_FILE
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from moto.ec2.models import elastic_network_interfaces
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from provisimus.localcloud.api import requested_action
from provisimus.localcloud.cloudformation import mount
from provisimus.localcloud.mishap_layer import with_mishaps
from provisimus.localcloud.mishaps import Mishaps

REGION, ACCOUNT = "eu-west-1", "123456789012"
APP_PORT = 18080


def main(ready: Path) -> None:
    endpoint = ""

    def client(service: str) -> Any:
        made = boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        made.meta.events.register("before-call.ec2.RunInstances", wait_while_held)
        return made

    def wait_while_held(**_: Any) -> None:
        while ready.with_name("hold").exists():
            time.sleep(0.02)

    engine = mount(client, REGION, ACCOUNT)
    asking = cache(lambda: client("ec2"))  # made once: making it takes longer than any question
    app = DomainDispatcherApplication(create_backend_app)
    faulty = with_faults(app)
    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=MotoRequestHandler)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    numbers = count(1)

    def public_address() -> str:
        number = next(numbers)
        # A range of addresses for each process: test runs beside each other do not meet.
        address = f"127.{88 + os.getpid() % 100}.{os.getpid() // 100 % 250}.{number % 250 + 1}"
        instance_at(address, asking)
        return address

    elastic_network_interfaces.random_public_ip = public_address
    del engine
    ready.with_suffix(".part").write_text(json.dumps({"endpoint": endpoint}))
    ready.with_suffix(".part").rename(ready)
    server.serve_forever()


def with_faults(app: Any) -> Any:
    """Faults for the calls of Provisimus alone, ordered as at the local cloud."""
    mishaps = Mishaps()
    faulty = with_mishaps(mishaps, requested_action, threading.Event(), app)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/_localcloud/faults":
            if environ["REQUEST_METHOD"] == "DELETE":
                mishaps.clear()
            else:
                body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                mishaps.add(json.loads(body))
            start_response("200 OK", [])
            return []
        asked = faulty if "provisimus" in environ.get("HTTP_USER_AGENT", "") else app
        return asked(environ, start_response)

    return application


def instance_at(address: str, ec2: Any) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            instance = _running(ec2(), address)
            if instance is None:
                self.close_connection = True
                return
            image = ec2().describe_images(ImageIds=[instance["ImageId"]])["Images"][0]
            well = "sick" not in image["Name"] and not _tagged_sick(image)
            text = json.dumps({"image": image["Name"], "instance": instance["InstanceId"]})
            self.send_response(200 if well else 503)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, APP_PORT), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _tagged_sick(image: Any) -> bool:
    return any(tag["Key"] == "sick" for tag in image.get("Tags", ()))


def _running(ec2: Any, address: str) -> Any:
    groups = ec2.describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )["Reservations"]
    for group in groups:
        for instance in group["Instances"]:
            if instance.get("PublicIpAddress") == address:
                return instance
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
