#!/usr/bin/env python3
"""Measures what a server adds to the engine inside it, over HTTP and over gRPC:
`./dev bench serve`. See bench/README.md."""

import argparse
import base64
import json
import os
import re
import select
import struct
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import machine
from batching import TEXTS, over
from embed import corpus, every, read_texts, write_texts
from ratios import verdict
from scenarios import SETTLE_SECONDS
from tables import interval
from workers import Worker

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
LOGS = BUILD / "logs"
PARTS = ("saturated", "idle", "connections", "overload", "memory")
CLIENTS = 64
SATURATED = 0.9  # of the rate in the process, at least
ADDED_MS = 0.3  # to the median of one idle client, at most
CONNECTIONS = 10_000
CONNECTIONS_MIB = 200
OFFERED = (0.8, 1.2, 2, 5)  # of what the server can do
GOODPUT = 0.9  # of the most that it ever did, at least
BOUND_SECONDS = 2  # that requests may wait, by --queue-seconds
READY_SECONDS = 60
# Batches that take memory: of what they take unbounded, a part is left under the cap.
LARGE_BATCHES = ("--kernels", "engine", "--batch-tokens", "65536")
CROWD = 256  # clients, so that there are such batches
LEFT_UNDER_CAP = 0.4
CAPPED = 0.8  # of the throughput without a cap, at least
# How the clients speak (bench/talk.h).
DOORS = {"http": {"target": "/v1/embeddings", "before": '{"model":"default","input":',
                  "after": ',"encoding_format":"base64"}'},
         "grpc": {}}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, default=BUILD / "serve.json")
    return parser.parse_args()


