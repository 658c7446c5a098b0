"""A server for the length of a class of tests, and the clients that talk to it."""
import contextlib
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import unittest

from program import ACCEL, SANITIZED, TINY, ProgramTest

# The clients of other servers, where ./dev setup has put them.
CLIENTS = os.environ.get("ACCEL_CLIENTS", "")
if CLIENTS and os.path.isdir(CLIENTS):
    sys.path.insert(0, CLIENTS)
    HAS_CLIENTS = True
else:
    HAS_CLIENTS = False
needs_clients = unittest.skipUnless(HAS_CLIENTS, "the clients are not installed: ./dev setup")

START_SECONDS = 300 if SANITIZED else 60


class Server:
    """A running `accel serve` on a port of its own, ready."""

    def __init__(self, *arguments, env, options=("--precision", "f32"), scheme="http",
                 listen=("--http", "127.0.0.1:0")):
        self.scheme = scheme
        self.process = subprocess.Popen(
            [ACCEL, "serve", *map(str, arguments), *listen, *map(str, options)],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        self.said = ""
        self.port = int(self.wait_for(rf"listening on {scheme}://127\.0\.0\.1:(\d+)"))
        self.wait_for(r"(ready): ")

    def wait_for(self, pattern):
        """What the group of `pattern` is, once a line has it."""
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, self.said)):
            ready, _, _ = select.select([self.process.stderr], [], [],
                                        max(deadline - time.monotonic(), 0))
            text = os.read(self.process.stderr.fileno(), 65536).decode() if ready else ""
            if not text:
                self.process.kill()
                raise AssertionError(f"expected {pattern} from the server, found: {self.said}")
            self.said += text
        return found.group(1)

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def stop(self, sent=signal.SIGTERM, timeout=START_SECONDS):
        """The exit code, when it has ended by itself."""
        self.process.send_signal(sent)
        self.said += self.process.communicate(timeout=timeout)[1] or ""
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.stderr.close()
        self.process.wait()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class ServerTest(ProgramTest):
    """One server for all tests of a class, with MODELS."""
    MODELS = (f"bert={TINY}",)
    OPTIONS = ("--precision", "f32")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        environment = {**os.environ, "ACCEL_CACHE_DIR": ProgramTest.cache.name,
                       "ACCEL_CONFIG": "none"}
        cls.server = Server(*cls.MODELS, env=environment, options=cls.OPTIONS)
        cls.addClassCleanup(cls.server.kill)

    def ask(self, method, path, body=None, headers=None, port=None):
        """One request on a connection of its own. A body that is no bytes or text is sent as
        JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", port or self.server.port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, body, **options):
        return self.ask("POST", path, body, **options)
