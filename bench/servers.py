"""The servers that `./dev bench serve_peers` compares: how each is started, what it may choose
from, and its processes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from base64 import b64decode
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from struct import unpack

import peers_environment

HERE = Path(__file__).resolve().parent
PINS = {name: HERE / f"requirements_{name}.txt" for name in ("servers", "infinity")}
READY_SECONDS = 240
ANSWER_SECONDS = 120
TARGET = "/v1/embeddings"
OURS = ("server_answers.py", "serve_fastapi.py", "serve_litserve.py")


class ServerError(Exception):
    pass


@dataclass
class Served:
    """`command(port, choice)` starts it; choices[0] is the usual one. `best`, by the part of the
    bench, is filled in by tuning."""

    name: str
    command: object
    choices: list
    environment: dict = field(default_factory=dict)
    best: dict = field(default_factory=dict)


def accel(program, model):
    """With its own defaults, but for the precision; like the peers, it refuses nobody."""
    return Served("accel", lambda port, _: [
        str(program), "serve", str(model), "--http", f"127.0.0.1:{port}", "--precision", "f32",
        "--queue-seconds", "0"], [{}])


def ours(name, python, model, graphs, choices):
    """One of peers/serve_NAME.py."""
    def command(port, choice):
        settings = {"port": port, "model": str(model), "graphs": str(graphs), **choice}
        return [*waiting(choice), str(python), str(HERE / "peers" / f"serve_{name}.py"),
                json.dumps(settings)]

    return Served(name, command, choices)


BACKENDS = ("torch", "onnx", "openvino")
# torch's threads wait for each other in a loop, which costs where others want their cores.
PASSIVE = {"omp_wait": "passive"}


def waiting(choice):
    return ["env", f"OMP_WAIT_POLICY={choice['omp_wait']}"] if "omp_wait" in choice else []


def fastapi(python, model, graphs, cores):
    """One model on all cores, a model for each core, and a process for each."""
    ways = [{"threads": cores, "encoders": 1, "workers": 1},
            {"threads": 1, "encoders": cores, "workers": 1},
            {"threads": 1, "encoders": 1, "workers": cores}]
    sizes = [{"drain": 32, "batch": 32}, {"drain": 64, "batch": 16}]
    choices = [{"backend": "torch", **ways[0], **size, **PASSIVE} for size in sizes]
    choices += [{"backend": backend, **way, **size}
                for backend, way, size in product(BACKENDS, ways, sizes)]
    return ours("fastapi", python, model, graphs, choices)


def litserve(python, model, graphs, cores):
    ways = [{"threads": cores, "workers": 1, "requests": 32, "wait": 0.005},
            {"threads": 1, "workers": cores, "requests": 16, "wait": 0.005},
            {"threads": cores, "workers": 1, "requests": 1, "wait": 0}]
    choices = [{"backend": "torch", **ways[0], "batch": 32, **PASSIVE}]
    choices += [{"backend": backend, **way, "batch": 32}
                for backend, way in product(BACKENDS, ways)]
    return ours("litserve", python, model, graphs, choices)


def infinity(python, model, onnx, cores):
    """Its optimum engine optimises the graph once and writes the result beside it."""
    folders = {"torch": model, "optimum": onnx}
    ways = [(1, 32), (1, 8), (1, 64), (cores, 32)]
    choices = [{"engine": "torch", "replicas": 1, "batch": 32, **PASSIVE}]
    choices += [{"engine": engine, "replicas": replicas, "batch": batch}
                for engine, (replicas, batch) in product(folders, ways)]

    def command(port, choice):
        threads = max(1, cores // choice["replicas"])
        program = python.parent / "infinity_emb"
        return [*waiting(choice), "env", f"OMP_NUM_THREADS={threads}", str(program), "v2",
                "--model-id", str(folders[choice["engine"]]), "--served-model-name", "default",
                "--engine", choice["engine"], "--pooling-method", "mean",
                "--device", "cpu", "--dtype", "float32",
                "--batch-size", str(choice["batch"]), "--host", "127.0.0.1", "--port", str(port),
                "--device-id", ",".join(map(str, range(choice["replicas"]))),
                "--url-prefix", "/v1", "--no-model-warmup", "--log-level", "warning"]

    return Served("infinity", command, choices,
                  {"INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HOME": str(onnx / "home")})


def pins():
    """What the settings found depend on, besides the machine."""
    files = [HERE / "servers.py", *(HERE / "peers" / name for name in OURS)]
    return peers_environment.fingerprint(peers_environment.REQUIREMENTS, *PINS.values(), *files)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The processes of one contender, in a group of their own. Only the server whose turn it is
    runs, the others are stopped: some of them look for work all the time."""

    def __init__(self, contender, choice, log_folder):
        self.name, self.choice = contender.name, choice
        self.port = free_port()
        log_folder.mkdir(parents=True, exist_ok=True)
        self.log = log_folder / f"serve.{self.name}.log"
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true",
                       **contender.environment}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(contender.command(self.port, choice), stdout=log,
                                            stderr=log, env=environment, start_new_session=True)
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise self.failure(f"ended with exit code {self.process.returncode}")
            try:
                self.embed(["ready?"])
                return
            except (OSError, http.client.HTTPException, ServerError) as error:
                last = error
            time.sleep(0.2)
        raise self.failure(f"was not ready within {READY_SECONDS} s: {last}")

    def embed(self, texts):
        """One vector per text, of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            body = {"model": "default", "input": texts if len(texts) > 1 else texts[0],
                    "encoding_format": "base64"}
            connection.request("POST", TARGET, json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ServerError(f"{self.name} answered {answer.status}: {found[:300]}")
        raw = [b64decode(one["embedding"]) for one in json.loads(found)["data"]]
        return [unpack(f"<{len(one) // 4}f", one) for one in raw]

    def failure(self, what):
        tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return ServerError(f"{self.name} {self.choice}: {what}"
                           + "".join("\n    " + line for line in tail))

    def signal_all(self, which):
        try:
            os.killpg(self.process.pid, which)
        except ProcessLookupError:
            pass

    def pause(self):
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        self.signal_all(signal.SIGCONT)

    def close(self):
        self.resume()
        self.signal_all(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        self.signal_all(signal.SIGKILL)  # whatever it left behind
        self.process.wait()
