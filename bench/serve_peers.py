#!/usr/bin/env python3
"""Measures accel's server beside Python servers of the same model: `./dev bench serve_peers`. See
bench/README.md."""

import argparse
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import answers
import contenders
import machine
import peers_environment
import servers
from embed import corpus, every, max_tokens, read_texts, write_texts
from ratios import ratio, verdict
from scenarios import SETTLE_SECONDS, rotated
from servers import Server, ServerError
from tables import interval, table
from tuning import Grid
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
LOGS = BUILD / "logs"
AT_LEAST = 1.3  # times the fastest peer
COSINE_MIN = 0.999
TEXTS = 240  # that are asked for
SINGLE_TEXTS = 40  # which a lone client goes through in a round
COMPARED = 32
VERSIONS = {"servers": ("fastapi", "uvicorn", "litserve", "sentence-transformers", "torch",
                        "onnxruntime", "openvino", "transformers"),
            "infinity": ("infinity-emb", "uvicorn", "sentence-transformers", "optimum", "torch",
                         "onnxruntime", "transformers")}


@dataclass(frozen=True)
class Part:
    """`seconds` in which clients ask again: at 0 each asks once. Of a choice that is tried, with
    fewer clients and for less long."""

    name: str
    clients: int
    texts: int  # of a request
    seconds: float
    tried_clients: int
    tried_seconds: float
    cost: str  # what is compared: "seconds" of a text, or the "p50_ms" of a request


PARTS = (Part("saturated", 64, 1, 2, 64, 1, "seconds"),
         Part("single", 1, 1, 1.5, 1, 0.7, "p50_ms"),
         Part("batches", 64, 16, 0, 16, 0, "seconds"))


def arguments():
    names = ",".join(part.name for part in PARTS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=names, help="some of %(default)s")
    parser.add_argument("--peers", default="fastapi,infinity,litserve", help="some of %(default)s")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (15; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="few rounds, untuned: a smoke test")
    parser.add_argument("--tune", action="store_true", help="search the peers' settings again")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--accel", type=Path, default=ROOT / "build/release/bin",
                        help="folder of accel and accel_bench_http (%(default)s)")
    parser.add_argument("--output", type=Path, default=BUILD / "serve_peers.json")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 15)
    return given


