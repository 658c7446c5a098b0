"""accel serve whose models change while it answers."""
import http.client
import json
import os
import re
import signal
import threading
import unittest

from program import OK, SANITIZED, TINY, ProgramTest
from server import START_SECONDS, Server

RELOADS = int(os.environ.get("ACCEL_RELOADS", 10 if SANITIZED else 20))


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


class Reloading(ProgramTest):
    def write(self, models, **options):
        """The file of options, as a tool would replace it."""
        new = self.folder / "new.yaml"
        new.write_text(json.dumps({"model_overrides": models, **options}), encoding="utf-8")
        new.replace(self.folder / "models.yaml")

    def serve(self, *models, options=()):
        server = Server(*models, env=self.environment(),
                        options=("--precision", "f32", "--config", self.folder / "models.yaml",
                                 *options))
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


if __name__ == "__main__":
    unittest.main()
