"""accel serve whose models change while it answers."""
import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import threading
import time
import unittest

from certificates import Authority, needs_openssl
from program import OK, SANITIZED, TINY, ProgramTest
from server import START_SECONDS, Server, needs_clients

RELOADS = int(os.environ.get("ACCEL_RELOADS", 10 if SANITIZED else 20))
RELOADS_WITH_CERTIFICATES = int(os.environ.get("ACCEL_RELOADS", 10 if SANITIZED else 100))


class Client(threading.Thread):
    """Asks for a model again and again, on one connection."""

    def __init__(self, port, model, stop, answers=(200,)):
        super().__init__()
        self.port, self.model, self.stop, self.answers = port, model, stop, answers
        self.faults, self.count = [], 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        body = json.dumps({"model": self.model, "input": ["a text", "another one"]})
        while not self.stop.is_set():
            try:
                connection.request("POST", "/v1/embeddings", body)
                answer = connection.getresponse()
                text = answer.read()
            except OSError as error:
                self.faults.append(repr(error))
                break
            if answer.status not in self.answers:
                self.faults.append((self.model, answer.status, text))
            self.count += 1
        connection.close()


class ReloadTest(ProgramTest):
    def write(self, models, **options):
        """The file of options, as a tool would replace it."""
        new = self.folder / "new.yaml"
        new.write_text(json.dumps({"model_overrides": models, **options}), encoding="utf-8")
        new.replace(self.folder / "models.yaml")

    def serve(self, *models, options=(), **more):
        server = Server(*models, env=self.environment(),
                        options=("--precision", "f32", "--config", self.folder / "models.yaml",
                                 *options), **more)
        self.addCleanup(server.kill)
        return server

    def reload(self, server, pattern=r"(models: .*)\n"):
        server.said = ""
        server.process.send_signal(signal.SIGHUP)
        return server.wait_for(pattern)

    def ask(self, server, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_SECONDS)
        self.addCleanup(connection.close)
        connection.request("POST" if body else "GET", path, body and json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def names(self, server):
        return [one["id"] for one in json.loads(self.ask(server, "/v1/models")[1])["data"]]

    def model(self, **settings):
        return {"model_path": str(TINY), **settings}


class Reloading(ReloadTest):
    def test_nobody_notices_that_models_come_change_and_go(self):
        self.write({"kept": self.model(), "changed": self.model(streams=1)})
        server = self.serve(f"bert={TINY}")
        stop = threading.Event()
        clients = [Client(server.port, name, stop) for name in ("bert", "kept", "changed")]
        clients += [Client(server.port, "comes", stop, (200, 404)) for _ in range(2)]
        for one in clients:
            one.start()
        try:
            for i in range(RELOADS):
                models = {"kept": self.model(), "changed": self.model(streams=2 - i % 2)}
                if i % 2 == 0:
                    models["comes"] = self.model()
                self.write(models)
                said = self.reload(server)
                self.assertEqual(said, "models: new: comes; changed: changed" if i % 2 == 0
                                 else "models: changed: changed; gone: comes")
                if i % 5 == 0:
                    (self.folder / "models.yaml").write_text("model_overrides: [", "utf-8")
                    self.assertIn("models.yaml", self.reload(server))
        finally:
            stop.set()
            for one in clients:
                one.join()
        for one in clients:
            self.assertEqual(one.faults, [])
            self.assertGreater(one.count, 0)
        metrics = self.ask(server, "/metrics")[1]
        counted = dict(re.findall(r'accel_reloads_total\{outcome="(\w+)"\} (\d+)', metrics))
        # The watch of the file may have read it once more.
        self.assertGreaterEqual(int(counted["taken"]), RELOADS)
        self.assertGreaterEqual(int(counted["refused"]), RELOADS // 5)
        loads = dict(re.findall(r'accel_model_loads_total\{model="(\w+)",.*\} (\d+)', metrics))
        self.assertEqual((loads["bert"], loads["kept"]), ("1", "1"))
        self.assertEqual(server.stop(), OK)

    def test_a_file_that_changed_is_read_without_a_signal(self):
        self.write({"first": self.model()})
        server = self.serve()
        self.assertEqual(self.names(server), ["first"])
        self.write({"first": self.model(), "second": self.model()})
        server.wait_for(r"models: (new: second)")
        self.assertEqual(self.names(server), ["first", "second"])
        self.assertEqual(self.reload(server), "models: nothing has changed")

    def test_what_is_wrong_changes_nothing_and_is_said(self):
        self.write({"first": self.model()})
        server = self.serve()
        absent = str(self.folder / "absent")
        for models, words in [({"first": {**self.model(), "streams": "many"}}, "models.yaml:1"),
                              ({"first": self.model(streams=2), "b": {"model_path": absent}},
                               "absent")]:
            self.write(models)
            said = self.reload(server)
            self.assertIn("models: stay as they were", said)
            self.assertIn(words, said)
            self.assertEqual(self.names(server), ["first"])
            self.assertEqual(
                self.ask(server, "/v1/embeddings", {"model": "first", "input": "x"})[0], 200)

    def test_what_needs_a_start_is_named(self):
        self.write({"first": self.model()}, models_max=3)
        server = self.serve()
        self.write({"first": self.model()}, models_max=4)
        self.assertIn("models_max: hold from the next start on",
                      self.reload(server, r"(models_max.*)\n"))

    def test_what_is_lazy_stays_so(self):
        self.write({"first": self.model()})
        server = self.serve(options=("--lazy",))
        self.write({"first": self.model(streams=1), "later": {"model_path": "nowhere/yet"}})
        self.assertEqual(self.reload(server), "models: new: later; changed: first")
        self.assertNotIn('accel_model_loaded{model="first",version="1"} 1',
                         self.ask(server, "/metrics")[1])
        self.assertEqual(
            self.ask(server, "/v1/embeddings", {"model": "first", "input": "x"})[0], 200)


class SecureClient(threading.Thread):
    """Asks again and again over TLS, by calls of one connection or each on its own."""

    def __init__(self, port, authority, stop, alone):
        super().__init__()
        self.port, self.authority, self.stop, self.alone = port, authority, stop, alone
        self.faults, self.count = [], 0

    def run(self):
        with contextlib.ExitStack() as kept:
            connection = None if self.alone else self.connect(kept)
            while not self.stop.is_set() and not self.faults:
                try:
                    with contextlib.ExitStack() as own:
                        self.ask(connection or self.connect(own))
                    self.count += 1
                except Exception as error:  # whatever it is, it is to be seen
                    self.faults.append(repr(error))


class Https(SecureClient):
    def connect(self, stack):
        context = ssl.create_default_context(cafile=self.authority.pem)
        return stack.enter_context(contextlib.closing(http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=START_SECONDS, context=context)))

    def ask(self, connection):
        connection.request("POST", "/v1/embeddings",
                           json.dumps({"model": "kept", "input": ["a text", "another one"]}))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError((answer.status, text))


class Grpc(SecureClient):
    def connect(self, stack):
        import grpc
        from tritonclient.grpc import service_pb2_grpc
        trusted = grpc.ssl_channel_credentials(self.authority.pem.read_bytes())
        channel = stack.enter_context(grpc.secure_channel(
            f"127.0.0.1:{self.port}", trusted, [("grpc.use_local_subchannel_pool", 1)]))
        return service_pb2_grpc.GRPCInferenceServiceStub(channel)

    def ask(self, stub):
        from tritonclient.grpc import service_pb2
        asked = service_pb2.ModelInferRequest(model_name="kept")
        text = asked.inputs.add(name="text", datatype="BYTES", shape=[1])
        text.contents.bytes_contents.append(b"a text")
        stub.ModelInfer(asked, timeout=START_SECONDS)


@needs_clients
@needs_openssl
class Renewing(ReloadTest):
    def until(self, ready, what):
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def shown(self, server, authority):
        """The certificate of a new connection, and the names of the models."""
        context = ssl.create_default_context(cafile=authority.pem)
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=START_SECONDS,
                                                 context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/v1/models")
            models = json.loads(connection.getresponse().read())["data"]
            certificate = connection.sock.getpeercert(binary_form=True)
        return certificate, [one["id"] for one in models]

    def test_certificates_and_models_change_under_load(self):
        authority = Authority(self.folder)
        identities = [authority.issue(f"renewed{i}") for i in range(5)]
        identities = [(pem.read_bytes(), key.read_bytes()) for pem, key in identities]
        certificate, key = authority.issue()
        self.write({"kept": self.model()})
        server = self.serve(options=("--tls-certificate", certificate, "--tls-key", key),
                            scheme="https")
        stop = threading.Event()
        clients = [kind(server.port, authority, stop, alone) for kind in (Https, Grpc)
                   for alone in (False, True)]
        for one in clients:
            one.start()
        try:
            for i in range(RELOADS_WITH_CERTIFICATES):
                pem, secret = identities[i % len(identities)]
                for path, content in ((key, secret), (certificate, pem)):
                    new = self.folder / "new.pem"
                    new.write_bytes(content)
                    new.replace(path)
                models = {"kept": self.model(), f"model{i}": self.model(streams=1)}
                self.write(models)
                server.process.send_signal(signal.SIGHUP)
                wanted = (ssl.PEM_cert_to_DER_cert(pem.decode()), sorted(models))
                self.until(lambda: self.shown(server, authority) == wanted, f"reload {i}")
        finally:
            stop.set()
            for one in clients:
                one.join()
        for one in clients:
            self.assertEqual(one.faults, [])
            self.assertGreater(one.count, 0)
        self.assertEqual(server.stop(), OK)


if __name__ == "__main__":
    unittest.main()