def pythons():
    """Of the environments below build/bench, by name."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "install.log"
    found = {"peers": peers_environment.ensure_environment(BUILD / "venv", log)}
    for name, pins in servers.PINS.items():
        folder = BUILD / name
        found[name] = peers_environment.ensure_beside(folder, BUILD / "venv", pins, log)
    return found


def ensure_copy(graphs, folder):
    """The ONNX folder for infinity, which writes into it."""
    stamp = (graphs / "source.sha256").read_text()
    own = folder / "source.sha256"
    if not (own.exists() and own.read_text() == stamp):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(graphs / "onnx", folder)
        own.write_text(stamp)
    return folder


def versions(python, names):
    said = "import sys; from importlib.metadata import version as v; " \
           "print('\\n'.join(f'{name}={v(name)}' for name in sys.argv[1:]))"
    lines = subprocess.run([str(python), "-c", said, *names], check=True, capture_output=True,
                           text=True).stdout.split()
    return dict(line.split("=", 1) for line in lines)


class Bench:
    def __init__(self, given, stack):
        self.given = given
        self.pythons = pythons()
        graphs = BUILD / "models" / given.model.name
        peers_environment.ensure_graphs(self.pythons["peers"], given.model, graphs,
                                        LOGS / "install.log")
        onnx = ensure_copy(graphs, BUILD / "models" / f"{given.model.name}.infinity")
        cores, model = machine.cores(), given.model
        made = {"fastapi": lambda: servers.fastapi(self.pythons["servers"], model, graphs, cores),
                "litserve": lambda: servers.litserve(self.pythons["servers"], model, graphs, cores),
                "infinity": lambda: servers.infinity(self.pythons["infinity"], model, onnx, cores)}
        self.accel = servers.accel(given.accel / "accel", model)
        self.peers = [made[name]() for name in given.peers.split(",")]
        self.caller = stack.enter_context(
            Worker("http", [str(given.accel / "accel_bench_http")], LOGS))
        self.write_requests()
        self.reference = self.reference_vectors()
        key = f"{machine.cpu_model()}, {cores} cores, pins {servers.pins()}"
        self.grid = Grid(BUILD / "serve_grid.json", key)

    def write_requests(self):
        """The texts of each part, each line what stands for "input" in a request."""
        lines = read_texts(corpus(argparse.Namespace(texts=None, quick=False)))
        texts = every(lines, TEXTS)
        self.corpus = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        self.compared = every(texts, COMPARED)[:COMPARED]
        self.paths = {}
        for part in PARTS:
            chosen = every(texts, SINGLE_TEXTS) if part.clients == 1 else texts
            whole = len(chosen) // part.texts * part.texts
            groups = [chosen[i:i + part.texts] for i in range(0, whole, part.texts)]
            bodies = [json.dumps(group if part.texts > 1 else group[0]) for group in groups]
            self.paths[part.name] = str(write_texts(f"peers-{part.name}.txt", bodies))

    def reference_vectors(self):
        """Those of sentence-transformers on torch."""
        path = write_texts("peers-compared.txt", self.compared)
        out = path.with_suffix(".npy")
        command = contenders.peer_command(self.pythons["peers"], contenders.REFERENCE)
        with Worker("reference", command, LOGS) as worker:
            worker.ask("load", model=str(self.given.model), threads=machine.cores(), batch=32,
                       max_tokens=max_tokens(self.given.model))
            worker.ask("vectors", path=str(path), out=str(out))
        return answers.read_npy(out)

    def check(self, server):
        """The least cosine to the reference, of texts in one request and one by one."""
        together = server.embed(self.compared)
        alone = [server.embed([text])[0] for text in self.compared[:8]]
        found = min(answers.cosines([*together, *alone],
                                    [*self.reference, *self.reference[:8]]))
        if not found >= COSINE_MIN:
            raise ServerError(f"{server.name} {server.choice}: a cosine of {found:.6f} to "
                              f"{contenders.REFERENCE}, expected at least {COSINE_MIN}")
        return found

    def ask(self, server, part, clients, seconds):
        answer = self.caller.ask("clients", port=server.port, path=self.paths[part.name],
                                 clients=clients, seconds=seconds, json=True,
                                 target=servers.TARGET, before='{"model":"default","input":',
                                 after=',"encoding_format":"base64"}')
        if answer["refused"]:
            raise ServerError(f"{server.name} refused {answer['refused']} requests")
        texts_per_sec = answer["per_sec"] * part.texts
        return {"per_sec": texts_per_sec, "seconds": 1 / texts_per_sec,
                "p50_ms": answer["p50_ms"], "p95_ms": answer["p95_ms"]}

    def tune(self, peer):
        """Fills in `best`: of every choice a server is started and each part tried on it."""
        known = self.grid.here.get(peer.name)
        if known and not self.given.tune:
            peer.best = known["best"]
            return
        if self.given.quick and not self.given.tune:
            peer.best = {part.name: peer.choices[0] for part in PARTS}
            return
        print(f"tuning {peer.name}: {len(peer.choices)} choices ...", flush=True)
        tried = [self.attempt(peer, choice) for choice in peer.choices]
        able = [one for one in tried if "refused" not in one]
        if not able:
            raise ServerError(f"{peer.name}: no choice works: {tried[0]['refused']}")
        for part in PARTS:
            quickest = min(able, key=lambda one: one[part.name][part.cost])
            peer.best[part.name] = quickest["choice"]
        self.grid.here[peer.name] = {"best": peer.best, "tried": tried}
        self.grid.save()

    def attempt(self, peer, choice):
        found = {"choice": choice}
        try:
            with Server(peer, choice, LOGS) as server:
                found["cosine"] = self.check(server)
                for part in PARTS:
                    self.ask(server, part, part.tried_clients, 0)
                    found[part.name] = self.ask(server, part, part.tried_clients,
                                                part.tried_seconds)
        except (ServerError, WorkerError) as error:
            found["refused"] = str(error)
        return found

    def load(self, part):
        """(clients, seconds) of a measurement."""
        if self.given.quick:
            return part.tried_clients, part.tried_seconds
        return part.clients, part.seconds

    def race(self, part):
        """Measurements by contender, in rounds; whose turn it is not is stopped."""
        clients, seconds = self.load(part)
        found, cosines = {}, {}
        with ExitStack() as stack:
            running = {}
            for one in [self.accel, *self.peers]:
                choice = one.best.get(part.name, one.choices[0])
                server = stack.enter_context(Server(one, choice, LOGS))
                cosines[one.name] = self.check(server)
                self.ask(server, part, clients, seconds)  # warm
                server.pause()
                running[one.name], found[one.name] = server, []
            for number in range(self.given.rounds):
                for name in rotated(list(running), number):
                    running[name].resume()
                    time.sleep(SETTLE_SECONDS)
                    found[name].append(self.ask(running[name], part, clients, seconds))
                    running[name].pause()
        return found, cosines

    def measure(self, part):
        """The part's figures, and how much cheaper accel is than each peer."""
        found, cosines = self.race(part)
        costs = {name: [one[part.cost] for one in each] for name, each in found.items()}
        fastest = min((name for name in costs if name != "accel"), key=lambda n: median(costs[n]))
        ratios = {name: ratio(costs[name], costs["accel"]) for name in costs if name != "accel"}
        middle = {name: {key: median(one[key] for one in each)
                         for key in ("per_sec", "p50_ms", "p95_ms")}
                  for name, each in found.items()}
        return {"clients": self.load(part)[0], "texts_per_request": part.texts,
                "settings": {peer.name: peer.best[part.name] for peer in self.peers},
                "cosine_min": cosines, "rounds": found, "median": middle, "ratios": ratios,
                "fastest_peer": fastest, "required": AT_LEAST,
                "verdict": verdict(ratios[fastest], AT_LEAST)}


