"""The console of an instance, asked of an EC2 that knows only what was said at the last boot."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from provisimus.aws import Cloud
from provisimus.console import last_words
from provisimus.environment import Environment

OLD = "<Response><Errors><Error><Code>UnsupportedOperation</Code><Message>no</Message></Error></Errors></Response>"  # noqa: E501
SAID = base64.b64encode(
    b"[  OK  ] Started ssh\r\nprovisimus-health[7]: unhealthy: nobody\r\n"
).decode()
ANSWER = f"<GetConsoleOutputResponse><output>{SAID}</output></GetConsoleOutputResponse>"


class BeforeNitro(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        refused = "Latest=true" in body
        text = (OLD if refused else ANSWER).encode()
        self.send_response(400 if refused else 200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


def test_an_instance_type_that_keeps_no_latest_console_tells_what_it_has() -> None:
    with HTTPServer(("127.0.0.1", 0), BeforeNitro) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        cloud = Cloud("eu-west-1", None, endpoint, None, ("test", "test"))
        environment = Environment("staging", cloud, "127.0.0.1:5000")
        assert last_words(environment, "i-1") == ("provisimus-health[7]: unhealthy: nobody",)
        server.shutdown()
