"""A server under everything at a time, watched: clients of every protocol whose answers are known,
clients that leave or talk nonsense, models that come and go, workers that are killed."""
import http.client
import json
import os
import queue
import random
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time
from pathlib import Path

from server import HAS_CLIENTS

TEXTS = ("a text", "another one", "a longer text about nothing in particular, with some words",
         "short", "and one more that is here to have a length of its own")
PATIENCE_SECONDS = 120


class MemoryMeter:
    """Resident memory of a process, looked at now and then; in MiB."""

    def __init__(self, pid):
        self.pid = pid
        self.samples = []  # (seconds, MiB)

    def look(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        self.samples.append((time.monotonic(), pages * os.sysconf("SC_PAGESIZE") / 2**20))

    def growth(self):
        """Of the last quarter over the third, as a part: what a leak does not stop doing, and what
        fills caches and arenas has done by then. Of each the tenth percentile: what is held when
        the least is under way. A load that is under way takes half as much again for a moment, and
        how many of those a quarter has is chance."""
        begin, end = self.samples[0][0], self.samples[-1][0]
        at = lambda part: begin + part * (end - begin)
        third = [mib for when, mib in self.samples if at(0.5) <= when < at(0.75)]
        last = [mib for when, mib in self.samples if when >= at(0.75)]
        held = lambda samples: statistics.quantiles(samples, n=10)[0]
        return held(last) / held(third) - 1


class Actor(threading.Thread):
    """Does one thing again and again until the end, and notes what is wrong."""

    def __init__(self, soak, act, pause=0.0):
        super().__init__(daemon=True)
        self.soak, self.act, self.pause = soak, act, pause
        self.random = random.Random(len(soak.actors))
        self.count, self.faults = 0, []

    def run(self):
        while not self.soak.ended.wait(self.pause * self.random.uniform(0.5, 1.5)):
            try:
                self.act(self)
                self.count += 1
            except Exception as error:  # pylint: disable=broad-except
                self.faults.append(f"{self.act.__name__}: {error!r}"[:500])
                if len(self.faults) > 20:
                    return


class Soak:
    """`server` has the models bert, and moved, which may be answered by a worker that was killed.
    `reload` changes the file of models and says so to the server; may be None."""

    def __init__(self, server, reload=None):
        self.server, self.reload = server, reload
        self.ended = threading.Event()
        self.meter = MemoryMeter(server.process.pid)
        self.local = threading.local()
        self.injected = 0  # workers that were killed
        self.expected = [self.embedding(text) for text in TEXTS]
        self.actors = []
        for act, pause in ((self.openai, 0), (self.openai, 0.01), (self.tei, 0.01),
                           (self.kserve_items, 0.01), (self.kserve_tensors, 0.01),
                           (self.ollama, 0.02), (self.many, 0.05), (self.wrong, 0.02),
                           (self.look, 0.1), (self.abort, 0.02), (self.half, 0.2),
                           (self.load, 0.5), (self.isolated, 0.05), (self.kill, 5)):
            self.actors.append(Actor(self, act, pause))
        if HAS_CLIENTS:
            self.actors += [Actor(self, self.grpc, 0.01), Actor(self, self.grpc_stream, 0.1)]
        if reload is not None:
            self.actors.append(Actor(self, self.change, 1))

    def run(self, seconds):
        for actor in self.actors:
            actor.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.server.process.poll() is None:
            self.meter.look()
            time.sleep(0.25)
        self.ended.set()
        for actor in self.actors:
            actor.join(PATIENCE_SECONDS)

    def faults(self):
        late = [f"{actor.act.__name__} has not ended" for actor in self.actors if actor.is_alive()]
        return late + [fault for actor in self.actors for fault in actor.faults]

    def counts(self):
        counts = {}
        for actor in self.actors:
            counts[actor.act.__name__] = counts.get(actor.act.__name__, 0) + actor.count
        return counts

    # --- asking ---

    def ask(self, method, path, body=None, headers=None):
        """On a connection of this thread's own, which is kept."""
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                    timeout=PATIENCE_SECONDS)
            self.local.connection = connection
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        except (OSError, http.client.HTTPException):
            connection.close()
            self.local.connection = None
            raise

    def answer(self, *asked, **more):
        status, body, _ = self.ask(*asked, **more)
        if status != 200:
            raise AssertionError(f"expected 200, found {status}: {body[:200]}")
        return json.loads(body)

    def embedding(self, text, model="bert"):
        rows = self.answer("POST", "/v1/embeddings", {"model": model, "input": text})["data"]
        return rows[0]["embedding"]

    def same(self, found, text):
        expected = self.expected[TEXTS.index(text)]
        worst = max(abs(a - b) for a, b in zip(found, expected, strict=True))
        if worst > 1e-4:
            raise AssertionError(f"another embedding of {text!r}, by {worst}")

    # --- what clients do; each has its own thread ---

    def openai(self, actor):
        text = actor.random.choice(TEXTS)
        self.same(self.embedding(text), text)

    def tei(self, actor):
        texts = actor.random.sample(TEXTS, 3)
        for row, text in zip(self.answer("POST", "/embed", {"inputs": texts}), texts, strict=True):
            self.same(row, text)

    def ollama(self, actor):
        text = actor.random.choice(TEXTS)
        found = self.answer("POST", "/api/embed", {"model": "bert", "input": text})
        self.same(found["embeddings"][0], text)

    def kserve_items(self, actor):
        text = actor.random.choice(TEXTS)
        found = self.answer("POST", "/v2/models/bert/infer", {"id": text, "inputs": [
            {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}]})
        if found["id"] != text:
            raise AssertionError(f"an answer to another request: {found['id']!r}")
        self.same(found["outputs"][0]["data"], text)

    def kserve_tensors(self, actor):
        tokens = actor.random.randint(1, 40)
        head = json.dumps({"inputs": [
            {"name": "input_ids", "datatype": "INT64", "shape": [1, tokens],
             "parameters": {"binary_data_size": 8 * tokens}}],
            "parameters": {"binary_data_output": True}}).encode()
        status, body, headers = self.ask(
            "POST", "/v2/models/bert/infer", head + struct.pack(f"<{tokens}q", *[5] * tokens),
            {"Inference-Header-Content-Length": str(len(head))})
        told = json.loads(body[:int(headers["Inference-Header-Content-Length"])])
        if status != 200 or told["outputs"][0]["shape"] != [1, tokens, 32]:
            raise AssertionError(f"expected {tokens} tokens, found {status}: {told}")

    def grpc_client(self):
        import tritonclient.grpc
        if not hasattr(self.local, "grpc"):
            self.local.grpc = tritonclient.grpc.InferenceServerClient(
                f"127.0.0.1:{self.server.port}")
        return self.local.grpc

    def grpc_input(self, text):
        import numpy
        import tritonclient.grpc
        made = tritonclient.grpc.InferInput("text", [1], "BYTES")
        made.set_data_from_numpy(numpy.array([text.encode()], dtype=object))
        return [made]

    def grpc(self, actor):
        """Answered, or given up by the client at once."""
        text = actor.random.choice(TEXTS)
        if actor.random.random() < 0.8:
            answer = self.grpc_client().infer("bert", self.grpc_input(text))
            return self.same(answer.as_numpy("sentence_embedding").tolist()[0], text)
        ended = queue.Queue()
        call = self.grpc_client().async_infer(
            "bert", self.grpc_input(text),
            callback=lambda result, error: ended.put((result, error)))
        call.cancel()
        result, error = ended.get(timeout=PATIENCE_SECONDS)
        if error is None:  # it was quicker
            self.same(result.as_numpy("sentence_embedding").tolist()[0], text)
        elif "CANCELLED" not in str(error):
            raise error
        return None

    def grpc_stream(self, actor):
        texts = [actor.random.choice(TEXTS) for _ in range(10)]
        answers = queue.Queue()
        self.grpc_client().start_stream(
            callback=lambda result, error: answers.put((result, error)))
        for text in texts:
            self.grpc_client().async_stream_infer("bert", self.grpc_input(text))
        for text in texts:
            result, error = answers.get(timeout=PATIENCE_SECONDS)
            if error is not None:
                raise error
            self.same(result.as_numpy("sentence_embedding").tolist()[0], text)
        self.grpc_client().stop_stream()

    def many(self, actor):
        texts = [actor.random.choice(TEXTS) for _ in range(actor.random.randint(20, 300))]
        rows = self.answer("POST", "/v1/embeddings", {"model": "bert", "input": texts})["data"]
        for row, text in zip(rows, texts, strict=True):
            self.same(row["embedding"], text)

    def look(self, actor):
        path = actor.random.choice(("/livez", "/readyz", "/metrics", "/v1/models", "/openapi.json",
                                    "/v2/models/bert", "/v2/models/stats", "/api/ps", "/info"))
        status, body, _ = self.ask("GET", path)
        if status != 200 or not body and path not in ("/livez", "/readyz"):
            raise AssertionError(f"{path}: expected 200, found {status}")

    def wrong(self, actor):
        method, path, body = actor.random.choice((
            ("POST", "/v1/embeddings", b"{"), ("POST", "/v1/embeddings", {"input": 7}),
            ("POST", "/v1/embeddings", {"model": "none", "input": "x"}), ("GET", "/none", None),
            ("POST", "/v2/models/bert/infer", {"inputs": [{"name": "x"}]}),
            ("POST", "/embed", b"\xff\xfe"), ("DELETE", "/v1/models", None)))
        status, _, _ = self.ask(method, path, body)
        if not 400 <= status < 500:
            raise AssertionError(f"{method} {path}: expected a client's error, found {status}")

    def abort(self, actor):
        """Leaves before its answer, or within its body."""
        body = json.dumps({"model": "bert", "input": list(TEXTS) * 20}).encode()
        head = (f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                .encode())
        with socket.create_connection(("127.0.0.1", self.server.port)) as made:
            made.sendall((head + body)[:actor.random.randint(1, len(head) + len(body))])
            if actor.random.random() < 0.5:  # by a reset
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def half(self, actor):
        """Asks, says that it says no more, and reads."""
        del actor
        with socket.create_connection(("127.0.0.1", self.server.port)) as made:
            made.settimeout(PATIENCE_SECONDS)
            made.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            made.shutdown(socket.SHUT_WR)
            if not made.recv(100).startswith(b"HTTP/1.1 200"):
                raise AssertionError("a half-open connection was not answered")

    def load(self, actor):
        act = actor.random.choice(("load", "unload"))
        status, body, _ = self.ask("POST", f"/v2/repository/models/spare/{act}", {})
        if status != 200 and b"not loaded" not in body:
            raise AssertionError(f"{act}: expected 200, found {status}: {body[:200]}")

    def isolated(self, actor):
        """Of a model whose workers are killed: answered, or an error that says so."""
        text = actor.random.choice(TEXTS)
        before = self.injected
        status, body, _ = self.ask("POST", "/v1/embeddings", {"model": "moved", "input": text})
        if status == 200:
            self.same(json.loads(body)["data"][0]["embedding"], text)
        elif status != 503 or self.injected == before == 0:
            raise AssertionError(f"expected 200, found {status}: {body[:200]}")

    def kill(self, actor):
        del actor
        listed = subprocess.run(["pgrep", "-P", str(self.server.process.pid), "accel-worker"],
                                capture_output=True, text=True, check=False).stdout.split()
        for pid in listed[:1]:
            self.injected += 1
            os.kill(int(pid), signal.SIGKILL)

    def change(self, actor):
        self.reload(actor.count)
