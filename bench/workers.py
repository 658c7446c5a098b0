"""One contender = one worker process that answers the line protocol of peers/protocol.py."""

import json
import os
import select
import subprocess
import time

from machine import memory_mib

ANSWER_SECONDS_MAX = 900


class WorkerError(Exception):
    pass


class Worker:
    """Owns the process; close() or leaving a `with` block ends it."""

    def __init__(self, name, command, log_folder):
        self.name = name
        log_folder.mkdir(parents=True, exist_ok=True)
        self.log_path = log_folder / f"{name}.log"
        self.buffer = b""
        self.started = time.perf_counter()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env={**os.environ, "TOKENIZERS_PARALLELISM": "true"},
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, request):
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self.failure("ended before it was asked") from None

    def receive(self):
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while b"\n" not in self.buffer:
            remaining = max(0.0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], remaining)[0]:
                raise self.failure(f"gave no answer within {ANSWER_SECONDS_MAX} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise self.failure("ended without an answer")
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        answer = json.loads(line)
        if not answer["ok"]:
            raise self.failure(answer["error"])
        return answer

    def ask(self, do, **request):
        self.send({"do": do, **request})
        return self.receive()

    def failure(self, what):
        tail = self.log_path.read_text(errors="replace").strip().splitlines()[-3:]
        return WorkerError(f"{self.name}: {what}" + "".join("\n    " + line for line in tail))

    def memory_mib(self):
        return memory_mib(self.process.pid)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