@contextmanager
def server(given, *options):
    """The process and its port, ready."""
    command = [str(BIN / "accel"), "serve", str(given.model), "--http", "127.0.0.1:0",
               "--precision", given.precision, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    said = b""
    deadline = time.monotonic() + READY_SECONDS
    while b"ready: " not in said:
        if not select.select([process.stderr], [], [], max(deadline - time.monotonic(), 0))[0]:
            raise SystemExit(f"accel serve was not ready within {READY_SECONDS} s: {said}")
        chunk = os.read(process.stderr.fileno(), 4096)
        if not chunk:
            raise SystemExit(f"accel serve ended: {said.decode()}")
        said += chunk
    try:
        yield process, int(re.search(rb"listening on http://127.0.0.1:(\d+)", said).group(1))
    finally:
        process.terminate()
        process.wait()


def unpacked(door, body, size):
    """The embedding in an answer: OpenAI's, or at the end of a ModelInferResponse, in base64."""
    text = body if door == "grpc" else json.loads(body)["data"][0]["embedding"]
    return struct.unpack(f"<{size}f", base64.b64decode(text)[-4 * size:])


def first_row(npy):
    """Of an f32 array in the format of NumPy."""
    blob = Path(npy).read_bytes()
    begin = 10 + struct.unpack("<H", blob[8:10])[0]
    size = int(re.search(rb"'shape': \(\d+, (\d+)\)", blob[:begin]).group(1))
    return struct.unpack(f"<{size}f", blob[begin:begin + 4 * size])


def check(caller, worker, port, path):
    """The server's answers are the process's own."""
    inside = str(BUILD / "work" / "serve.npy")
    worker.ask("vectors", path=path, out=inside)
    expected = first_row(inside)
    for door, speech in DOORS.items():
        body = caller.ask("first", port=port, path=path, **speech)["body"]
        found = unpacked(door, body, len(expected))
        cosine = sum(a * b for a, b in zip(found, expected))
        if cosine < 0.999:
            raise SystemExit(f"the server's answer over {door} has a cosine of {cosine} to the "
                             "process's")


def turns(given, asks):
    """The answers of each, in rounds, each the first in turn."""
    answers = [[] for _ in asks]
    for number in range(given.rounds):
        for i in range(len(asks)):
            turn = (i + number) % len(asks)
            time.sleep(SETTLE_SECONDS)
            answers[turn].append(asks[turn]())
    return answers


def memory_mib(process, field):
    """VmRSS, what it has now, or VmHWM, the most that it ever had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) / 1024


class Bench:
    def __init__(self, given, stack):
        self.given = given
        self.caller = stack.enter_context(Worker("http", [str(BIN / "accel_bench_http")], LOGS))
        self.worker = stack.enter_context(Worker("accel", [str(BIN / "accel_bench_embed")], LOGS))
        self.worker.ask("load", model=str(given.model), precision=given.precision)
        self.process, self.port = stack.enter_context(server(given))
        lines = read_texts(corpus(argparse.Namespace(texts=None, quick=False)))
        self.mixed = str(write_texts("serve-mixed.txt", every(lines, TEXTS)))
        self.long = str(write_texts("serve-long.txt", sorted(lines, key=len)[-CROWD:]))
        self.short = str(write_texts("serve-short.txt", [min(lines, key=len)]))
        check(self.caller, self.worker, self.port, self.mixed)

    def through(self, door, path, clients):
        return self.caller.ask("clients", port=self.port, path=path, clients=clients,
                               seconds=self.given.seconds, **DOORS[door])

    def inside(self, path, clients):
        return self.worker.ask("clients", path=path, clients=clients, seconds=self.given.seconds)

    def each(self, path, clients):
        """Answers by door, and those of the process."""
        asks = [lambda door=door: self.through(door, path, clients) for door in DOORS]
        *served, inside = turns(self.given, [*asks, lambda: self.inside(path, clients)])
        return dict(zip(DOORS, served)), inside

    def saturated(self):
        served, inside = self.each(self.mixed, CLIENTS)
        process = median(one["per_sec"] for one in inside)
        result = {"process_per_sec": process}
        for door, answers in served.items():
            found = over(answers, inside)
            rate = median(one["per_sec"] for one in answers)
            print(f"  {CLIENTS} clients: {rate:.1f}/s over {door}, {process:.1f}/s in the process: "
                  f"{interval(found)}, at least {SATURATED} {verdict(found, SATURATED)}",
                  flush=True)
            result[door] = {"per_sec": rate, "ratio": found, "verdict": verdict(found, SATURATED)}
        return result

    def idle(self):
        served, inside = self.each(self.short, 1)
        process = median(one["p50_ms"] for one in inside)
        result = {"process_ms": process}
        for door, answers in served.items():
            added = [a["p50_ms"] - b["p50_ms"] for a, b in zip(answers, inside)]
            holds = "holds" if median(added) <= ADDED_MS else "does not hold"
            print(f"  one client: {median(one['p50_ms'] for one in answers):.3f} ms over {door}, "
                  f"{process:.3f} ms in the process, {median(added):.3f} ms more "
                  f"({min(added):.3f} to {max(added):.3f}), at most {ADDED_MS} {holds}", flush=True)
            result[door] = {"added_ms": median(added), "verdict": holds}
        return result

    def connections(self):
        before = memory_mib(self.process, "VmRSS")
        self.caller.ask("idle", port=self.port, connections=CONNECTIONS)
        cost = memory_mib(self.process, "VmRSS") - before
        answer = self.through("http", self.short, 1)
        self.caller.ask("idle", port=self.port, connections=0)
        holds = "holds" if cost <= CONNECTIONS_MIB else "does not hold"
        print(f"  {CONNECTIONS} idle connections: {cost:.0f} MiB, at most {CONNECTIONS_MIB} "
              f"{holds}; one client beside them {answer['p50_ms']:.3f} ms", flush=True)
        return {"mib": cost, "beside_ms": answer["p50_ms"], "verdict": holds}

    def overload(self):
        """At a multiple of what it can do, on a server that may let requests wait for a while."""
        with server(self.given, "--queue-seconds", str(BOUND_SECONDS)) as (_, port):
            ask = {"port": port, "path": self.mixed, **DOORS["http"]}
            capacity = self.caller.ask("clients", clients=CLIENTS, seconds=5, **ask)["per_sec"]
            found = {factor: self.caller.ask("offer", per_sec=factor * capacity, seconds=10, **ask)
                     for factor in OFFERED}
        peak = max(capacity, *(one["per_sec"] for one in found.values()))
        result = {"per_sec": capacity, "peak_per_sec": peak}
        for factor, one in found.items():
            held = one["per_sec"] >= GOODPUT * peak or factor < 1
            held = held and one["p95_ms"] <= 1000 * BOUND_SECONDS
            print(f"  {factor} x {capacity:.0f}/s: {one['per_sec']:.0f}/s answered "
                  f"({one['per_sec'] / peak:.2f} of the peak), p95 {one['p95_ms']:.0f} ms; "
                  f"{one['refused']['per_sec']:.0f}/s refused, p95 "
                  f"{one['refused']['p95_ms']:.1f} ms; {'holds' if held else 'does not hold'}",
                  flush=True)
            result[str(factor)] = {**one, "holds": held}
        return result

    def memory(self):
        """Large batches without a bound on memory, and under a cap that has them cut smaller."""
        with server(self.given, *LARGE_BATCHES) as (free, free_port):
            ask = {"path": self.long, "clients": CROWD, "seconds": self.given.seconds,
                   **DOORS["http"]}
            self.caller.ask("first", port=free_port, path=self.short, **DOORS["http"])
            Path(f"/proc/{free.pid}/clear_refs").write_text("5")  # VmHWM without the load's
            at_rest = memory_mib(free, "VmRSS")
            for _ in range(3):
                self.caller.ask("clients", port=free_port, **ask)
            grown = memory_mib(free, "VmHWM") - at_rest
            cap = int(at_rest + LEFT_UNDER_CAP * grown)
            with server(self.given, *LARGE_BATCHES, "--memory-cap", f"{cap}M") as (held, held_port):
                free_rates, held_rates = turns(self.given, [
                    lambda: self.caller.ask("clients", port=free_port, **ask),
                    lambda: self.caller.ask("clients", port=held_port, **ask)])
                most = memory_mib(held, "VmHWM")
            uncapped = memory_mib(free, "VmHWM")
        found = over(held_rates, free_rates)
        holds = "holds" if most <= cap else "does not hold"
        print(f"  memory: {at_rest:.0f} MiB at rest, {uncapped:.0f} MiB unbounded; a cap of {cap} "
              f"MiB {holds} ({most:.0f}) at {interval(found)} of the throughput, at least {CAPPED} "
              f"{verdict(found, CAPPED)}", flush=True)
        return {"at_rest_mib": at_rest, "uncapped_mib": uncapped, "cap_mib": cap, "most_mib": most,
                "ratio": found, "verdict": verdict(found, CAPPED), "within": holds}


def main():
    given = arguments()
    print(f"\n{given.precision}", flush=True)
    with ExitStack() as stack:
        bench = Bench(given, stack)
        found = {name: getattr(bench, name)() for name in PARTS if name in given.parts.split(",")}
    given.output.write_text(json.dumps({"machine": machine.facts(), "precision": given.precision,
                                        **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