def described(settings):
    return " ".join(f"{key}={value}" for key, value in settings.items()) or "its defaults"


def show(part, one):
    many = f"{part.texts} texts" if part.texts > 1 else "one text"
    rows = []
    for name in sorted(one["median"], key=lambda name: -one["median"][name]["per_sec"]):
        middle = one["median"][name]
        over = interval(one["ratios"][name]) if name in one["ratios"] else "-"
        rows.append([name, f"{middle['per_sec']:.1f}", f"{middle['p50_ms']:.1f}",
                     f"{middle['p95_ms']:.1f}", over, described(one["settings"].get(name, {}))])
    compared = "texts/s" if part.cost == "seconds" else "p50"
    table(f"{part.name}: clients that ask for {many} at a time: {one['clients']}",
          ["server", "texts/s", "p50 ms", "p95 ms", f"accel's {compared} better by", "settings"],
          rows)
    print(f"  over {one['fastest_peer']}, at least {AT_LEAST}: {one['verdict']}", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with it
    given = arguments()
    with ExitStack() as stack:
        bench = Bench(given, stack)
        able = []
        for peer in bench.peers:
            try:
                bench.tune(peer)
                able.append(peer)
            except ServerError as error:
                print(f"left out: {error}", flush=True)
        bench.peers = able
        if not able:
            sys.exit("bench: there is no peer to compare with")
        result = {"bench": "serve_peers", "machine": machine.facts(), "precision": "f32",
                  "quick": given.quick, "model": given.model.name, "corpus_sha256": bench.corpus,
                  "versions": {name: versions(bench.pythons[name], names)
                               for name, names in VERSIONS.items()},
                  "grid": bench.grid.here, "parts": {}}
        for part in PARTS:
            if part.name in given.parts.split(","):
                result["parts"][part.name] = bench.measure(part)
                given.output.write_text(json.dumps(result, indent=1) + "\n")
                show(part, result["parts"][part.name])
    print(f"\nall rounds, settings and versions: {given.output}")


if __name__ == "__main__":
    try:
        main()
    except (ServerError, WorkerError, answers.AnswersDiffer,
            peers_environment.PeersUnavailable) as error:
        sys.exit(f"bench: {error}")
